"""Estimates and intervals: on data whose truth is known."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from lab.stats.intervals import median_ranks
from lab.stats.quality.stability import is_bimodal
from lab.stats.tables.summary import summarize
from lab.tables import csv_files, schema


def samples(values: list[list[float]], **columns: object) -> pd.DataFrame:
    """Samples of one case, a list of batches a round."""
    rows = [
        {
            "run_id": "r", "target": "t", "scenario": "ipc.round_trip", "case": "c", "operation": "o",
            "metric": "wall_time", "unit": "ns", "cpu_mode": "cpuset", "status": "ok", "warmup": 0, "loops": 10,
            "value": value, "round": number, "sample": index, **columns,
        }
        for number, batches in enumerate(values)
        for index, value in enumerate(batches)
    ]  # fmt: skip
    return csv_files.conform(pd.DataFrame(rows), schema.SAMPLES)


def test_the_estimate_is_the_geometric_mean_of_the_rounds_medians() -> None:
    row = summarize(samples([[1, 2, 99], [8, 8, 8], [4, 4, 4], [2, 2, 2], [4, 4, 4]])).iloc[0]
    assert row["estimate"] == pytest.approx((2 * 8 * 4 * 2 * 4) ** (1 / 5))
    assert (row["n"], row["rounds"], row["status"]) == (15, 5, "ok")
    logs = np.log([2, 8, 4, 2, 4])
    half = 2.776445 * logs.std(ddof=1) / math.sqrt(5)  # t(0.975, 4)
    assert row["ci_low"] == pytest.approx(math.exp(logs.mean() - half))
    assert row["ci_high"] == pytest.approx(math.exp(logs.mean() + half))


def test_below_five_rounds_there_is_no_interval_and_no_word_for_stability() -> None:
    row = summarize(samples([[1.0], [2.0], [3.0], [4.0]])).iloc[0]
    assert pd.isna(row["ci_low"])
    assert pd.isna(row["ci_high"])
    assert pd.isna(row["stable"])
    assert row["reason"] == "4 of 5 rounds"


def test_under_a_quota_the_mean_counts_for_the_median_hides_the_quota() -> None:
    row = summarize(samples([[1.0, 1.0, 10.0]] * 5, cpu_mode="quota")).iloc[0]
    assert row["estimate"] == pytest.approx(4.0)


def test_the_estimate_of_a_bimodal_cell_is_what_its_interval_encloses() -> None:
    """Three rounds of eight in a far mode draw the mean; the order statistics are of the median."""
    rare = [[1.0, 1.01, 0.99]] * 5 + [[9.0, 9.1, 8.9]] * 3
    row = summarize(samples(rare)).iloc[0]
    assert row["stable"] == "bimodal"
    assert row["estimate"] == pytest.approx(1.0)
    assert row["ci_low"] <= row["estimate"] <= row["ci_high"]


def test_counts_are_averaged_as_they_are_and_may_be_zero() -> None:
    row = summarize(samples([[0.0], [10.0], [0.0], [10.0], [0.0]], metric="count", loops=None)).iloc[0]
    assert row["estimate"] == pytest.approx(4.0)
    assert row["ci_low"] == 0 < row["ci_high"]


def test_warmup_enters_no_estimate() -> None:
    frame = pd.concat([samples([[1.0]] * 5), samples([[100.0]] * 5, warmup=1)], ignore_index=True)
    assert summarize(frame).iloc[0]["estimate"] == pytest.approx(1.0)


def test_a_cell_without_a_measurement_is_a_row_with_its_reason() -> None:
    frame = samples([[1.0]])
    frame["status"], frame["value"], frame["reason"] = "unsupported", math.nan, "needs two CPUs"
    row = summarize(csv_files.conform(frame, schema.SAMPLES)).iloc[0]
    assert (row["n"], row["status"], row["reason"]) == (0, "unsupported", "needs two CPUs")
    assert pd.isna(row["estimate"])


def test_a_cell_that_failed_once_keeps_the_estimate_of_its_other_rounds() -> None:
    failed = samples([[1.0]])
    failed["status"] = "failed"
    summary = summarize(pd.concat([samples([[1.0]] * 5), failed], ignore_index=True))
    assert summary["status"].tolist() == ["ok"]


def test_no_samples_give_an_empty_summary_with_all_columns() -> None:
    summary = summarize(csv_files.conform(pd.DataFrame(), schema.SAMPLES))
    assert list(summary.columns) == schema.names(schema.SUMMARY)
    assert summary.empty


def test_ranks_of_the_median_are_the_published_ones() -> None:
    # Conover, Practical Nonparametric Statistics: exact 95 % intervals of the median.
    assert median_ranks(5) is None
    assert median_ranks(6) == (0, 5)
    assert median_ranks(10) == (1, 8)
    assert median_ranks(15) == (3, 11)


def test_two_modes_are_called_so_and_one_wide_one_is_not() -> None:
    rng = np.random.default_rng(0)
    one = rng.lognormal(0.0, 0.1, 60)
    assert is_bimodal(np.concatenate([one, 2 * one]))
    assert not is_bimodal(one)


def test_the_interval_of_a_count_does_not_reach_below_nothing() -> None:
    """Of increments lost in one round of five it would be from -2000 on."""
    row = summarize(samples([[0.0], [0.0], [0.0], [0.0], [9000.0]], metric="count", unit="count")).iloc[0]
    assert (row["estimate"], row["ci_low"], row["stable"]) == (1800.0, 0.0, "noisy")
    assert row["ci_high"] > 5000


def test_an_estimate_of_the_rounds_that_did_not_fail_says_so() -> None:
    """A time limit takes the slowest rounds away: what is left is faster than the cell."""
    steady = samples([[float(value)] * 3 for value in (10, 11, 10, 12, 11, 10)])
    lost = steady.tail(1).assign(status="timeout", value=None, operation=None, round=6, reason="over 60 s")
    row = summarize(pd.concat([steady, lost], ignore_index=True)).iloc[0]
    assert (row["rounds"], row["status"]) == (6, "ok")
    assert row["reason"].endswith("ran out of time in 1 of 7 rounds (over 60 s): the estimate is of the others")
    never = lost.assign(status="skipped")
    assert "the others" not in str(summarize(pd.concat([steady, never], ignore_index=True)).iloc[0]["reason"])


FIVE = "two modes: not examined (5 of 8 rounds)"


def five_rounds(half_width: float) -> list[list[float]]:
    """Batches of five rounds whose 95% interval has this relative half-width; their deviation of logarithms is s."""
    s = math.log1p(half_width) * math.sqrt(5) / 2.776445  # t(0.975, 4)
    return [[1000 * math.exp(step * s)] for step in (-1, -1, 0, 1, 1)]


@pytest.mark.parametrize(
    ("half_width", "stable", "reason"),
    [(0.029, "stable", None), (0.031, "noisy", f"half-width 3.1% of the estimate; cause unknown; {FIVE}")],
)
def test_a_cell_is_stable_up_to_a_half_width_of_three_percent(
    half_width: float, stable: str, reason: str | None
) -> None:
    row = summarize(samples(five_rounds(half_width))).iloc[0]
    assert row["estimate"] == pytest.approx(1000)
    assert row["stable"] == stable
    assert (None if pd.isna(row["reason"]) else row["reason"]) == reason


@pytest.mark.parametrize(("step", "stable"), [(2.3, "stable"), (2.5, "noisy")])
def test_the_half_width_of_counts_is_relative_to_their_mean(step: float, stable: str) -> None:
    """Deviation ``step``, so a half-width of 1.2417 ``step`` of 100: 2.9% or 3.1%."""
    values = [[100 + sign * step] for sign in (-1, -1, 0, 1, 1)]
    row = summarize(samples(values, metric="count", unit="count", loops=None)).iloc[0]
    assert (row["estimate"], row["stable"]) == (pytest.approx(100), stable)
    assert row["ci_high"] - row["estimate"] == pytest.approx(2.776445 / math.sqrt(5) * step)


def test_counts_that_are_always_zero_are_stable_and_differences_about_zero_are_not() -> None:
    nothing = summarize(samples([[0.0]] * 5, metric="count", unit="count")).iloc[0]
    assert (nothing["estimate"], nothing["stable"]) == (0.0, "stable")
    assert pd.isna(nothing["cv"])
    about = summarize(samples([[-1.0], [-1.0], [0.0], [1.0], [1.0]])).iloc[0]
    assert (about["estimate"], about["stable"]) == (0.0, "noisy")
    assert about["ci_low"] == -about["ci_high"] == pytest.approx(-2.776445 / math.sqrt(5))


def modes(*groups: tuple[int, float], spread: float = 0.0) -> np.ndarray:
    """Values about these places on the logarithmic scale, half of each a spread below it and half above."""
    logs = [place + spread * (-1) ** index for count, place in groups for index in range(count)]
    values: np.ndarray = np.exp(np.array(logs))
    return values


@pytest.mark.parametrize(
    ("values", "bimodal"),
    [
        (modes((10, 0.0), (10, 0.061)), True),
        (modes((10, 0.0), (10, 0.059)), False),  # an interval as narrow as the goal would not part them
        (modes((10, 0.0), (10, 0.49), spread=0.1), True),  # Ashman's D of 4.9
        (modes((10, 0.0), (10, 0.48), spread=0.1), False),
        (modes((4, 0.0), (4, 1.0)), True),
        (modes((3, 0.0), (4, 1.0)), False),  # of seven rounds it is never said
        (modes((16, 0.0), (4, 1.0)), True),
        (modes((4, 0.0), (16, 1.0)), True),
        (modes((17, 0.0), (3, 1.0)), False),  # less than a fifth is a tail
        (np.append(modes((10, 0.0), (10, 1.0)), 0.0), False),  # 0 has no logarithm
    ],
)
def test_bimodal_is_a_gap_between_modes_of_a_fifth_at_least(values: np.ndarray, bimodal: bool) -> None:  # noqa: FBT001
    shuffled = np.random.default_rng(2).permutation(values)
    assert is_bimodal(shuffled) == bimodal


def test_under_a_quota_a_round_is_all_elapsed_time_over_all_operations() -> None:
    frame = samples([[1.0, 3.0]] * 5, cpu_mode="quota")
    frame["loops"] = frame["value"].map({1.0: 10, 3.0: 30}).astype("Int64")
    assert summarize(frame).iloc[0]["estimate"] == pytest.approx((1 * 10 + 3 * 30) / 40)
    without = summarize(csv_files.conform(frame.drop(columns="loops"), schema.SAMPLES)).iloc[0]
    assert without["estimate"] == pytest.approx(2.0)


def test_scatter_is_that_of_the_rounds_and_the_percentile_that_of_the_batches() -> None:
    row = summarize(samples([[1.0, 1.0, 5.0], [3.0, 3.0, 3.0]])).iloc[0]
    assert row["cv"] == pytest.approx(math.sqrt(2) / 2)  # of 1 and 3
    assert row["batch_p95"] == pytest.approx(4.5)  # of 1 1 3 3 3 5: a quarter of the way back from 5 to 3
    assert pd.isna(summarize(samples([[1.0, 5.0]])).iloc[0]["cv"])


def test_rows_stand_in_the_order_in_which_their_cells_appear_and_keep_their_own_values() -> None:
    parts = [samples([[float(value)]] * 5, case=f"c{value}") for value in (3, 1, 2)]
    frame = pd.concat([parts[0], parts[1], parts[2], parts[1].assign(round=lambda rows: rows["round"] + 5)])
    summary = summarize(frame.reset_index(drop=True)).round({"estimate": 9})
    assert summary[["case", "estimate", "rounds"]].to_numpy().tolist() == [["c3", 3, 5], ["c1", 1, 10], ["c2", 2, 5]]


def test_of_several_failed_rounds_the_first_reason_is_given_and_a_measured_cell_has_no_such_row() -> None:
    lost = samples([[1.0]] * 2, case="lost", status="failed", reason="first")
    lost.loc[1, "reason"] = "second"
    summary = summarize(pd.concat([samples([[1.0]] * 5), lost], ignore_index=True))
    assert summary[["case", "n", "rounds", "status"]].to_numpy().tolist() == [
        ["c", 5, 5, "ok"],
        ["lost", 0, 0, "failed"],
    ]
    assert summary["reason"].fillna("").tolist() == ["", "first"]
