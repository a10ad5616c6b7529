"""Verdicts on simulated functions of known truth: how often a gate is wrong, and how often it finds a slow-down."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from lab.gate.verdicts import p_found, ratios
from lab.stats.tables.compare import judge

ROUNDS = 16
COMPARISONS = 300


def simulated(change: float, scatter: float, *, family: int, seed: int) -> pd.DataFrame:
    """Rounds with drift common to both sides (8%), a scatter of each side, and one pass in 30 a third slower."""
    chance = np.random.default_rng(seed)
    frames = []
    for first in range(0, COMPARISONS, family):
        drift = chance.normal(20.0, 0.08, (family, ROUNDS, 1))
        noise = chance.normal(0.0, scatter, (family, ROUNDS, 2)) + 0.29 * (chance.random((family, ROUNDS, 2)) < 1 / 30)
        logs = drift + noise + np.array([0.0, np.log1p(change)])
        frames.append(judge(ratios({f"work.py:f{first + index}": rows.tolist() for index, rows in enumerate(logs)})))
    return pd.concat(frames)


@pytest.mark.parametrize("scatter", [0.005, 0.02, 0.05])
@pytest.mark.parametrize("family", [10, 300])
def test_equal_sides_raise_at_most_one_false_alarm_in_a_hundred(scatter: float, family: int) -> None:
    verdicts = simulated(0.0, scatter, family=family, seed=3)["verdict"]
    assert len(verdicts) == COMPARISONS
    assert verdicts.isin(["slower", "faster"]).sum() <= COMPARISONS // 100


def test_a_slow_down_of_five_percent_is_found_where_the_scatter_allows_it() -> None:
    found = {
        scatter: float((simulated(0.05, scatter, family=300, seed=5)["verdict"] == "slower").mean())
        for scatter in (0.005, 0.02, 0.08)
    }
    assert found[0.005] > 0.5  # one pass in 30 is an outlier, which most functions have among their rounds
    assert found[0.005] > found[0.02] > found[0.08]


def test_the_predicted_share_is_that_of_the_verdicts() -> None:
    scatter = 0.03
    chance = np.random.default_rng(7)
    logs = chance.normal(20.0, 0.1, (100, ROUNDS, 1)) + chance.normal(
        [0.0, np.log(1.05)], scatter / np.sqrt(2), (100, ROUNDS, 2)
    )
    alone = [judge(ratios({"work.py:f": rows.tolist()}))["verdict"].iloc[0] for rows in logs]
    share = alone.count("slower") / len(alone)
    assert p_found(scatter, ROUNDS) == pytest.approx(share, abs=0.15)
    assert p_found(0.001, ROUNDS) == 1.0
    assert p_found(0.5, ROUNDS) < 0.05
