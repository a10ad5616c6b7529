"""Ratios by where their cells stood: how often their intervals hold the truth, and how wide they are.

What two cells of a round have in common lasts for seconds: their centres correlate by 0.75 side by side, by 0.56 three
seconds apart, and hardly beyond thirteen (measured). So a cell's value here is a state of the machine, of which
e^(-t / 8 s) is left after t seconds, and a process's own scatter, three parts of the variance to one. Between rounds
the machine drifts as well, where the test says so. ``pytest -s`` prints the half-widths.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest

from lab.stats.rounds import Estimate, Rounds
from lab.stats.stopping import LOOKS, enough

Array = np.ndarray[Any, Any]
Generator = np.random.Generator

RATIO = 1.5
SCATTER = 0.08
SHARED = 0.75  # part of the variance that two cells side by side have in common
LASTS_S = 8.0
PRECISION = 0.03
LEAST, GREATEST = 0.92, 0.98  # share of intervals of 95% that hold the truth
TRIALS = 1000

# Seconds of a round at which the top and the bottom are measured, and the blocks of both.
LAYOUTS: dict[str, tuple[list[float], list[float], list[int]]] = {
    "scattered": ([40.0], [200.0], [1, 7]),
    "adjacent": ([0.0], [2.0], [1, 1]),
    "four adjacent pairs": ([0.0, 50.0, 100.0, 150.0], [2.0, 52.0, 102.0, 152.0], [1, 2, 3, 4, 1, 2, 3, 4]),
    "baseline of each block": ([0.0], [2.0, 52.0, 102.0, 152.0], [1, 1, 2, 3, 4]),
}


def logs_of(rng: Generator, layout: str, budget: int, *, drifts: bool) -> Array:
    """Logarithms of every process, the top's first; shape (trials, rounds, processes)."""
    tops_s, bottoms_s, _ = LAYOUTS[layout]
    times = np.array([*tops_s, *bottoms_s])
    state = np.exp(-np.abs(times[:, None] - times[None, :]) / LASTS_S)
    logs = math.sqrt(SHARED) * rng.multivariate_normal(np.zeros(len(times)), state, size=(TRIALS, budget))
    logs = logs + math.sqrt(1 - SHARED) * rng.normal(0, 1, logs.shape)
    if drifts:  # between rounds, of twice the scatter and with a lag-1 correlation of 0.7
        steps = rng.normal(0, 1, (TRIALS, budget, 1))
        for number in range(1, budget):
            steps[:, number] = 0.7 * steps[:, number - 1] + math.sqrt(1 - 0.7**2) * steps[:, number]
        logs = logs + 2 * steps
    logs = SCATTER * logs
    logs[:, :, : len(tops_s)] += math.log(RATIO)
    return logs


def ratios(logs: Array, layout: str, *, blocks: bool = True) -> list[Estimate]:
    """The ratio of each trial, with the rounds after which the rule of stopping ends it by its top."""
    trials, budget, _ = logs.shape
    tops = len(LAYOUTS[layout][0])
    looks = [look for look in LOOKS if look <= budget]
    centres = logs[:, :, :tops].mean(axis=2)
    stops = np.array([
        next((look for look in looks if enough(own[:look].tolist(), look, PRECISION)), budget) for own in centres
    ])  # fmt: skip
    trial, number, process = (grid.ravel() for grid in np.meshgrid(*map(np.arange, logs.shape), indexing="ij"))
    frame = pd.DataFrame({
        "run_id": "r", "target": trial.astype(str), "scenario": "s", "operation": "o", "metric": "wall_time",
        "status": "ok", "warmup": 0, "cpu_mode": "cpuset", "loops": 1, "value": np.exp(logs).ravel(), "round": number,
        "process": process, "case": np.where(process < tops, "top", "bottom"),
        "block": np.array(LAYOUTS[layout][2])[process],
    })  # fmt: skip
    frame = frame[number < stops[trial]]
    rounds = Rounds.of(frame if blocks else frame.drop(columns="block"))
    found = [rounds.ratio((str(one), "s", "top", "o"), (str(one), "s", "bottom", "o")) for one in range(trials)]
    return [ratio for ratio in found if ratio is not None]


def half_width(found: list[Estimate]) -> float:
    return float(np.median([math.log((one.high or 0) / (one.low or 1)) / 2 for one in found]))


@pytest.mark.parametrize("budget", [5, 8, 12])
@pytest.mark.parametrize(
    ("layout", "drifts"),
    [("scattered", False), ("adjacent", False), ("adjacent", True), ("four adjacent pairs", True)],
)
def test_intervals_of_ratios_hold_the_truth_as_often_as_they_say(layout: str, budget: int, *, drifts: bool) -> None:
    found = ratios(logs_of(np.random.default_rng(budget), layout, budget, drifts=drifts), layout)
    share = sum((one.low or 0) <= RATIO <= (one.high or 0) for one in found) / TRIALS
    error = 1.96 * math.sqrt(share * (1 - share) / TRIALS)
    print(f"{layout}, {budget} rounds, drift {drifts}: {share:.1%} +- {error:.1%}, half-width {half_width(found):.1%}")
    assert share - error >= LEAST
    assert share + error <= GREATEST


def test_cells_side_by_side_have_the_narrower_ratio_and_four_pairs_of_a_round_the_narrowest() -> None:
    logs = {name: logs_of(np.random.default_rng(1), name, 5, drifts=False) for name in LAYOUTS}
    scattered, adjacent, four, baseline = (half_width(ratios(logs[name], name)) for name in LAYOUTS)
    print(f"half-widths at five rounds: scattered {scattered:.1%}, adjacent {adjacent:.1%}, four pairs {four:.1%}")
    assert four < 0.65 * adjacent
    assert adjacent < 0.75 * scattered
    by_round = half_width(ratios(logs["baseline of each block"], "baseline of each block", blocks=False))
    assert baseline < by_round, "a ratio is to the baseline of its own block, not to the mean of the round's"


# Standard deviations of logarithms in a quick run on two virtual CPUs: of a batch within a process of the serial job
# and of the pool of two, and of what their ratio's 0.121 between rounds leaves beside the medians of three batches.
SERIAL_BATCH, POOL_BATCH, BETWEEN = 0.079, 0.139, 0.056


@pytest.mark.parametrize(("processes", "least", "most"), [(1, 0.13, 0.17), (2, 0.09, 0.12), (5, 0.06, 0.07)])
def test_half_width_of_the_speedup_of_two_processes_in_five_rounds(processes: int, least: float, most: float) -> None:
    """Seven per cent need five processes per round with this noise; two, which the budget carries, give eleven."""
    rng, shape = np.random.default_rng(15), (500, 5, processes, 3)
    sides = [np.median(rng.normal(0, batch, shape), axis=3) for batch in (SERIAL_BATCH, POOL_BATCH)]
    logs = (sides[0] - sides[1] + rng.normal(0, BETWEEN, shape[:3])).mean(axis=2)
    half = 2.776 * logs.std(axis=1, ddof=1) / math.sqrt(5)
    found = float(np.sqrt(np.mean(half**2)))
    print(f"{processes} processes per round: half-width {found:.1%}")
    assert least < found < most


def test_scattered_cells_are_not_paired_because_of_their_blocks_and_not_of_their_widths() -> None:
    """Pairing what has nothing in common halves the degrees of freedom: 2.78 standard errors instead of 2.31."""
    logs = logs_of(np.random.default_rng(2), "scattered", 5, drifts=False)
    apart, paired = (ratios(logs, "scattered", blocks=blocks) for blocks in (True, False))
    assert half_width(apart) < 0.95 * half_width(paired)
    drifting = logs_of(np.random.default_rng(2), "scattered", 5, drifts=True)
    apart, paired = (ratios(drifting, "scattered", blocks=blocks) for blocks in (True, False))
    assert half_width(apart) > half_width(paired), "the rule looks at the blocks alone"
