"""Ratios of rounds: paired, in one run only, with the flags of both cells."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from lab.stats.best import standings
from lab.stats.rounds import (
    Estimate,
    LogRatio,
    Rounds,
    estimated,
    geometric_means_by,
    means_by,
    round_logs,
    round_values,
    too_few,
)
from tests.compared import samples

FIVE = np.array([-1.0, -1.0, 0.0, 1.0, 1.0])  # deviation 1
T4 = 2.776445  # t(0.975, 4)


def key(case: str, target: str = "a") -> tuple[str, str, str, str]:
    return target, "ipc.round_trip", case, "round_trip"


def close(found: Estimate | None, value: float, low: float | None, high: float | None, rounds: int) -> bool:
    assert found is not None
    assert found.has_interval == (low is not None)
    assert [found.value, found.low or 0, found.high or 0] == pytest.approx([value, low or 0, high or 0])
    return found.rounds == rounds


def test_a_ratio_is_paired_by_the_rounds_that_both_have() -> None:
    frame = samples(np.array([[2.0, 6, 20, 7], [1.0, 2, 5, 7]]), run_id="r")
    frame.loc[(frame["case"] == "c0001") & (frame["round"] == 3), "status"] = "failed"
    rounds = Rounds.of(frame)
    assert rounds.paired(key("c0000"), key("c0001")) == pytest.approx(np.log([2, 3, 4]))
    assert close(rounds.ratio(key("c0000"), key("c0001")), 24 ** (1 / 3), None, None, 3)
    assert rounds.ratio(key("c0000"), key("c0002")) is None


def test_warm_up_other_metrics_and_values_that_are_not_above_zero_have_no_ratio() -> None:
    frame = samples(np.array([[2.0, 0.0, -3.0, 8.0]]), run_id="r")
    frame.loc[frame["round"] == 3, "warmup"] = 1
    both = pd.concat([frame, samples(np.full((1, 6), 5.0), metric="cpu_time", run_id="r")])
    assert dict(Rounds.of(both).logs(key("c0000"))) == {0: pytest.approx(math.log(2))}
    assert len(Rounds.of(both, "cpu_time").logs(key("c0000"))) == 6
    assert not Rounds.of(both, "pss").logs(key("c0000"))


def test_cells_of_two_runs_have_no_ratio() -> None:
    frame = samples(np.ones((2, 5)), run_id="r")
    frame.loc[frame["case"] == "c0001", "run_id"] = "s"
    assert Rounds.of(frame).ratio(key("c0000"), key("c0001")) is None


def test_a_ratio_names_the_flags_of_both_its_cells_each_once() -> None:
    flags = {("a", "ipc.round_trip", case): "was disturbed" for case in ("c0000", "c0001")}
    rounds = Rounds.of(samples(np.ones((3, 5)), run_id="r"), flags=flags)
    said = [rounds.ratio(key(one), key(other)) for one, other in (("c0000", "c0001"), ("c0002", "c0001"))]
    assert [ratio and ratio.flag for ratio in said] == [
        "c0000 was disturbed; c0001 was disturbed",
        "c0001 was disturbed",
    ]
    itself = rounds.ratio(key("c0000"), key("c0000"))
    assert itself is not None
    assert itself.flag == "c0000 was disturbed"


def test_the_interval_is_students_and_of_bimodal_cells_that_of_the_order_statistics() -> None:
    half = T4 / 5**0.5
    assert close(estimated((1 + FIVE).tolist(), bimodal=False), math.e, math.exp(1 - half), math.exp(1 + half), 5)
    assert close(estimated([math.log(value) for value in (6, 1, 2, 5, 3, 4)], bimodal=True), 12**0.5, 1, 6, 6)
    assert close(estimated([0.0] * 5, bimodal=True), 1, None, None, 5)
    ten = estimated([math.log(value) for value in range(1, 11)], bimodal=True)
    assert close(ten, 30**0.5, 2, 9, 10)  # Conover: ranks 2 and 9


def test_an_estimate_in_another_unit_keeps_its_rounds_and_flag() -> None:
    assert Estimate(2.0, 1.0, 4.0, 5, "x").scaled(10) == Estimate(20.0, 10.0, 40.0, 5, "x")
    assert Estimate(2.0, None, None, 5).scaled(10) == Estimate(20.0, None, None, 5)
    assert Estimate(2.0, 1.0, 4.0, 5).has_interval


def test_means_over_rounds_have_students_interval_from_five_rounds_on() -> None:
    frame = pd.DataFrame({"name": ["five"] * 5 + ["four"] * 4, "log": [*(3 + FIVE), *FIVE[:4]]})
    five, four = means_by(frame, ["name"], "log").to_dict("records")
    half = T4 / 5**0.5
    assert (five["rounds"], five["value"]) == (5, pytest.approx(3))
    assert (five["ci_low"], five["ci_high"]) == pytest.approx((3 - half, 3 + half))
    assert (four["rounds"], four["value"]) == (4, pytest.approx(-0.25))
    assert math.isnan(four["ci_low"])
    geometric_five = geometric_means_by(frame, ["name"]).iloc[0]
    assert geometric_five[["value", "ci_low", "ci_high"]].tolist() == pytest.approx(np.exp([3, 3 - half, 3 + half]))
    assert too_few(pd.Series([4, 5])).fillna("").tolist() == ["4 of 5 rounds", ""]


def test_a_rounds_value_is_the_median_of_its_measured_batches() -> None:
    batches = pd.concat([samples(np.array([[value, 2.0]])) for value in (1.0, 7.0, 3.0)])
    warmup, failed = samples(np.array([[99.0]]), warmup=1), samples(np.array([[99.0]]), status="failed")
    frame = pd.concat([batches, warmup, failed, samples(np.array([[9.0]]), metric="cpu_time")])
    assert round_values(frame, ["case"])[["round", "value"]].to_numpy().tolist() == [[0, 3.0], [1, 2.0]]
    assert round_values(frame, ["case"], "cpu_time")["value"].tolist() == [9.0]
    zero = frame.assign(value=frame["value"].where(frame["round"] == 1, 0.0))
    assert round_logs(zero, ["case"])["log"].tolist() == pytest.approx([math.log(2)])
    assert list(round_logs(frame, ["case"], "pss").columns) == ["case", "round", "value", "log"]


@pytest.mark.parametrize(("factor", "kept"), [(0.99, 1), (1.01, 0)])
@pytest.mark.parametrize(("others", "quantile"), [(1, T4), (2, 3.495405)], ids=["one other", "two others"])
def test_a_count_is_left_out_where_its_widened_interval_lies_beyond_five_percent(
    others: int, quantile: float, factor: float, kept: int
) -> None:
    """The quantiles are t(0.975, 4) and, shared between two others, t(0.9875, 4)."""
    scatter = 0.01
    slower = math.log(1.05) + factor * quantile * scatter / 5**0.5
    logs = {1: slower + scatter * FIVE, 2: np.zeros(5), 3: np.full(5, 9.0)}
    frame = pd.DataFrame(
        [(workers, number, log) for workers in range(1, others + 2) for number, log in enumerate(logs[workers])],
        columns=["workers", "round", "log"],
    ).assign(target="t")
    found = standings(frame, ["target"], "workers").set_index("workers")["near_best"].to_dict()
    assert found == {1: kept, 2: 1, **({3: 0} if others > 1 else {})}


def test_a_count_that_shares_too_few_rounds_with_all_others_is_not_judged() -> None:
    frame = pd.DataFrame({"workers": [1] * 9 + [2] * 4, "round": [*range(9), *range(4)], "log": 0.0, "target": "t"})
    found = standings(frame.assign(log=frame["workers"] * 1.0), ["target"], "workers")
    assert found["near_best"].isna().all()


def test_rounds_apart_count_as_those_of_the_cell_with_fewer_and_one_has_a_value_without_a_warning() -> None:
    ratio = LogRatio(logs=(), apart=([1.0], [0.5, 0.0, 1.0]))
    assert ratio.rounds == 1
    assert close(ratio.estimate(), math.exp(0.5), None, None, 1)
