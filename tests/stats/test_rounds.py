"""The engine for ratios of rounds: frames of many ratios and single pairs give the numbers of a plain loop."""

from __future__ import annotations

import math
import statistics

import numpy as np
import pandas as pd
import pytest
import scipy.stats

from lab.stats.rounds import Rounds, geometric_means_by, round_logs
from tests.claim_runs import cell, run

KEYS = ["target", "scenario", "case", "operation"]
COLUMNS = {"scenario": "s.s", "operation": "o"}


def plain_ratio(above: dict[int, list[float]], below: dict[int, list[float]]) -> tuple[float, float, float]:
    """Ratio with its 95% t-interval, written out: the median of each round's batches, then the logarithms' mean."""
    logs = [
        math.log(statistics.median(above[number]) / statistics.median(below[number]))
        for number in above
        if number in below
    ]
    mean = sum(logs) / len(logs)
    if len(logs) < 5:
        return math.exp(mean), math.nan, math.nan
    scatter = math.sqrt(sum((log - mean) ** 2 for log in logs) / (len(logs) - 1))
    half = float(scipy.stats.t.ppf(0.975, len(logs) - 1)) * scatter / math.sqrt(len(logs))
    return math.exp(mean), math.exp(mean - half), math.exp(mean + half)


@pytest.mark.parametrize("seed", range(12))
def test_both_ways_into_the_engine_give_the_numbers_of_a_plain_loop(seed: int) -> None:
    rng = np.random.default_rng(seed)
    batches = {
        name: {number: rng.lognormal(10, 0.3, rng.integers(1, 6)).tolist() for number in range(rng.integers(1, 12))}
        for name in ("a", "b")
    }
    lost = int(rng.integers(0, len(batches["a"])))
    if len(batches["a"]) > 1:
        del batches["a"][lost]  # a round that only one of the two has
    rows = []
    for name, rounds in batches.items():
        for number, values in rounds.items():
            rows += [{**row, "round": number} for row in cell([values], **COLUMNS, case=name)]
    _, samples = run(rows)
    both = [number for number in batches["a"] if number in batches["b"]]
    key_a, key_b = (("py313-linux-c2", "s.s", name, "o") for name in ("a", "b"))
    found = Rounds.of(samples).ratio(key_a, key_b)
    if not both:
        assert found is None
        return
    expected = plain_ratio(batches["a"], batches["b"])
    assert found is not None
    single = [math.nan if value is None else value for value in (found.value, found.low, found.high)]
    assert single == pytest.approx(expected, rel=1e-12, nan_ok=True)
    logs = round_logs(samples, KEYS)
    sides = [logs[logs["case"] == name][["round", "log"]] for name in ("a", "b")]
    paired = sides[0].merge(sides[1], on="round", suffixes=("_a", "_b")).assign(pair=1)
    (row,) = geometric_means_by(paired.assign(log=paired["log_a"] - paired["log_b"]), ["pair"]).to_dict("records")
    assert [row["value"], row["ci_low"], row["ci_high"]] == pytest.approx(expected, rel=1e-12, nan_ok=True)
    assert (row["rounds"], found.rounds) == (len(both), len(both))


def test_a_bimodal_pair_has_its_median_and_the_order_statistics_that_enclose_it() -> None:
    logs = [0.3, 0.1, 0.2, 0.9, 0.8, 0.7, 0.5, 0.6]
    key, other = ("t", "s", "a", "o"), ("t", "s", "b", "o")
    rounds = Rounds({key: dict(enumerate(logs)), other: dict.fromkeys(range(8), 0.0)}, {})
    found = rounds.ratio(key, other, bimodal=True)
    assert found is not None
    assert [found.value, found.low, found.high] == pytest.approx(np.exp([0.55, 0.1, 0.9]).tolist())
    few = Rounds({key: dict(enumerate(logs[:5])), other: dict.fromkeys(range(8), 0.0)}, {}).ratio(
        key, other, bimodal=True
    )
    assert few is not None
    assert not few.has_interval, "five order statistics enclose the median with less than 95%"


def test_values_of_zero_and_below_have_no_ratio_and_leave_the_others() -> None:
    _, samples = run(cell([1.0, 0.0, -2.0, 4.0], **COLUMNS, case="a"), cell([1.0] * 4, **COLUMNS, case="b"))
    found = Rounds.of(samples).ratio(("py313-linux-c2", "s.s", "a", "o"), ("py313-linux-c2", "s.s", "b", "o"))
    assert found is not None
    assert found.value == pytest.approx(2.0)
    assert found.rounds == 2
    assert round_logs(pd.DataFrame(samples), KEYS).groupby("case")["round"].nunique().to_dict() == {"a": 2, "b": 4}


def test_a_round_with_several_processes_counts_once_by_the_mean_of_their_medians() -> None:
    """Processes of one round are no replicates: the interval is that of five rounds, not of ten processes."""
    rng = np.random.default_rng(5)
    rows, means = [], []
    for number in range(5):
        processes = [rng.lognormal(10, 0.1, 3).tolist() for _ in range(number % 3 + 1)]
        means.append(statistics.fmean(map(statistics.median, processes)))
        for process, values in enumerate(processes):
            rows += [{**row, "round": number, "process": process} for row in cell([values], **COLUMNS, case="a")]
        rows += [{**row, "round": number} for row in cell([[1.0]], **COLUMNS, case="b")]
    _, samples = run(rows)
    key_a, key_b = (("py313-linux-c2", "s.s", name, "o") for name in ("a", "b"))
    found = Rounds.of(samples).ratio(key_a, key_b)
    assert found is not None
    expected = plain_ratio({n: [value] for n, value in enumerate(means)}, {n: [1.0] for n in range(5)})
    assert (found.value, found.low, found.high, found.rounds) == pytest.approx((*expected, 5), rel=1e-12)
