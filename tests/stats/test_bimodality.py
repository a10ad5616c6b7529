"""How often a cell is called bimodal: rounds of one mode, and of two that anybody would see.

Rounds are simulated as they are measured: three batches of one process, of whose variance 75 to 95% lies between
processes, and the summary's own estimate of them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from lab.stats.tables.summary import estimate

Array = np.ndarray[Any, Any]

NOMINAL = 0.01
TRIALS = 2000
SCATTER = 0.05  # of rounds; far beyond the gap that two modes must have to matter


def bimodal_share(rng: np.random.Generator, logs: Array, between: float) -> float:
    """The share of cells that are called bimodal; ``logs`` of shape (trials, rounds), of which ``between`` varies."""
    within = np.sqrt((1 - between) / between) * SCATTER
    batches = np.exp(logs[:, :, None] + rng.normal(0, within, (*logs.shape, 3)))
    centres = np.median(batches, axis=2)
    words = [
        estimate(own, all_of_it.ravel(), "wall_time")["stable"] for own, all_of_it in zip(centres, batches, strict=True)
    ]
    return words.count("bimodal") / len(words)


@pytest.mark.parametrize("between", [0.75, 0.95])
@pytest.mark.parametrize("rounds", [7, 8, 12, 18, 24, 32])
def test_rounds_of_one_mode_are_called_bimodal_in_one_of_a_hundred_cells_at_most(rounds: int, between: float) -> None:
    rng = np.random.default_rng(rounds)
    share = bimodal_share(rng, rng.normal(0, SCATTER, (TRIALS, rounds)), between)
    print(f"{rounds} rounds, {between:.0%} between processes: {share:.2%}")
    assert share <= NOMINAL + 2.6 * np.sqrt(NOMINAL * (1 - NOMINAL) / TRIALS)
    assert rounds >= 8 or not share


@pytest.mark.parametrize(("rounds", "least"), [(8, 0.75), (12, 0.95), (24, 0.99)])
def test_two_clear_modes_are_found(rounds: int, least: float) -> None:
    """Each round is in one of two modes by chance, and these lie ten of their own deviations apart."""
    rng = np.random.default_rng(rounds)
    logs = rng.integers(0, 2, (TRIALS // 2, rounds)) * 10 * SCATTER + rng.normal(0, SCATTER, (TRIALS // 2, rounds))
    share = bimodal_share(rng, logs, 0.95)
    print(f"{rounds} rounds: {share:.1%} found")
    assert share >= least


def test_below_the_rounds_that_it_needs_a_noisy_cell_says_that_modes_were_not_examined() -> None:
    centres = np.array([1.0, 2.0, 1.0, 2.0, 1.0, 2.0, 1.0])
    found = estimate(centres, np.repeat(centres, 3), "wall_time")
    assert found["stable"] == "noisy"
    assert str(found["reason"]).endswith("two modes: not examined (7 of 8 rounds)")
    assert "examined" not in str(estimate(np.append(centres, 5.0), np.ones(24), "wall_time")["reason"])
