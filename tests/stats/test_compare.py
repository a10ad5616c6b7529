"""Comparisons: on data whose truth is known."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from lab.stats.tables.compare import compare, judge
from lab.stats.tables.target_ratios import cell_ratios, scenario_ratios
from lab.stats.tests import minimum_effect, q_values
from lab.tables import csv_files, schema
from tests.compared import noisy, samples, verdicts


def test_pairing_by_round_takes_out_what_drifts_between_rounds() -> None:
    base, new = noisy(50, scatter=0.004, seed=8, drift=0.1), noisy(50, scatter=0.004, effect=1.05, seed=9, drift=0.1)
    assert verdicts(compare(base, new)) == {"slower": 50}
    assert verdicts(compare(base, new, interleaved=False)) == {"inconclusive": 50}


def test_equal_within_the_threshold_is_same_and_wide_intervals_are_inconclusive() -> None:
    assert verdicts(compare(noisy(50, scatter=0.003, seed=1), noisy(50, scatter=0.003, seed=2))) == {"same": 50}
    wide = compare(noisy(50, scatter=0.1, seed=1), noisy(50, scatter=0.1, seed=2))
    assert set(wide["verdict"]) == {"inconclusive"}
    assert wide["reason"].notna().all()


def test_a_larger_threshold_makes_a_small_difference_the_same() -> None:
    base, new = noisy(20, scatter=0.003, seed=1), noisy(20, scatter=0.003, effect=1.05, seed=2)
    assert verdicts(compare(base, new)) == {"slower": 20}
    assert verdicts(compare(base, new, threshold=0.08)) == {"same": 20}


def test_a_lower_rate_is_slower_and_its_ratio_above_one() -> None:
    base = samples(np.linspace(100, 101, 8)[None, :], metric="throughput", unit="bytes/s")
    new = samples(np.linspace(50, 50.5, 8)[None, :], metric="throughput", unit="bytes/s", target="b")
    row = compare(base, new).iloc[0]
    assert row["verdict"] == "slower"
    assert row["ratio"] == pytest.approx(2.0)
    assert row["new"] / row["base"] == pytest.approx(0.5)


def test_the_worst_stands_first() -> None:
    values = np.array([[1.0], [3.0], [0.5]]) * np.exp(np.random.default_rng(0).normal(0, 0.001, (3, 8)))
    found = compare(samples(np.ones((3, 8))), samples(values, target="b"))
    assert found["case"].tolist() == ["c0001", "c0000", "c0002"]
    assert found["verdict"].tolist() == ["slower", "same", "faster"]


def test_below_five_rounds_there_is_no_verdict() -> None:
    row = compare(samples(np.ones((1, 4))), samples(np.full((1, 4), 9.0), target="b")).iloc[0]
    assert (row["verdict"], row["reason"], row["rounds"]) == ("inconclusive", "4 of 5 rounds", 4)
    assert row["ratio"] == pytest.approx(9.0)
    assert pd.isna(row["ci_low"])
    assert pd.isna(row["p_value"])


def test_free_placement_is_compared_with_the_same_target_only() -> None:
    one, two = noisy(1, seed=1).assign(placement="free"), noisy(1, effect=2.0, seed=2).assign(placement="free")
    row = compare(one, two).iloc[0]
    assert row["verdict"] == "inconclusive"
    assert "placement free" in row["reason"]
    assert compare(one, two.assign(target="t1"), interleaved=False)["verdict"].tolist() == ["slower"]


def test_jobs_with_other_numbers_of_tasks_are_not_compared() -> None:
    one = noisy(2, seed=1).assign(operation="job", tasks=240)
    two = noisy(2, effect=2.0, seed=2).assign(operation="job", tasks=240)
    two.loc[two["case"] == "c0000", "tasks"] = 480
    found = compare(one, two).set_index("case")
    assert "different numbers of tasks" in str(found.loc["c0000", "reason"])
    assert found.loc["c0000", "verdict"] not in ("slower", "same", "faster")
    assert found.loc["c0001", "verdict"] == "slower"
    assert scenario_ratios(one, two)["case"].tolist() == ["mean of 1"]


def test_a_disturbed_cell_is_inconclusive_and_its_cause_is_named() -> None:
    cause = {("ipc.round_trip", "c0000"): "steal 12%"}
    found = compare(noisy(2, seed=1), noisy(2, effect=2.0, seed=2), disturbed=cause).set_index("case")
    assert found["verdict"].to_dict() == {"c0000": "inconclusive", "c0001": "slower"}
    assert found.loc["c0000", "reason"] == "disturbed: steal 12%"


def test_what_one_side_lacks_is_a_row_with_its_reason() -> None:
    base = noisy(4, seed=1)
    new = noisy(3, seed=2)
    refused = (new["case"] == "c0001") | (new["case"] == "c0002")
    new.loc[refused, ["value", "operation"]] = None
    new.loc[refused, "status"], new.loc[refused, "reason"] = "unsupported", "needs two CPUs"
    base.loc[base["case"] == "c0002", "status"], base.loc[base["case"] == "c0002", "reason"] = "failed", "wrong sum"
    found = compare(base, new).set_index("case")
    assert found["verdict"].to_dict() == {
        "c0000": "same", "c0001": "not measured", "c0002": "not measured", "c0003": "not measured",
    }  # fmt: skip
    assert found.loc["c0001", "reason"] == "new: unsupported, needs two CPUs"
    assert found.loc["c0002", "reason"] == "base: failed, wrong sum; new: unsupported, needs two CPUs"
    assert found.loc["c0003", "reason"] == "new: not in its plan"


def test_a_value_of_zero_has_no_ratio() -> None:
    values = np.ones((1, 8))
    values[0, 3] = 0.0
    row = compare(samples(np.ones((1, 8))), samples(values, target="b")).iloc[0]
    assert row["verdict"] == "inconclusive"
    assert "above zero" in row["reason"]


def test_nothing_beside_nothing_is_an_empty_table() -> None:
    none = csv_files.conform(pd.DataFrame(), schema.SAMPLES)
    for interleaved in (True, False):
        found = compare(none, none, interleaved=interleaved)
        assert list(found.columns) == schema.names(schema.COMPARE)
        assert found.empty


def test_without_a_threshold_the_test_is_the_two_sided_t_test() -> None:
    p = minimum_effect(np.array([2.228]), np.array([1.0]), np.array([10.0]), 0.0)
    assert p[0] == pytest.approx(0.05, abs=1e-4)  # t(0.975, 10) of the tables


def test_q_is_as_benjamini_and_hochberg_have_it() -> None:
    # Their paper's example: of 15 hypotheses the four smallest are rejected at 5 %.
    p = [
        0.0001,
        0.0004,
        0.0019,
        0.0095,
        0.0201,
        0.0278,
        0.0298,
        0.0344,
        0.0459,
        0.3240,
        0.4262,
        0.5719,
        0.6528,
        0.7590,
        1.0,
    ]
    q = q_values(np.array([*p, np.nan]))
    assert (q <= 0.05).sum() == 4
    assert np.isnan(q[-1])


def test_a_cell_that_failed_in_some_rounds_is_not_decided_by_the_others() -> None:
    new = noisy(2, effect=2.0, seed=2)
    lost = (new["case"] == "c0000") & (new["round"] >= 6)
    new.loc[lost, ["value", "operation"]] = None
    new.loc[lost, "status"], new.loc[lost, "reason"] = "timeout", "over 60 s"
    found = compare(noisy(2, seed=1), new).set_index("case")
    assert found["verdict"].to_dict() == {"c0000": "inconclusive", "c0001": "slower"}
    assert found.loc["c0000", "reason"] == "new: ran out of time in 2 of 8 rounds (over 60 s)"


def judged(*intervals: tuple[float, float], certain: int = 0, none: int = 0) -> pd.DataFrame:
    """``judge`` of ratios with these 95% intervals, and of others that are certainly or surely not different."""
    degrees, quantile = 7.0, 2.364624  # t(0.975, 7)
    logs = np.log([*intervals, *[(1.5, 1.5001)] * certain, *[(0.9999, 1.0001)] * none])
    measured = pd.DataFrame(
        {
            "id": [f"i{place:03}" for place in range(len(logs))], "log_ratio": logs.mean(axis=1),
            "error": (logs[:, 1] - logs[:, 0]) / 2 / quantile, "degrees": degrees, "measured": True,
            "reason": pd.Series(pd.NA, index=range(len(logs)), dtype="string"),
        }
    )  # fmt: skip
    return judge(measured).set_index("id").sort_index().iloc[: len(intervals)]


@pytest.mark.parametrize(
    ("interval", "reason"),
    [
        ((1.021, 1.2), "by itself it differs by more than 2%; not certain among 41 comparisons"),
        ((0.8, 0.979), "by itself it differs by more than 2%; not certain among 41 comparisons"),
        ((1.019, 1.2), "it differs, but not certainly by more than 2%"),
        ((0.8, 0.981), "it differs, but not certainly by more than 2%"),
        ((0.999, 1.2), "the interval holds 1 and reaches beyond 2%"),
        ((0.8, 1.001), "the interval holds 1 and reaches beyond 2%"),
    ],
)
def test_why_a_comparison_is_inconclusive_follows_from_its_interval(interval: tuple[float, float], reason: str) -> None:
    (row,) = judged(interval, none=40).to_dict("records")
    assert (row["ci_low"], row["ci_high"]) == pytest.approx(interval)
    assert (row["verdict"], row["reason"]) == ("inconclusive", reason)


def test_a_verdict_has_its_whole_interval_beyond_the_threshold_and_stands_among_all() -> None:
    wide = [(1.021, 1.2), (1.019, 1.2), (0.8, 0.979), (0.8, 0.981)]
    assert judged(*wide, certain=200)["verdict"].tolist() == ["slower", "inconclusive", "faster", "inconclusive"]
    assert judged(wide[0])["verdict"].tolist() == ["slower"], "alone it is certain"
    assert judged(wide[0], none=1)["verdict"].tolist() == ["inconclusive"], "and among two no longer"


def test_the_same_is_what_the_ninety_percent_interval_holds_within_the_threshold() -> None:
    share = 1.894579 / 2.364624  # t(0.95, 7) over t(0.975, 7)
    inside, outside = (math.exp(math.log(1.02) / share * factor) for factor in (0.99, 1.01))
    found = judged((1 / inside, inside), (1 / outside, outside))
    assert found["verdict"].tolist() == ["same", "inconclusive"]


FIVE = np.array([-1.0, -1.0, 0.0, 1.0, 1.0])  # deviation 1


def test_rounds_apart_have_welchs_error_and_degrees_of_freedom() -> None:
    """Closed forms: of equal deviations and numbers 2 n - 2 degrees, of one side that never varies n - 1."""
    base, new = (samples(np.exp(0.1 * FIVE + shift)[None, :], target=f"t{shift}") for shift in (0, 1))
    alike = cell_ratios(base, new, interleaved=False).iloc[0]
    assert (alike["log_ratio"], alike["error"]) == (pytest.approx(1), pytest.approx(0.1 * math.sqrt(2 / 5)))
    assert (alike["degrees"], alike["rounds"], alike["pairing"]) == (pytest.approx(8), 5, "apart")
    constant = samples(np.full((1, 7), math.e), target="b")
    for sides, sign in (((base, constant), 1), ((constant, base), -1)):
        one = cell_ratios(*sides, interleaved=False).iloc[0]
        assert (one["log_ratio"], one["error"]) == (pytest.approx(sign), pytest.approx(0.1 / math.sqrt(5)))
        assert (one["degrees"], one["rounds"]) == (pytest.approx(4), 5)
    both = cell_ratios(constant, constant.assign(target="c"), interleaved=False).iloc[0]
    assert (both["error"], both["degrees"], both["rounds"]) == (0, 12, 7)
    found = compare(base, new, interleaved=False).iloc[0]
    assert found["ci_high"] == pytest.approx(math.exp(1 + 2.306004 * 0.1 * math.sqrt(2 / 5)))  # t(0.975, 8)


def test_rounds_together_have_the_error_of_their_ratios() -> None:
    drift = np.array([3.0, 1, 4, 1, 5])
    base, new = samples(np.exp(drift)[None, :]), samples(np.exp(drift + 0.1 * FIVE + 1)[None, :], target="b")
    row = cell_ratios(base, new).iloc[0]
    assert (row["log_ratio"], row["error"]) == (pytest.approx(1), pytest.approx(0.1 / math.sqrt(5)))
    assert (row["degrees"], row["rounds"], row["pairing"]) == (4, 5, "paired")
    assert (row["base"], row["new"]) == (pytest.approx(math.exp(2.8)), pytest.approx(math.exp(3.8)))
    assert row["id"] == "ipc.round_trip/c0000:round_trip:wall_time"
    assert (row["base_target"], row["new_target"]) == ("a", "b")


def test_a_few_rounds_beside_a_cell_that_was_never_measured_are_still_whole_numbers() -> None:
    base, new = samples(np.ones((3, 4))), samples(np.ones((3, 4)), target="b")
    for frame in (base, new):
        frame.loc[frame["case"] == "c0001", ["value", "operation"]] = None
        frame.loc[frame["case"] == "c0001", "status"] = "skipped"
        frame["reason"] = frame["reason"].mask(frame["case"] == "c0001", "no time")
    found = compare(base, new).set_index("case")["reason"].to_dict()
    assert found == {
        "c0000": "4 of 5 rounds", "c0001": "base: skipped, no time; new: skipped, no time", "c0002": "4 of 5 rounds",
    }  # fmt: skip


def test_of_what_was_not_measured_the_side_and_its_status_are_named() -> None:
    base, new = samples(np.ones((1, 5))), samples(np.ones((1, 5)), target="b")
    counts = samples(np.ones((1, 5)), metric="count", unit="count")
    found = compare(pd.concat([base, counts]), new).set_index("metric")
    assert found["verdict"].to_dict() == {"wall_time": "same", "count": "not measured"}
    assert found.loc["count", "reason"] == "new: no value of this"
    later = new.assign(round=new["round"] + 5)
    assert compare(base, later)["reason"].tolist() == ["no round that both have"]
    assert compare(base, later, interleaved=False)["verdict"].tolist() == ["same"]


def test_a_single_round_without_a_logarithm_leaves_no_ratio_on_either_side_and_in_both_pairings() -> None:
    good, bad = samples(np.ones((1, 6))), samples(np.array([[1.0] * 5 + [-1.0]]), target="b")
    for sides in ((good, bad), (bad, good)):
        for interleaved in (True, False):
            row = compare(*sides, interleaved=interleaved).iloc[0]
            assert (row["verdict"], row["reason"]) == ("inconclusive", "a value that is not above zero has no ratio")
            assert pd.isna(row["ratio"])


def test_of_a_scenario_the_mean_over_its_cells_is_taken_within_each_round() -> None:
    drift = np.array([3.0, 1, 4, 1, 5])
    base = samples(np.exp(np.stack([drift, drift + 7])))
    new = samples(np.exp(np.stack([drift + 1 + 0.2 * FIVE, drift + 7 + 0.5])), target="b")
    row = scenario_ratios(base, new).iloc[0]
    assert (row["case"], row["rounds"], row["degrees"]) == ("mean of 2", 5, 4)
    assert (row["log_ratio"], row["error"]) == (pytest.approx(0.75), pytest.approx(0.1 / math.sqrt(5)))
    assert (row["id"], row["base_target"], row["new_target"]) == ("ipc.round_trip:wall_time", "a", "b")
    assert pd.isna(row["reason"])
    rates = [frame.assign(metric="throughput", unit="bytes/s") for frame in (base, new)]
    assert scenario_ratios(rates[0], rates[1])["log_ratio"].tolist() == pytest.approx([-0.75])


def test_a_scenarios_mean_leaves_out_cells_that_lack_a_round_or_run_anywhere() -> None:
    base, new = samples(np.ones((3, 5))), samples(np.full((3, 5), 2.0), target="b")
    base.loc[base["case"] == "c0001", "placement"] = "free"
    lacking = new[~((new["case"] == "c0002") & (new["round"] == 0))]
    assert scenario_ratios(base, new)["case"].tolist() == ["mean of 2"]
    assert scenario_ratios(base, lacking)["case"].tolist() == ["mean of 1"]
    assert scenario_ratios(base, new.assign(target="a"))["case"].tolist() == ["mean of 3"]
    few = scenario_ratios(base[base["round"] < 4], new).iloc[0]
    assert (few["rounds"], few["reason"]) == (4, "4 of 5 rounds")
    assert pd.isna(few["error"])
