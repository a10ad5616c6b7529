"""Verdicts by exact counts, and of claims that have several tests."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytest

from lab.stats.intervals import limit_of_none
from tests.claim_runs import C1, cell, count, noisy, row_of


def losses(
    values: Sequence[float], at_once: float = 1.9, container: str = "value", **more: Any
) -> list[dict[str, Any]]:
    base = {"scenario": "state.lost_updates", "case": f"{container}-no_lock-2", "workers": 2, **more}
    base["variant"] = f'{{"container": "{container}", "locking": "no_lock"}}'
    return count(values, **base, operation="lost") + count([at_once] * 5, **base, operation="writers_at_once")


@pytest.mark.parametrize(
    ("value", "array", "at_once", "expected"),
    [
        ([900, 20, 7, 8000, 3], [0] * 5, 1.9, "fails"),
        ([0] * 5, [0] * 5, 1.9, "holds"),
        ([0, 0, 0, 0, 5], [0] * 5, 1.9, "fails"),
        ([0, 5], [0] * 2, 1.9, "fails"),
        ([0] * 5, [0] * 5, 1.0, "inconclusive"),
        ([900, 20, 7, 8000, 3], [0] * 5, 1.0, "fails"),
        ([0] * 4, [0] * 4, 1.9, "inconclusive"),
    ],
)
def test_one_exception_refutes_and_five_rounds_without_one_are_needed_to_hold(
    value: list[float], array: list[float], at_once: float, expected: str
) -> None:
    row = row_of("value_and_array_are_process_safe", losses(value, at_once), losses(array, at_once, "array"))
    assert row["verdict"] == expected
    if at_once < 1.2 and expected == "inconclusive":
        assert row["reason"].startswith("the writers hardly ran at the same time")
    if len(value) < 5 and expected != "fails":
        assert row["reason"].startswith("4 of 5 rounds")


def test_no_loss_on_one_cpu_proves_nothing() -> None:
    row = row_of("value_and_array_are_process_safe", losses([0] * 5, **C1), losses([0] * 5, container="array", **C1))
    assert row["verdict"] == "not measured"
    assert row["reason"].endswith("no loss would prove nothing")


def test_every_sample_is_a_trial_and_one_exception_refutes() -> None:
    waited = {
        "scenario": "pool.overflow",
        "operation": "waited",
        "case": "fork-2",
        "start_method": "fork",
        "workers": 2,
    }
    row = row_of("task_beyond_the_workers_waits", count([[1, 1, 1]] * 4 + [[1, 0, 1]], **waited))
    assert (row["verdict"], row["value"], row["q_value"]) == ("fails", 0, 0)
    assert row["reason"] == "fork-2; 1 exception in 15 trials, in 1 of 5 rounds"


def test_what_never_happened_has_the_limit_of_clopper_and_pearson_over_all_trials() -> None:
    """Six rounds of a thousand messages: the rule of three says 3 / 6000."""
    queue = {"scenario": "ipc.one_way", "operation": "out_of_order", "mechanism": "queue", "payload_bytes": 64}
    queue |= {"placement": "same_cpu", "case": "queue-64", "variant": '{"payload": "object"}'}
    row = row_of("queue_is_fifo", count([0] * 6, **queue))
    assert row["verdict"] == "holds"
    limit = "at most 0.05% by Clopper and Pearson, 95%"
    assert row["reason"] == f"queue-64; no exception in 6,000 trials of 6 rounds ({limit})"
    row = row_of("value_and_array_are_process_safe", losses([0, 7], tasks=40_000), losses([0] * 5, container="array"))
    assert row["reason"] == "value-no_lock-2; 7 exceptions in 80,000 trials, in 1 of 2 rounds"


@pytest.mark.parametrize("trials", [1, 5, 100, 6000])
def test_the_limit_of_none_is_the_share_that_shows_none_in_one_of_twenty_runs(trials: int) -> None:
    assert (1 - limit_of_none(trials)) ** trials == pytest.approx(0.05)


def empties(waited_ms: float, raised: float = 1) -> pd.Series[Any]:
    base = {"scenario": "ipc.one_way", "mechanism": "queue", "payload_bytes": 64, "placement": "same_cpu"}
    base |= {"case": "queue-64-same_cpu", "variant": '{"payload": "object"}'}
    return row_of(
        "get_with_timeout_raises_empty",
        cell(noisy(waited_ms * 1e6, scatter=0.001), **base, operation="empty_timeout"),
        cell([50e6] * 5, **base, operation="empty_timeout_asked"),
        count([raised] * 5, **base, operation="empty_raised"),
        count([int(waited_ms > 49)] * 5, **base, operation="empty_waited_out"),
    )


def test_a_claim_of_several_tests_holds_by_all_of_them() -> None:
    assert empties(50.2)["verdict"] == "holds"
    late, early, silent = empties(60), empties(40), empties(50.2, raised=0)
    assert [row["verdict"] for row in (late, early, silent)] == ["fails"] * 3
    assert [row["threshold"] for row in (late, early, silent)] == [1.1, 0.5, 0.5]


def test_any_of_several_tests_can_refute_a_claim_so_each_is_held_to_their_number() -> None:
    """The near side of the interval, at the 95 % of one test, would be 1.1003 and refute it."""
    late = 55.3e6 * np.exp(0.0035 * np.array([-1.3, -0.6, 0.0, 0.6, 1.3]))
    logs = np.log(late / 50e6)
    half = logs.std(ddof=1) / math.sqrt(5)
    assert math.exp(logs.mean() - 2.776445 * half) > 1.1, "by itself it would fail"
    base = {"scenario": "ipc.one_way", "mechanism": "queue", "payload_bytes": 64, "placement": "same_cpu"}
    base |= {"case": "queue-64-same_cpu", "variant": '{"payload": "object"}'}
    row = row_of(
        "get_with_timeout_raises_empty",
        cell(late.tolist(), **base, operation="empty_timeout"),
        cell([50e6] * 5, **base, operation="empty_timeout_asked"),
        *(count([1] * 5, **base, operation=name) for name in ("empty_raised", "empty_waited_out")),
    )
    assert row["verdict"] == "inconclusive"
    assert row["ci_low"] == pytest.approx(math.exp(logs.mean() - 3.960791 * half))  # t(1 - 0.05 / 6, 4)


def test_a_test_that_fails_decides_even_where_another_was_not_measured() -> None:
    row = row_of("value_and_array_are_process_safe", losses([900, 20, 7, 8000, 3]))
    assert row["verdict"] == "fails"
    assert row_of("value_and_array_are_process_safe", losses([0] * 5))["verdict"] == "not measured"


def handovers(through: str, processes: float, rounds: int = 5) -> list[dict[str, Any]]:
    on = {"scenario": "process.switch", "operation": "handover", "placement": "same_cpu"}
    on["variant"] = f'{{"through": "{through}"}}'
    pairs = (("processes", processes), ("threads", 1000.0))
    return [
        row
        for executor, value in pairs
        for row in cell(noisy(value, rounds, scatter=0.001), **on, executor=executor, case=f"{executor}-{through}")
    ]


def test_the_reason_has_the_values_of_all_tests_that_have_a_name() -> None:
    row = row_of("switching_processes_is_costly", handovers("pipe", 1500), handovers("semaphore", 400))
    assert (row["verdict"], row["value"]) == ("fails", pytest.approx(0.4))
    assert row["reason"].startswith("through a semaphore: processes-semaphore / threads-semaphore; 5 rounds; ")
    assert row["reason"].endswith("through a pipe: 1.5 (1.5 to 1.5)")
    few = row_of("switching_processes_is_costly", handovers("pipe", 1500, 4), handovers("semaphore", 400, 4))
    assert few["reason"].endswith("; through a semaphore: 0.4"), "without an interval there is the value alone"
