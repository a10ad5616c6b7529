"""Coverage of the selfcheck's intervals when pairs are added until the interval is narrow enough."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from lab.validation.selfcheck.equivalence import MIN_PAIRS, has_enough_pairs, paired_ratio

Draw = Callable[[np.random.Generator], np.ndarray[Any, Any]]
TRIALS = 500
MOST = 60  # pairs, with which most of these intervals are narrow enough
SCATTER = 0.045


def gaussian(rng: np.random.Generator) -> np.ndarray[Any, Any]:
    return rng.normal(scale=SCATTER, size=MOST)


def disturbed(rng: np.random.Generator) -> np.ndarray[Any, Any]:
    """One pair of ten is an outlier, on either side."""
    values: np.ndarray[Any, Any] = rng.normal(scale=0.03, size=MOST) + 0.3 * rng.choice(
        [-1, 0, 1], p=[0.05, 0.9, 0.05], size=MOST
    )
    return values


def stopped(values: np.ndarray[Any, Any]) -> list[float]:
    """The pairs that the rule lets the selfcheck measure."""
    for pairs in range(MIN_PAIRS, MOST):
        if has_enough_pairs(values[:pairs].tolist(), "same_cpu"):
            return list(values[:pairs])
    return list(values)


@pytest.mark.parametrize("draw", [gaussian, disturbed])
def test_stopping_by_the_width_costs_the_interval_under_two_points_of_its_90_percent(draw: Draw) -> None:
    rng = np.random.default_rng(7)
    found = [stopped(draw(rng)) for _ in range(TRIALS)]
    assert len({len(logs) for logs in found}) > 10  # otherwise nothing was stopped early
    ratios = [paired_ratio(logs) for logs in found]
    covered = np.mean([ratio.low <= 1 <= ratio.high for ratio in ratios])
    error = np.sqrt(0.9 * 0.1 / TRIALS)
    assert covered > 0.88 - 2 * error
    assert abs(np.mean(np.log([ratio.value for ratio in ratios]))) < 3 * 1.1 * SCATTER / np.sqrt(MIN_PAIRS * TRIALS)
    print(f"{draw.__name__}: covered {covered:.3f}, pairs {np.mean([len(logs) for logs in found]):.1f}")
