"""How often comparisons find what is there and raise an alarm where nothing is: over hundreds of cells."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
import scipy.stats

from lab.stats.stopping import LOOKS, enough
from lab.stats.tables.compare import compare, judge
from lab.stats.tables.target_ratios import cell_ratios
from tests.compared import ROUNDS, noisy, samples, verdicts


@pytest.mark.parametrize("interleaved", [True, False])
@pytest.mark.parametrize("scatter", [0.003, 0.02, 0.1])
def test_three_hundred_equal_cells_raise_no_alarm(scatter: float, interleaved: bool) -> None:  # noqa: FBT001
    found = compare(noisy(300, scatter=scatter, seed=1), noisy(300, scatter=scatter, seed=2), interleaved=interleaved)
    assert len(found) == 300
    assert not found["verdict"].isin(["slower", "faster"]).any()


def test_at_the_edge_of_the_threshold_false_discoveries_stay_below_their_rate() -> None:
    # A tenth of the cells is 8 % slower, the rest lies just on the threshold: the hardest null there is.
    effects = np.where(np.arange(2000) < 200, 1.08, 1.02)[:, None]
    rng = np.random.default_rng(5)
    base = samples(np.exp(rng.normal(0.0, 0.01, (2000, ROUNDS))))
    new = samples(effects * np.exp(rng.normal(0.0, 0.01, (2000, ROUNDS))), target="b")
    found = compare(base, new)
    alarms = found[found["verdict"] == "slower"]["case"].str[1:].astype(int)
    assert (alarms < 200).sum() >= 190
    assert (alarms >= 200).mean() <= 0.05


@pytest.mark.parametrize("interleaved", [True, False])
def test_five_per_cent_are_found_where_the_interval_is_narrow(interleaved: bool) -> None:  # noqa: FBT001
    base, new = noisy(500, scatter=0.009, seed=3), noisy(500, scatter=0.009, effect=1.05, seed=4)
    found = compare(base, new, interleaved=interleaved)
    narrow = found[np.sqrt(found["ci_high"] / found["ci_low"]) - 1 <= 0.015]
    assert len(narrow) >= 300
    assert (narrow["ci_low"] > 1).mean() >= 0.95
    assert (narrow["verdict"] == "slower").mean() >= 0.95
    assert verdicts(compare(new, base, interleaved=interleaved)).get("slower", 0) == 0


def test_the_interval_covers_the_true_ratio_as_often_as_it_says() -> None:
    for interleaved in (True, False):
        found = compare(noisy(2000, seed=6), noisy(2000, effect=1.03, seed=7), interleaved=interleaved)
        assert 0.935 <= found["ci_low"].le(1.03).mul(found["ci_high"].ge(1.03)).mean() <= 0.965


FAMILIES, CELLS = 200, 23  # comparisons of as many cells as a target of the committed sample shares with another


def families(effect: float, seed: int, *, count: int = FAMILIES, rounds: int = 5) -> list[pd.DataFrame]:
    """Comparisons of two targets whose cells scatter by 1 to 10%, and in 5% of their rounds by four times as much."""
    rng = np.random.default_rng(seed)
    scatter = np.tile(np.geomspace(0.01, 0.10, CELLS), count)[:, None]
    shape = (2, len(scatter), rounds)
    noise = rng.normal(0.0, scatter, shape) * np.where(rng.random(shape) < 0.05, 4, 1)
    ratios = cell_ratios(samples(np.exp(noise[0])), samples(effect * np.exp(noise[1]), target="b"))
    return [judge(ratios.iloc[first : first + CELLS]) for first in range(0, len(ratios), CELLS)]


def fails(found: pd.DataFrame, beyond: float) -> bool:
    """Whether ``--fail-on slower:PERCENT`` would fail the job: a row that is slower with its whole interval beyond."""
    return bool(((found["verdict"] == "slower") & (found["ci_low"] > 1 + beyond)).any())


def test_jobs_that_fail_on_slower_fail_by_chance_at_most_as_often_as_declared() -> None:
    """Of many cells one differs by chance; the control is for the whole comparison, whatever its number of cells."""
    null = families(1.0, seed=11)
    alarms = sum(found["verdict"].isin(["slower", "faster"]).any() for found in null)
    limit = scipy.stats.binom.ppf(0.999, FAMILIES, 0.05)
    assert alarms <= limit, f"{alarms} of {FAMILIES} comparisons of equal targets raise an alarm"
    assert sum(fails(found, 0.0) for found in null) <= limit
    assert sum(fails(found, 0.05) for found in null) <= limit
    beside = np.mean([((found["ci_low"] > 1) | (found["ci_high"] < 1)).mean() for found in null])
    assert 0.03 <= beside <= 0.07, "one interval in twenty does not contain 1, so that uncorrected each job would fail"


def test_twenty_percent_slower_in_all_cells_is_found_on_a_noisy_machine() -> None:
    """With the 95th percentile of the null ratios as every cell's threshold (here 20%) none was found."""
    found = families(1.2, seed=12, count=30, rounds=8)
    assert all(fails(each, 0.05) for each in found)
    verdicts_of_all = pd.concat(found)["verdict"]
    assert (verdicts_of_all == "slower").mean() >= 0.75
    assert (verdicts_of_all == "faster").sum() == 0


TRIALS, BUDGET, PRECISION = 2000, 32, 0.03
LEAST, GREATEST = 0.92, 0.98


def stopped(logs: np.ndarray) -> np.ndarray:
    """Cells of which each has the rounds after which the rule stops, within the budget; else NaN."""
    values: np.ndarray = np.exp(logs)
    for cell, centres in enumerate(logs):
        ran = next((look for look in LOOKS if enough(centres[:look].tolist(), look, PRECISION)), BUDGET)
        values[cell, ran:] = np.nan
    return values


def covered(base: np.ndarray, new: np.ndarray, truth: float, *, interleaved: bool) -> float:
    """Share of the comparison's intervals that contain the true ratio."""
    sides = [samples(stopped(logs), target=name).dropna(subset=["value"]) for logs, name in ((base, "a"), (new, "b"))]
    found = compare(sides[0], sides[1], interleaved=interleaved)
    assert found["ci_low"].notna().all()
    return float(found["ci_low"].le(truth).mul(found["ci_high"].ge(truth)).mean())


@pytest.mark.parametrize("scatter", [0.01, 0.05, 0.15])
@pytest.mark.parametrize("lag", [0.0, 0.05, 0.5])
def test_paired_intervals_cover_the_ratio_with_drift_lag_and_the_stopping_rule(scatter: float, lag: float) -> None:
    """The machine drifts over rounds (correlation 0.7) by three times the scatter; NEW runs a share of a round apart.

    Which side of a pair is measured first is random, as in a run.
    """
    rng = np.random.default_rng(21)
    drift = rng.normal(0, 1, (TRIALS, BUDGET))
    for number in range(1, BUDGET):
        drift[:, number] = 0.7 * drift[:, number - 1] + math.sqrt(1 - 0.7**2) * drift[:, number]
    kept = 0.7**lag
    later = kept * drift + math.sqrt(1 - kept**2) * rng.normal(0, 1, drift.shape)
    first = rng.random(drift.shape) < 0.5
    base, new = (
        3 * scatter * np.where(side, drift, later) + rng.normal(0, scatter, drift.shape) for side in (first, ~first)
    )
    share = covered(base, new + math.log(1.1), 1.1, interleaved=True)
    assert LEAST <= share <= GREATEST, share


@pytest.mark.parametrize("scatter", [0.01, 0.05, 0.15])
def test_intervals_of_two_runs_cover_the_ratio_with_the_stopping_rule(scatter: float) -> None:
    """One side scatters three times as much as the other, so that they stop after different numbers of rounds."""
    rng = np.random.default_rng(22)
    base, new = rng.normal(0, scatter, (TRIALS, BUDGET)), rng.normal(math.log(1.1), scatter / 3, (TRIALS, BUDGET))
    share = covered(base, new, 1.1, interleaved=False)
    assert LEAST <= share <= GREATEST, share
