"""What a verdict rests on besides its rounds: modes, scope, kinds of rows, labels, and the p beside it."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.special

from lab.stats.quality.disturbances import Disturbance
from tests.claim_runs import (
    SERIAL,
    TARGET,
    THREADS,
    THREADS_CLAIM,
    cell,
    count,
    failed,
    noisy,
    row_of,
    rows_of,
    starts,
    trip,
)

WAITED: Mapping[str, Any] = {
    "scenario": "pool.overflow", "operation": "waited", "case": "fork-2", "start_method": "fork", "workers": 2,
}  # fmt: skip
LIMIT = "at most {}% by Clopper and Pearson, 95%"
NONE_IN_FIVE = f"no exception in 5 trials of 5 rounds ({LIMIT.format(45)})"
WAITS = "task_beyond_the_workers_waits"
MEMORY: Mapping[str, Any] = {
    "scenario": "process.memory", "operation": "worker_memory", "case": "fork-2", "start_method": "fork", "workers": 2,
    "metric": "pss", "unit": "bytes", "variant": '{"imports": "none"}',
}  # fmt: skip
COSTS = "processes_cost_resources"
FASTEST = "shared_memory_is_the_fastest_ipc"
SLOWER_POOLS = "forkserver_default_makes_pools_slower"


def two_modes(low: float, high: float) -> list[list[float]]:
    """Eight rounds that lie in one of two modes, by turns, with three batches each."""
    scatter = np.random.default_rng(3).lognormal(0, 0.002, (8, 3))
    return [[mode * x for x in batches] for mode, batches in zip([low, high] * 4, scatter.tolist(), strict=True)]


@pytest.mark.parametrize("side", ["top", "bottom"])
def test_a_cell_with_two_modes_on_one_side_alone_is_judged_by_order_statistics(side: str) -> None:
    steady = [[100.0] * 3] * 8
    serial, threads = (two_modes(100, 110), steady) if side == "top" else (steady, two_modes(100, 110))
    row = row_of(THREADS_CLAIM, cell(serial, **SERIAL), cell(threads, **THREADS))
    assert row["reason"] == "serial / threads-2; 8 rounds, bimodal: median and order statistics"
    logs = sorted(math.log(statistics.median(a) / statistics.median(b)) for a, b in zip(serial, threads, strict=True))
    assert [row["ci_low"], row["ci_high"]] == pytest.approx([math.exp(logs[0]), math.exp(logs[7])])
    assert row["value"] == pytest.approx(math.exp(statistics.median(logs)))


def test_a_count_is_not_mixed_with_times_warm_up_or_failed_rounds_of_its_cell() -> None:
    yes = count([[1, 1]] * 5, **WAITED)
    others = [
        cell([[0.25, 0.25]] * 5, **WAITED),
        cell([[0.25]] * 5, **{**WAITED, "metric": "pss", "unit": "bytes"}),
        [{**row, "warmup": 1} for row in count([[0, 0]] * 5, **WAITED)],
        [{**row, "status": "unsupported"} for row in count([[0, 0]] * 5, **WAITED)],
    ]
    row = row_of(WAITS, yes, *others)
    assert (row["verdict"], row["value"]) == ("holds", 1)
    assert row["reason"] == f"fork-2; no exception in 10 trials of 5 rounds ({LIMIT.format(26)})"
    assert [row["ci_low"], row["ci_high"]] == [1, 1]


def test_counts_of_two_cells_and_of_two_operations_are_apart() -> None:
    spawn = {"case": "spawn-2", "start_method": "spawn"}
    other = {"operation": "apply_waited_for_end"}
    row = row_of(WAITS, *(count([value] * 5, **{**WAITED, **on}) for value, on in ((1, {}), (0, spawn), (0, other))))
    assert (row["verdict"], row["value"], row["reason"]) == ("holds", 1, f"fork-2; {NONE_IN_FIVE}")


@pytest.mark.parametrize(
    ("rounds", "verdict", "value", "ends", "told"),
    [
        ([1, 1, 1, 1, 0], "fails", 0, (0, 0), "fork-2; 1 exception in 5 trials, in 1 of 5 rounds"),
        ([0, 0, 0, 0, 0], "fails", 0, (0, 0), "fork-2; 5 exceptions in 5 trials, in 5 of 5 rounds"),
        ([0], "fails", 0, (0, 0), "fork-2; 1 exception in 1 trial, in 1 of 1 round"),
        ([1] * 4, "inconclusive", 1, (None, None),
         f"4 of 5 rounds; fork-2; no exception in 4 trials of 4 rounds ({LIMIT.format(53)})"),
        ([1] * 5, "holds", 1, (1, 1), f"fork-2; {NONE_IN_FIVE}"),
    ],
)  # fmt: skip
def test_a_count_has_its_worst_sample_and_how_many_exceptions_there_were(
    rounds: list[float], verdict: str, value: float, ends: tuple[float | None, float | None], told: str
) -> None:
    row = row_of(WAITS, count(rounds, **WAITED))
    assert (row["verdict"], row["value"], row["reason"]) == (verdict, value, told)
    assert [None if pd.isna(row[name]) else row[name] for name in ("ci_low", "ci_high")] == list(ends)


@pytest.mark.parametrize("value", [0, 1])
def test_a_count_of_a_disturbed_cell_is_inconclusive(value: float) -> None:
    stolen = {(TARGET["target"], "pool.overflow", "fork-2"): Disturbance("steal", 0.4)}
    row = row_of(WAITS, count([value] * 5, **WAITED), disturbed=stolen)
    assert (row["verdict"], row["reason"].partition(":")[0]) == ("inconclusive", "fork-2 was disturbed")


@pytest.mark.parametrize(("guard", "verdict"), [(1.2, "holds"), (1.19, "inconclusive")])
@pytest.mark.parametrize("guarded", ["value", "array"])
def test_a_guard_takes_back_a_verdict_that_proves_nothing(guarded: str, guard: float, verdict: str) -> None:
    rows = []
    for container in ("value", "array"):
        on = {"scenario": "state.lost_updates", "case": container, "workers": 2}
        on["variant"] = f'{{"container": "{container}", "locking": "no_lock"}}'
        at_once = [9.0, 9.0, guard, 0.0, 0.0] if container == guarded else [1.9] * 5
        rows += [count([0] * 5, **on, operation="lost"), count(at_once, **on, operation="writers_at_once")]
    row = row_of("value_and_array_are_process_safe", *rows)
    assert row["verdict"] == verdict
    assert pd.isna(row["q_value"]) == (verdict == "inconclusive")
    without = [rows[0], rows[2], rows[3] if guarded == "value" else rows[1]]
    assert row_of("value_and_array_are_process_safe", *without)["verdict"] == "inconclusive", "no guard was measured"


def test_a_level_is_judged_by_its_rounds_and_needs_five() -> None:
    sizes = [value * 2**20 for value in (1.03, 1.01, 1.02, 1.04, 1.05)]
    row = row_of(COSTS, cell(sizes, **MEMORY))
    logs = [math.log(size) for size in sizes]
    half = 2.776445 * statistics.stdev(logs) / math.sqrt(5)  # t(0.975, 4)
    middle = statistics.fmean(logs)
    assert (row["verdict"], row["unit"], row["reason"]) == ("holds", "bytes", "fork-2; 5 rounds")
    found = [row["ci_low"], row["value"], row["ci_high"]]
    assert found == pytest.approx([math.exp(x) for x in (middle - half, middle, middle + half)])
    few = row_of(COSTS, cell(sizes[:4], **MEMORY))
    assert (few["verdict"], few["reason"]) == ("inconclusive", "4 of 5 rounds; fork-2; 4 rounds")


def test_a_level_without_a_value_above_zero_was_not_measured() -> None:
    row = row_of(COSTS, cell([0.0] * 5, **MEMORY))
    assert (row["verdict"], row["target"]) == ("not measured", TARGET["target"])
    assert row["reason"] == "fork-2 has no value above zero"


def test_a_level_of_a_disturbed_or_bimodal_cell_says_so() -> None:
    stolen = {(TARGET["target"], "process.memory", "fork-2"): Disturbance("steal", 1.0)}
    row = row_of(COSTS, cell([2e6] * 5, **MEMORY), disturbed=stolen)
    assert (row["verdict"], row["reason"].partition(":")[0]) == ("inconclusive", "fork-2 was disturbed")
    row = row_of(COSTS, cell(two_modes(2e6, 4e6), **MEMORY))
    assert (row["verdict"], row["reason"]) == ("holds", "fork-2; 8 rounds, bimodal: median and order statistics")


def one_sided(logs: list[float], threshold: float) -> float:
    """The p of Student's t that their mean is above the logarithm of the threshold by chance."""
    mean, error = statistics.fmean(logs) - math.log(threshold), statistics.stdev(logs) / math.sqrt(len(logs))
    return float(scipy.special.stdtr(len(logs) - 1, -mean / error))


def test_the_q_of_a_verdict_is_the_p_of_its_side_where_it_is_the_only_one() -> None:
    steps = [0.02 * x for x in (-1, -0.4, 0, 0.6, 0.8)]
    base = [100.0] * 5
    slow = row_of(THREADS_CLAIM, cell([103 * math.exp(x) for x in steps], **SERIAL), cell(base, **THREADS))
    assert slow["verdict"] == "holds"
    assert slow["q_value"] == pytest.approx(one_sided([-math.log(1.03) - x for x in steps], 1 / 1.1))
    fast = row_of(THREADS_CLAIM, cell([118 * math.exp(x) for x in steps], **SERIAL), cell(base, **THREADS))
    assert fast["verdict"] == "fails"
    assert fast["q_value"] == pytest.approx(one_sided([math.log(1.18) + x for x in steps], 1.1))


def test_the_q_of_the_worst_of_several_is_times_their_number_where_one_refutes_and_the_largest_where_all_hold() -> None:
    shared = trip("shared_memory", 10.0)
    others = [trip("pipe", 20.0), trip("fifo", 10.3)]
    logs = [math.log(a["value"] / b["value"]) for a, b in zip(others[1], shared, strict=True)]
    holds = row_of(FASTEST, shared, *others)
    assert (holds["verdict"], holds["q_value"]) == ("holds", pytest.approx(one_sided(logs, 1.0)))
    slow = trip("os_pipe", 9.7)
    logs = [math.log(b["value"] / a["value"]) for a, b in zip(slow, shared, strict=True)]
    fails = row_of(FASTEST, shared, *others, slow)
    assert (fails["verdict"], fails["q_value"]) == ("fails", pytest.approx(3 * one_sided(logs, 1.0)))


@pytest.mark.parametrize(("value", "verdict", "q"), [(1, "holds", 0.5**5), (0, "fails", 0)])
def test_the_q_of_a_count_that_holds_is_that_of_the_sign_test_and_an_exception_is_certain(
    value: float, verdict: str, q: float
) -> None:
    row = row_of(WAITS, count([value] * 5, **WAITED))
    assert (row["verdict"], row["q_value"]) == (verdict, q)


def test_a_verdict_of_several_tests_has_the_q_of_the_one_that_is_least_certain() -> None:
    """All of them must hold, and five rounds of one say less than eight of the other."""
    on = {name: value for name, value in WAITED.items() if name != "operation"}
    rows = [
        count([1] * rounds, **on, operation=name)
        for name, rounds in (("apply_waited_for_end", 8), ("apply_async_came_before_end", 5))
    ]
    assert row_of("apply_blocks_and_apply_async_does_not", *rows)["q_value"] == 0.5**5


ON: Mapping[str, Mapping[str, Any]] = {
    "container": {},
    "native": {"target": "py313-native", "engine": "none", "cpu_mode": "affinity"},
    "quota": {"target": "py313-q2", "cpu_mode": "quota"},
    "free": {"target": "py313-none", "cpu_mode": "none"},
    "one": {"target": "py313-one", "cpus_requested": 1.0, "cpus_observed": 1.0},
}


def pools(on: Mapping[str, Any]) -> list[list[dict[str, Any]]]:
    base: dict[str, Any] = {"scenario": "pool.defaults", "operation": "job", **on}
    return [
        cell([50.0] * 5, **base, case="default", workers=2, variant='{"kind": "pool", "size": "default"}'),
        cell([90.0] * 5, **base, case="1", workers=1, variant='{"kind": "pool", "size": 1}'),
    ]


@pytest.mark.parametrize(
    ("machine_cpus", "limited"),
    [
        (None, {"container": True, "native": False, "quota": True, "free": False}),
        (2, {"container": False, "native": False, "quota": True, "free": False}),
        (3, {"container": True, "native": True, "quota": True, "free": False}),
    ],
)
def test_a_target_is_limited_by_a_quota_or_by_fewer_cpus_than_the_machine(
    machine_cpus: int | None, limited: dict[str, bool]
) -> None:
    for name, expected in limited.items():
        asked = {
            claim: row_of(claim, *pools(ON[name]), machine_cpus=machine_cpus)["verdict"]
            for claim in ("pool_default_fits_the_container", "pool_default_fits_the_machine")
        }
        assert list(asked.values()) == (["holds", "not measured"] if expected else ["not measured", "holds"]), name


def test_what_is_asked_of_other_targets_has_no_row_but_says_so_where_no_target_answered() -> None:
    row = row_of("pool_default_fits_the_machine", *pools(ON["quota"]))
    assert (row["verdict"], row["reason"]) == ("not measured", "applies to targets with all CPUs of the machine")
    assert pd.isna(row["target"])
    row = row_of("pool_default_fits_the_container", *pools(ON["native"]))
    assert row["reason"] == "applies to targets with limited CPUs"
    serial = cell(noisy(100.0), **{**SERIAL, **ON["quota"]})
    both = row_of("pool_default_fits_the_machine", serial, cell([1.0] * 5, **{**SERIAL, **ON["native"]}))
    assert both["reason"].startswith(
        "the run has no wall_time of pool.defaults job (kind pool, size default); applies to"
    )


@pytest.mark.parametrize(
    ("on", "reason"),
    [
        ({"os": "windows"}, "applies to linux"),
        ({"python": "3.13.9"}, "applies to Python 3.14 and newer"),
        ({"python": ""}, "applies to Python 3.14 and newer"),
    ],
)
def test_a_claim_of_a_system_and_a_version_is_not_asked_of_others(on: dict[str, str], reason: str) -> None:
    pair = [starts("3.14.1", 40.0), starts("3.14.1", 6.0, "fork")]
    row = row_of(SLOWER_POOLS, *([{**each, **on} for each in rows] for rows in pair))
    assert (row["verdict"], row["reason"]) == ("not measured", reason)


def test_a_target_with_too_few_cpus_has_a_row_only_where_it_measured_the_cells() -> None:
    lone = {**THREADS, **ON["one"], "workers": 1}
    told = row_of(THREADS_CLAIM, cell([1.0] * 5, **{**SERIAL, **ON["one"]}), cell([1.0] * 5, **lone))
    assert told["target"] == "py313-one"
    silent = row_of(THREADS_CLAIM, count([1] * 5, **{**WAITED, **ON["one"]}))
    assert pd.isna(silent["target"])
    lost = row_of(THREADS_CLAIM, failed(cell([1.0] * 5, **lone), *range(5)))
    assert pd.isna(lost["target"])


def test_the_older_target_is_the_newest_before_the_version() -> None:
    newer = [starts("3.14.1", 40.0), starts("3.14.1", 6.0, "fork")]
    others = [starts("3.12.1", 30.0), starts("3.13.8", 5.0), starts("3.15.0", 30.0), starts("3.9.1", 30.0)]
    row = rows_of(SLOWER_POOLS, *newer, *others).set_index("target").loc["py314-linux-c2"]
    assert (row["verdict"], row["value"]) == ("holds", pytest.approx(40 / 5, rel=0.02))
    row = row_of(SLOWER_POOLS, *newer, starts("3.13.8", 25.0))
    assert (row["verdict"], row["reason"].partition(";")[0]) == ("fails", "default-2 / default-2 of py313-linux-c2")


@pytest.mark.parametrize(
    ("column", "other"),
    [
        ("engine", "none"), ("os", "windows"), ("arch", "arm64"), ("implementation", "PyPy"), ("build", "debug"),
        ("cpu_mode", "affinity"), ("cpus_observed", 3.0), ("host", "another"),
    ],
)  # fmt: skip
def test_no_other_column_than_python_may_differ_from_the_older_target(column: str, other: object) -> None:
    newer = [starts("3.14.1", 40.0), starts("3.14.1", 6.0, "fork")]
    assert row_of(SLOWER_POOLS, *newer, starts("3.13.8", 5.0))["verdict"] == "holds"
    row = row_of(SLOWER_POOLS, *newer, [{**each, column: other} for each in starts("3.13.8", 5.0)])
    assert row["reason"].startswith("the run has no target before Python 3.14 that is equal to")


def test_a_pair_is_named_by_what_its_cells_differ_in() -> None:
    start = {"scenario": "process.start", "operation": "start_join", "case": "fork", "start_method": "fork"}
    start |= {"placement": "same_cpu", "variant": '{"imports": "none", "bytecode": "compiled"}'}
    api = {"scenario": "pool.api", "operation": "apply", "case": "fork-2", "start_method": "fork", "workers": 2}
    row = row_of("pool_beats_many_processes", cell([9.0] * 5, **start), cell([1.0] * 5, **api))
    assert row["reason"] == "process.start/fork / pool.api/fork-2; 5 rounds"
    empty = {"scenario": "ipc.one_way", "mechanism": "queue", "payload_bytes": 64, "placement": "same_cpu"}
    empty |= {"case": "queue-64", "variant": '{"payload": "object"}'}
    late, wanted = (
        cell([value] * 5, **empty, operation=f"empty_timeout{name}") for name, value in (("", 9), ("_asked", 1))
    )
    row = row_of("get_with_timeout_raises_empty", late, wanted)
    assert row["reason"] == "empty_timeout / empty_timeout_asked of queue-64; 5 rounds"


@pytest.mark.parametrize(("start", "pool"), [("fork", "spawn"), ("spawn", "fork")])
def test_a_start_is_not_held_against_a_pool_of_another_start_method(start: str, pool: str) -> None:
    on = {"scenario": "process.start", "operation": "start_join", "case": start, "start_method": start}
    on |= {"placement": "same_cpu", "variant": '{"imports": "none", "bytecode": "compiled"}'}
    api = {"scenario": "pool.api", "operation": "apply", "case": f"{pool}-2", "start_method": pool, "workers": 2}
    row = row_of("pool_beats_many_processes", cell([9.0] * 5, **on), cell([1.0] * 5, **api))
    assert row["reason"].startswith("no two cases of the plan that can be compared have both")
    wide, narrow = ({**SERIAL, "executor": "processes", "case": each, "start_method": each} for each in (start, pool))
    cells = cell([9.0] * 5, **{**wide, "workers": 4}), cell([1.0] * 5, **{**narrow, "workers": 2})
    row = row_of("more_workers_than_cpus_hurt", *cells)
    assert row["reason"].startswith("no two cases of the plan that can be compared have both")


def test_what_failed_is_never_the_worst_whichever_side_the_claim_is_on() -> None:
    lost = failed(cell([1.0] * 5, **{**pools({})[1][0], "case": "4", "workers": 4}), *range(5))
    row = row_of("pool_default_fits_the_container", *pools({}), [{**each, "round": None} for each in lost])
    assert row["verdict"] == "inconclusive"
    assert row["value"] == pytest.approx(50 / 90)
    assert row["reason"].startswith("4 is failed: killed after 60 s; highest of 2: default / 1; 5 rounds")


def test_of_several_axes_that_are_not_the_same_no_pair_is_made() -> None:
    row = row_of(FASTEST, trip("shared_memory", 10.0), trip("pipe", 20.0, payload_bytes=1024))
    assert (row["verdict"], pd.isna(row["target"])) == ("not measured", True)
    assert row["reason"].startswith("no two cases of the plan that can be compared have both")


def test_the_cpus_of_a_target_are_those_that_it_saw_else_those_that_were_asked_for() -> None:
    seen = {"cpus_requested": 8.0, "cpus_observed": 2.0}
    unseen = {"cpus_requested": 2.0, "cpus_observed": None}
    for on in (seen, unseen):
        wide = cell([50.0] * 5, **{**THREADS, **on, "case": "threads-8", "workers": 8})
        row = row_of(THREADS_CLAIM, cell([100.0] * 5, **{**SERIAL, **on}), cell([100.0] * 5, **{**THREADS, **on}), wide)
        assert (row["verdict"], row["reason"]) == ("holds", "serial / threads-2; 5 rounds")
    neither = {"cpus_requested": None, "cpus_observed": None}
    row = row_of(THREADS_CLAIM, cell([1.0] * 5, **{**SERIAL, **neither}))
    assert row["reason"].startswith("needs at least 2 CPUs, this target has 0")


def test_under_a_quota_no_number_of_workers_is_that_of_the_cpus() -> None:
    on = ON["quota"]
    row = row_of(THREADS_CLAIM, cell([1.0] * 5, **{**SERIAL, **on}), cell([1.0] * 5, **{**THREADS, **on}))
    assert row["verdict"] == "not measured"
    assert row["reason"].startswith("the run has no wall_time of pool.scaling job (executor threads")
