"""Verdicts on runs whose truth is known: each rule, and that none contradicts its interval."""

from __future__ import annotations

import math
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytest

from lab.claims import among_all, evaluate
from lab.claims.bounds import Part, verdict, worst
from lab.stats.one_sided import p_above, p_below
from lab.stats.ratios import estimated
from tests.unit.claim_runs import SERIAL, THREADS, cell, count, noisy, run

THREADS_CLAIM = "threads_do_not_speed_up_compute"
C1: dict[str, Any] = {"target": "py313-linux-c1", "cpus_requested": 1.0, "cpus_observed": 1.0}
TRIP: dict[str, Any] = {
    "scenario": "ipc.round_trip",
    "operation": "round_trip",
    "placement": "same_cpu",
    "payload_bytes": 64,
}


def rows_of(claim: str, *cells: Sequence[dict[str, Any]], **options: Any) -> pd.DataFrame:
    summary, samples = run(*cells)
    found = evaluate(summary, samples, **options)
    return found[found["claim"] == claim].reset_index(drop=True)


def row_of(claim: str, *cells: Sequence[dict[str, Any]], **options: Any) -> pd.Series[Any]:
    found = rows_of(claim, *cells, **options)
    assert len(found) == 1
    return found.iloc[0]


def threads(speed_up: float, scatter: float = 0.01, rounds: int = 5) -> pd.Series[Any]:
    return row_of(
        THREADS_CLAIM,
        cell(noisy(100e6, rounds, scatter, seed=1), **SERIAL),
        cell(noisy(100e6 / speed_up, rounds, scatter, seed=2), **THREADS),
    )


@pytest.mark.parametrize(("speed_up", "expected"), [(0.97, "holds"), (1.1, "undecided"), (1.8, "fails")])
def test_the_whole_interval_decides(speed_up: float, expected: str) -> None:
    row = threads(speed_up)
    assert row["verdict"] == expected
    assert row["target"] == "py313-linux-c2"
    assert row["ci_low"] < row["value"] < row["ci_high"]
    assert row["value"] == pytest.approx(speed_up, rel=0.02)
    assert row["reason"] == "serial / threads-2; 5 rounds"


def test_a_gil_and_a_free_threaded_build_get_verdicts_of_their_own() -> None:
    free = {"target": "py313t-linux-c2", "build": "free-threaded"}
    found = rows_of(
        THREADS_CLAIM,
        *(cell(noisy(100.0), **{**SERIAL, **on}) for on in ({}, free)),
        cell(noisy(101.0), **THREADS),
        cell(noisy(55.0), **{**THREADS, **free}),
    )
    assert dict(zip(found["target"], found["verdict"], strict=True)) == {
        "py313-linux-c2": "holds",
        "py313t-linux-c2": "fails",
    }


def test_what_drifts_between_rounds_cancels_in_the_ratio() -> None:
    drift = np.array([1.0, 1.3, 0.8, 1.5, 0.6])
    row = row_of(THREADS_CLAIM, cell(list(100 * drift), **SERIAL), cell(list(101 * drift), **THREADS))
    assert row["verdict"] == "holds"
    assert row["ci_high"] - row["ci_low"] < 1e-9


def test_below_five_rounds_nothing_is_decided() -> None:
    row = threads(0.5, rounds=4)
    assert row["verdict"] == "undecided"
    assert row["reason"].startswith("4 of 5 rounds")
    assert pd.isna(row["ci_low"])
    assert row["value"] == pytest.approx(0.5, rel=0.02)


def test_one_cpu_has_a_row_that_says_why_it_shows_nothing() -> None:
    row = row_of(THREADS_CLAIM, cell([1.0] * 5, **{**SERIAL, **C1}), cell([1.0] * 5, **{**THREADS, **C1, "workers": 1}))
    assert (row["verdict"], row["target"]) == ("not measured", "py313-linux-c1")
    assert row["reason"] == "asked of 2 CPUs or more, here are 1: on one nothing can be faster than serial"


def test_the_workers_are_as_many_as_cpus_and_not_more() -> None:
    others = [cell(noisy(10.0), **{**THREADS, "case": f"threads-{many}", "workers": many}) for many in (1, 3, 4)]
    row = row_of(THREADS_CLAIM, cell(noisy(100.0), **SERIAL), cell(noisy(100.0), **THREADS), *others)
    assert row["verdict"] == "holds"
    assert "threads-2" in row["reason"]


def test_a_cell_that_failed_is_told_and_no_other_count_of_workers_steps_in() -> None:
    failed = {"status": "failed", "reason": "the results differ", "operation": None, "value": None}
    row = row_of(
        THREADS_CLAIM,
        cell(noisy(100.0), **SERIAL),
        cell(noisy(100.0), **{**THREADS, "case": "threads-1", "workers": 1}),
        [{**cell([math.nan], **THREADS)[0], **failed}],
    )
    assert (row["verdict"], row["target"]) == ("not measured", "py313-linux-c2")
    assert row["reason"] == "threads-2 is failed: the results differ"


def test_what_the_plan_left_out_is_named() -> None:
    row = row_of(THREADS_CLAIM, cell(noisy(100.0), **SERIAL))
    assert row["verdict"] == "not measured"
    assert pd.isna(row["target"])
    assert row["reason"].startswith("the run has no wall_time of pool.scaling job (executor threads")


def test_bimodal_cells_are_judged_by_order_statistics() -> None:
    rng = np.random.default_rng(3)
    modes = [1.0, 3.0] * 4
    serial = [[100.0 * mode * x for x in rng.lognormal(0, 0.01, 3)] for mode in modes]
    one = cell([[100.0] * 3] * 8, **THREADS)
    row = row_of(THREADS_CLAIM, cell(serial, **SERIAL), one)
    assert "bimodal: median and order statistics" in row["reason"]
    assert row["ci_low"] == pytest.approx(1.0, rel=0.05)
    assert row["ci_high"] == pytest.approx(3.0, rel=0.05)
    assert row["verdict"] == "undecided"


def test_bimodal_cells_of_five_rounds_are_undecided() -> None:
    rng = np.random.default_rng(3)
    serial = [[100.0 * mode * x for mode in (1, 3, 1, 3) for x in rng.lognormal(0, 0.01, 1)] for _ in range(5)]
    row = row_of(THREADS_CLAIM, cell(serial, **SERIAL), cell([[10.0] * 3] * 5, **THREADS))
    assert row["verdict"] == "undecided"
    assert "bimodal, which takes six rounds" in row["reason"]


def test_a_disturbed_cell_leaves_it_undecided_with_the_cause() -> None:
    cells = [cell(noisy(100.0), **SERIAL), cell(noisy(100.0), **THREADS)]
    disturbed = pd.DataFrame(
        [{"target": "py313-linux-c2", "scenario": "pool.scaling", "case": "serial", "cause": "steal", "share": 0.4}]
    )
    row = row_of(THREADS_CLAIM, *cells, disturbed=disturbed)
    assert row["verdict"] == "undecided"
    assert row["reason"].startswith("serial was disturbed: steal took 40% of the CPUs")
    elsewhere = disturbed.assign(target="another")
    assert row_of(THREADS_CLAIM, *cells, disturbed=elsewhere)["verdict"] == "holds"


def trip(mechanism: str, value: float, rounds: int = 5, **more: Any) -> list[dict[str, Any]]:
    columns = {**TRIP, "mechanism": mechanism, "variant": '{"payload": "bytes"}', **more}
    label = f"{mechanism}-{columns['payload_bytes']}"
    return cell(noisy(value, rounds, seed=zlib.crc32(label.encode())), **{**columns, "case": label})


def test_of_many_pairs_the_worst_decides() -> None:
    name = "shared_memory_is_the_fastest_ipc"
    fast = [trip("shared_memory", 10.0), trip("pipe", 20.0), trip("fifo", 12.0)]
    row = row_of(name, *fast)
    assert row["verdict"] == "holds"
    assert row["reason"] == "lowest of 2: fifo-64 / shared_memory-64; 5 rounds"
    row = row_of(name, *fast, trip("os_pipe", 8.0))
    assert row["verdict"] == "fails"
    assert "os_pipe" in row["reason"]
    row = row_of(name, *fast, trip("os_pipe", 10.0))
    assert row["verdict"] == "undecided"


def test_pairs_are_of_one_size_and_what_is_shared_memory_too_is_left_out() -> None:
    name = "shared_memory_is_the_fastest_ipc"
    large = {"payload_bytes": 1048576}
    cells = [trip("shared_memory", 10.0), trip("shared_memory", 900.0, **large), trip("pipe", 20.0)]
    row = row_of(name, *cells, trip("pipe", 1500.0, **large), trip("mmap", 5.0), trip("signal", 5.0))
    assert row["verdict"] == "holds"
    assert row["value"] == pytest.approx(1500 / 900, rel=0.02)


def test_a_pair_without_an_interval_can_not_support_and_does_not_hinder_a_refutation() -> None:
    name = "shared_memory_is_the_fastest_ipc"
    few = trip("fifo", 20.0, rounds=3)
    row = row_of(name, trip("shared_memory", 10.0), trip("pipe", 20.0), few)
    assert row["verdict"] == "undecided"
    assert row["reason"].startswith("3 of 5 rounds")
    assert row_of(name, trip("shared_memory", 10.0), trip("pipe", 5.0), few)["verdict"] == "fails"


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
        ([0, 0, 0, 0, 5], [0] * 5, 1.9, "undecided"),
        ([0] * 5, [0] * 5, 1.0, "undecided"),
        ([900, 20, 7, 8000, 3], [0] * 5, 1.0, "fails"),
        ([0] * 4, [0] * 4, 1.9, "undecided"),
    ],
)
def test_exact_counts_are_decided_by_all_rounds_alike(
    value: list[float], array: list[float], at_once: float, expected: str
) -> None:
    row = row_of("value_and_array_are_process_safe", losses(value, at_once), losses(array, at_once, "array"))
    assert row["verdict"] == expected
    if at_once < 1.2 and expected == "undecided":
        assert row["reason"].startswith("the writers hardly ran at once, so that no loss proves nothing")
    if len(value) < 5:
        assert row["reason"].startswith("4 of 5 rounds")


def test_no_loss_on_one_cpu_proves_nothing() -> None:
    row = row_of("value_and_array_are_process_safe", losses([0] * 5, **C1), losses([0] * 5, container="array", **C1))
    assert row["verdict"] == "not measured"
    assert row["reason"].endswith("no loss proves nothing")


def test_a_round_counts_by_its_worst_sample() -> None:
    waited = {
        "scenario": "pool.overflow",
        "operation": "waited",
        "case": "fork-2",
        "start_method": "fork",
        "workers": 2,
    }
    row = row_of("task_beyond_the_workers_waits", count([[1, 1, 1]] * 4 + [[1, 0, 1]], **waited))
    assert row["verdict"] == "undecided"
    assert row["reason"] == "fork-2; so in 4 of 5 rounds"


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


def starts(python: str, value: float, method: str = "default", **more: Any) -> list[dict[str, Any]]:
    label = "py" + "".join(python.split(".")[:2]) + "-linux-c2"
    base = {"scenario": "pool.start", "operation": "start_ready", "workers": 2, "start_method": method}
    return cell(noisy(value), **{**base, "case": f"{method}-2", "target": label, "python": python, **more})


def test_a_claim_of_two_versions_is_asked_of_targets_that_are_equal_otherwise() -> None:
    name = "forkserver_default_makes_pools_slower"
    newer = [starts("3.14.1", 40.0), starts("3.14.1", 6.0, "fork")]
    row = row_of(name, *newer, starts("3.13.8", 5.0), starts("3.9.18", 30.0))
    assert (row["verdict"], row["target"]) == ("holds", "py314-linux-c2")
    assert "of py313-linux-c2" in row["reason"]
    assert row["value"] == pytest.approx(8.0, rel=0.02)
    row = row_of(name, starts("3.14.1", 40.0), starts("3.14.1", 39.0, "fork"), starts("3.13.8", 5.0))
    assert row["verdict"] == "fails", "fork is as slow there, so it is not the default start method"


def test_a_test_that_fails_decides_even_where_another_was_not_measured() -> None:
    row = row_of("value_and_array_are_process_safe", losses([900, 20, 7, 8000, 3]))
    assert row["verdict"] == "fails"
    assert row_of("value_and_array_are_process_safe", losses([0] * 5))["verdict"] == "not measured"


@pytest.mark.parametrize("different", [{"cpu_mode": "affinity"}, {"cpus_observed": 1.0}, {"build": "free-threaded"}])
def test_a_target_that_differs_in_more_than_its_python_is_no_partner(different: dict[str, Any]) -> None:
    newer = [starts("3.14.1", 40.0), starts("3.14.1", 6.0, "fork")]
    row = row_of("forkserver_default_makes_pools_slower", *newer, starts("3.13.8", 5.0, **different))
    assert (row["verdict"], row["target"]) == ("not measured", "py314-linux-c2")
    assert row["reason"] == "the run has no target before Python 3.14 that is equal to py314-linux-c2 otherwise"


def default_pool(size: object, workers: int, value: float, **more: Any) -> list[dict[str, Any]]:
    variant = (
        f'{{"kind": "pool", "size": "{size}"}}' if isinstance(size, str) else f'{{"kind": "pool", "size": {size}}}'
    )
    base = {"scenario": "pool.defaults", "operation": "job", "case": f"pool-{size}", "workers": workers}
    return cell(noisy(value, seed=workers), **{**base, "variant": variant, **more})


def test_what_pool_picks_is_held_against_other_sizes_by_where_the_limit_is() -> None:
    machine, container = "pool_default_fits_the_machine", "pool_default_fits_the_container"
    quota = {"target": "py313-linux-q0.5", "cpu_mode": "quota", "cpus_requested": 0.5, "cpus_observed": 0.5}
    whole = [default_pool("default", 2, 50.0), default_pool(1, 1, 100.0), default_pool(2, 2, 40.0)]
    limited = [default_pool("default", 2, 140.0, **quota), default_pool(1, 1, 100.0, **quota)]
    row = row_of(machine, *whole, *limited, machine_cpus=2)
    assert (row["verdict"], row["target"]) == ("holds", "py313-linux-c2")
    assert row["value"] == pytest.approx(0.5, rel=0.05), "a pool of the same size is no other size"
    row = row_of(container, *whole, *limited, machine_cpus=2)
    assert (row["verdict"], row["target"]) == ("fails", "py313-linux-q0.5")
    assert set(rows_of(container, *whole, *limited)["target"]) == {"py313-linux-c2", "py313-linux-q0.5"}
    assert row_of(machine, *whole, machine_cpus=4)["verdict"] == "not measured"


@pytest.mark.parametrize("holds", ["above", "below"])
def test_no_verdict_contradicts_its_interval(holds: Any) -> None:
    rng = np.random.default_rng(11)
    seen = set()
    for _ in range(500):
        parts = []
        for _ in range(rng.integers(1, 6)):
            value = rng.lognormal(0, 0.3)
            usual, wide = 1 + rng.uniform(0, 0.3), 1 + rng.uniform(0.3, 0.6)
            ends = (value / usual, value * usual, value / wide, value * wide)
            if rng.random() < 0.1:
                ends = (-math.inf, math.inf) * 2
            low, high, wide_low, wide_high = ends
            parts.append(Part(value=value, low=low, high=high, wide_low=wide_low, wide_high=wide_high))
        bounds = worst(parts, holds)
        found = verdict(bounds.low, bounds.high, holds, 1.0)
        seen.add(found)
        assert bounds.low <= bounds.worst.value <= bounds.high
        beyond = bounds.low > 1 if holds == "above" else bounds.high < 1
        contrary = bounds.high < 1 if holds == "above" else bounds.low > 1
        assert found == ("holds" if beyond else "fails" if contrary else "undecided")
        assert beyond <= all((part.low > 1) if holds == "above" else (part.high < 1) for part in parts)
    assert seen == {"holds", "fails", "undecided"}


def test_of_equal_mechanisms_hardly_a_run_says_that_one_is_faster() -> None:
    rng = np.random.default_rng(5)
    wrong = 0
    for _ in range(300):
        parts = []
        for _ in range(8):
            logs = rng.normal(0, 0.05, 5)
            half = logs.std(ddof=1) / math.sqrt(5)
            usual, wide = 2.776445 * half, 5.261034 * half  # t(1 - 0.05 / 2, 4) and t(1 - 0.05 / 16, 4)
            centre = float(logs.mean())
            ends = [math.exp(x) for x in (centre - usual, centre + usual, centre - wide, centre + wide)]
            low, high, wide_low, wide_high = ends
            parts.append(Part(value=math.exp(centre), low=low, high=high, wide_low=wide_low, wide_high=wide_high))
        bounds = worst(parts, "above")
        wrong += verdict(bounds.low, bounds.high, "above", 1.0) != "undecided"
    assert wrong <= 0.05 * 300


def failed(cells: Sequence[dict[str, Any]], *rounds: int, status: str = "failed") -> list[dict[str, Any]]:
    """The samples without those of these rounds, in which the cell failed."""
    kept = [row for row in cells if row["round"] not in rounds]
    return kept + [
        {**cells[0], "round": number, "value": None, "operation": None, "status": status, "reason": "killed after 60 s"}
        for number in rounds
    ]


def test_a_cell_that_failed_in_some_rounds_decides_nothing_by_those_it_came_through() -> None:
    serial, pool = cell(noisy(100.0, 8), **SERIAL), cell(noisy(100.0, 8), **THREADS)
    assert row_of(THREADS_CLAIM, serial, pool)["verdict"] == "holds"
    row = row_of(THREADS_CLAIM, serial, failed(pool, 2, 5, status="timeout"))
    assert row["verdict"] == "undecided"
    assert row["reason"].startswith("threads-2 ran out of time in 2 of 8 rounds (killed after 60 s)")
    assert pd.isna(row["q_value"])
    assert row_of(THREADS_CLAIM, serial, failed(pool, 2, 5, status="skipped"))["verdict"] == "holds"


def test_a_mechanism_that_failed_is_not_passed_over_where_the_claim_is_about_every_one() -> None:
    name = "shared_memory_is_the_fastest_ipc"
    lost = failed(trip("fifo", 12.0), *range(5))
    row = row_of(name, trip("shared_memory", 10.0), trip("pipe", 20.0), lost)
    assert row["verdict"] == "undecided"
    assert row["reason"].startswith("fifo-64 is failed: killed after 60 s")
    assert row_of(name, trip("shared_memory", 10.0), trip("pipe", 5.0), lost)["verdict"] == "fails"


def test_no_other_start_method_steps_in_for_one_that_failed() -> None:
    fork = {**SERIAL, "executor": "processes", "workers": 2, "case": "processes-fork-2", "start_method": "fork"}
    spawn = {**fork, "case": "processes-spawn-2", "start_method": "spawn"}
    cells = [cell(noisy(100.0), **SERIAL), failed(cell(noisy(50.0), **fork), *range(5)), cell(noisy(52.0), **spawn)]
    row = row_of("processes_speed_up_compute", *cells)
    assert (row["verdict"], row["reason"]) == ("not measured", "processes-fork-2 is failed: killed after 60 s")


def test_rounds_of_two_runs_that_were_merged_are_not_paired() -> None:
    """Round 3 of yesterday was not measured beside round 3 of today, on one machine or two."""
    name = "forkserver_default_makes_pools_slower"
    newer = [starts("3.14.1", 40.0), starts("3.14.1", 6.0, "fork")]
    assert row_of(name, *newer, starts("3.13.8", 5.0))["verdict"] == "holds"
    row = row_of(name, *newer, starts("3.13.8", 5.0, run_id="another"))
    assert row["verdict"] == "not measured"
    assert row["reason"].startswith("no round has both")


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
    assert row["verdict"] == "undecided"
    assert row["ci_low"] == pytest.approx(math.exp(logs.mean() - 3.960791 * half))  # t(1 - 0.05 / 6, 4)


def test_a_verdict_that_is_not_certain_among_so_many_says_so_and_keeps_its_interval() -> None:
    rows = pd.DataFrame({
        "verdict": ["holds", *["undecided"] * 9], "p_value": [0.02, *[0.5] * 9], "reason": "serial / threads-2"
    })  # fmt: skip
    found = among_all(rows)
    assert found["verdict"].tolist() == rows["verdict"].tolist()
    assert found["q_value"].iloc[0] == pytest.approx(0.2)
    assert found["reason"].iloc[0] == "serial / threads-2; by itself, and not certain among 10 verdicts"
    assert (found["reason"].iloc[1:] == "serial / threads-2").all()
    assert found["q_value"].iloc[1:].isna().all(), "what is undecided has no verdict that could stand"
    alone = among_all(rows.head(1))
    assert (alone["q_value"].iloc[0], alone["reason"].iloc[0]) == (0.02, "serial / threads-2")


@pytest.mark.parametrize("bimodal", [False, True])
def test_the_p_of_a_side_and_the_interval_say_the_same(bimodal: bool) -> None:  # noqa: FBT001
    rng = np.random.default_rng(7)
    for _ in range(300):
        logs = rng.normal(0.3, 0.4, rng.integers(6, 16)).tolist()
        found = estimated(logs, bimodal=bimodal)
        assert found.low is not None
        assert found.high is not None
        assert (found.low > 1) == (p_above(logs, 0.0, bimodal=bimodal) <= 0.025)
        assert (found.high < 1) == (p_below(logs, 0.0, bimodal=bimodal) <= 0.025)
