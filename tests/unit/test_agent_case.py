"""What a scenario is given: batches of the right length, and no number from a case that is wrong."""

from __future__ import annotations

import multiprocessing
import os
from itertools import pairwise
from typing import Any

import pytest

from lab.agent import cell as cell_module
from lab.agent.case import (
    CROSS_CPU_BATCH_NS,
    SAME_CPU_BATCH_NS,
    Case,
    Unsupported,
    default_helper_method,
    observe,
)
from lab.agent.measuring import batches, meters, placement, system_load
from lab.agent.scenario import Scenario, scenario

TARGET = {"round": 0, "batches": 3, "own_cgroup": False}


def case_of(values: dict[str, Any], lines: list[dict[str, Any]] | None = None, **target: Any) -> Case:
    return Case({"values": values, "seed": 7}, {**TARGET, **target}, ([] if lines is None else lines).append)


def measured(monkeypatch: pytest.MonkeyPatch, run: Any, **cell: Any) -> tuple[list[dict[str, Any]], str, str]:
    monkeypatch.setattr("lab.agent.scenario.load", lambda _name: declared(run))
    request = {"scenario": "test.one", "values": {}, "seed": 0, **cell}
    lines, status, reason, _ = cell_module.run_cell(request, TARGET)
    return lines, status, reason


def declared(run: Any, needs: Any = None) -> Scenario:
    return scenario(family="test", question="?", axes={}, view="", source="", needs=needs)(run)


@pytest.mark.parametrize(("count", "cpus"), [(3, [0, 1, 2]), (None, [0])])
def test_without_affinity_a_case_has_all_cpus_of_the_machine(
    monkeypatch: pytest.MonkeyPatch, count: int | None, cpus: list[int]
) -> None:
    monkeypatch.setattr(placement, "allowed_cpus", lambda: None)
    monkeypatch.setattr("os.cpu_count", lambda: count)
    assert case_of({}).cpus == cpus


def test_batches_across_cpus_stay_long_after_this_side_was_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(placement, "allowed_cpus", lambda: [0, 1])
    case = case_of({"placement": "cross_cpu"})
    monkeypatch.setattr(placement, "allowed_cpus", lambda: [0])
    assert case._batch_target_ns() == CROSS_CPU_BATCH_NS


def test_batches_on_one_cpu_are_short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(placement, "allowed_cpus", lambda: [0, 1])
    assert case_of({"placement": "same_cpu"})._batch_target_ns() == SAME_CPU_BATCH_NS
    monkeypatch.setattr(placement, "allowed_cpus", lambda: [1])
    assert case_of({"placement": "free"})._batch_target_ns() == SAME_CPU_BATCH_NS


def test_batches_are_longer_where_the_clock_is_coarse(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "clock_step_ns", lambda: 15_625_000)
    assert case_of({"placement": "same_cpu"})._batch_target_ns() > 100 * 15_625_000


def test_a_window_under_a_quota_holds_ten_periods() -> None:
    assert case_of({}, quota=0.5, period_us=100_000)._batch_target_ns() >= 10 * 100_000_000
    assert case_of({}, quota=0.5, period_us=10_000)._batch_target_ns() >= 10 * 10_000_000


def test_batches_begin_anywhere_in_what_the_scheduler_repeats_and_the_same_on_every_target() -> None:
    firsts = []
    for seed in range(100):
        case = Case({"values": {}, "seed": seed}, TARGET, lambda _: None)
        assert case._phases() == Case({"values": {}, "seed": seed}, TARGET, lambda _: None)._phases()
        firsts.append(case._phases()[0])
        apart = sorted(case._phases())
        assert [round(b - a, 9) for a, b in pairwise(apart)] == [round(1 / 3, 9)] * 2
    assert 40 <= sum(first < 0.5 for first in firsts) <= 60
    assert all(0 <= first < 1 for first in firsts)


def test_a_batch_is_run_in_untimed_and_its_counters_cover_both() -> None:
    lines: list[dict[str, Any]] = []
    ran: list[int] = []

    def batch(loops: int) -> int:
        ran.append(loops)
        return loops

    case = Case({"values": {}, "seed": 0, "loops": {"one": 400}}, TARGET, lines.append)
    case.measure("one", batch, step=100, takes_turns=True)
    case.close()
    assert ran == [400, 100, 400, 200, 400, 300, 400]  # the warm-up needs none
    assert [line["elapsed_ns"] for line in lines] == [400] * 4
    assert [line["spent_loops"] for line in lines] == [400, 500, 600, 700]


def test_where_no_threads_take_turns_every_run_in_is_a_tenth() -> None:
    ran: list[int] = []

    def batch(loops: int) -> int:
        ran.append(loops)
        return loops

    case = Case({"values": {}, "seed": 0, "loops": {"one": 400}}, TARGET, lambda _: None)
    case.measure("one", batch)
    case.close()
    assert ran == [400, 40, 400, 40, 400, 40, 400]


def test_a_scenario_may_ask_for_a_run_in_before_batches_of_one_operation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(placement, "allowed_cpus", lambda: [0])
    lines: list[dict[str, Any]] = []
    ran: list[int] = []

    def batch(loops: int) -> int:
        ran.append(loops)
        return loops * 20_000_000

    case = Case({"values": {}, "seed": 0, "loops": {"one": 1}}, {**TARGET}, lines.append)
    case.measure("one", batch, least_warm_up=1)
    case.close()
    assert ran == [1, 1, 1, 1, 1, 1, 1]  # a warm-up, then three batches, each after its own warm-up
    assert [line["spent_loops"] for line in lines if line["kind"] == "sample"] == [1, 2, 2, 2]


class CountedMeters:
    """Counters that say 1000 ns a batch; reading them takes 200 ns of CPU time before it and 300 ns after it."""

    clock_ns = 0

    def __init__(self, own_cgroup: bool) -> None:  # noqa: FBT001 - the real one's parameter
        """Take what ``meters.Meters`` takes."""

    def before(self) -> dict[str, int]:
        CountedMeters.clock_ns += 200
        return {"cpu_ns": 0}

    def after(self) -> dict[str, int]:
        CountedMeters.clock_ns += 300
        return {"cpu_ns": 1000}

    def close(self) -> None: ...


@pytest.mark.parametrize(
    ("target", "own_cpu_ns"),
    [({"own_cgroup": True}, 1500), ({"own_cgroup": False}, 1507), ({"companion": {"host": "there"}}, None)],
)
def test_what_reading_the_counters_cost_is_the_cells_own_and_not_the_load_of_others(
    monkeypatch: pytest.MonkeyPatch, target: dict[str, Any], own_cpu_ns: int | None
) -> None:
    """In a control group a fork server's dead workers are counted already; a second container's work is not known."""
    CountedMeters.clock_ns = 0

    def batch(loops: int) -> int:
        CountedMeters.clock_ns += 1000
        return loops

    monkeypatch.setattr(meters, "Meters", CountedMeters)
    monkeypatch.setattr("time.process_time_ns", lambda: CountedMeters.clock_ns)
    monkeypatch.setattr(system_load, "inherited_cpu_ns", lambda _before, _after: 7)
    lines: list[dict[str, Any]] = []
    case = Case({"values": {}, "seed": 0, "loops": {"job": 1}}, {**TARGET, **target}, lines.append)
    case.measure("job", batch)
    assert all("around" not in line for line in lines)
    case.close()
    assert [line["around"].get("own_cpu_ns") for line in lines] == [own_cpu_ns] * 4
    assert [line["spent"] for line in lines] == [{"cpu_ns": 1000}] * 4


@pytest.mark.parametrize(("placed", "is_reported"), [("free", True), ("same_cpu", False)])
def test_a_case_reports_the_cpus_it_ran_on_where_nothing_was_bound(
    monkeypatch: pytest.MonkeyPatch,
    placed: str,
    is_reported: bool,  # noqa: FBT001 - pytest's parameter
) -> None:
    monkeypatch.setattr(placement, "last_cpus", lambda pids: sorted({1, 3}) if os.getpid() in pids else [])
    lines: list[dict[str, Any]] = []
    case = Case({"values": {"placement": placed}, "seed": 0, "loops": {"job": 1}}, TARGET, lines.append)
    case.measure("job", lambda loops: loops)
    case.close()
    assert [line.get("ran_on") for line in lines] == [[1, 3] if is_reported else None] * 4


def test_a_cell_has_a_warm_up_and_three_batches() -> None:
    lines: list[dict[str, Any]] = []
    case_of({}, lines).measure("job", lambda loops: 1_000_000 * loops)
    assert [line["kind"] for line in lines] == ["calibration"] + 4 * ["sample"]
    assert [(line["sample"], line["warmup"]) for line in lines[1:]] == [(0, 1), (0, 0), (1, 0), (2, 0)]
    assert {line["elapsed_ns"] for line in lines[1:]} == {lines[0]["loops"] * 1_000_000}


def test_frozen_loops_are_not_calibrated_again() -> None:
    lines: list[dict[str, Any]] = []
    case = Case({"values": {}, "seed": 0, "loops": {"job": 12}}, {**TARGET}, lines.append)
    case.measure("job", lambda loops: loops)
    assert [line["loops"] for line in lines] == 4 * [12]


@pytest.mark.parametrize(
    ("guess", "warm_ups", "loops"), [(12, [12], 10), (10, [10], 10), (8, [8], 10), (2, [2, 10], 10), (50, [50, 10], 10)]
)
def test_the_batch_that_verifies_remembered_loops_is_the_warm_up(
    monkeypatch: pytest.MonkeyPatch, guess: int, warm_ups: list[int], loops: int
) -> None:
    monkeypatch.setattr(batches, "clock_step_ns", lambda: 1)
    lines: list[dict[str, Any]] = []
    cell = {"values": {"placement": "same_cpu"}, "seed": 0, "guesses": {"job": guess}}
    case = Case(cell, TARGET, lines.append)
    case.measure("job", lambda loops: 1_000_000 * loops)
    case.close()
    samples = [line for line in lines if line["kind"] == "sample"]
    assert [line["loops"] for line in samples if line["warmup"]] == warm_ups
    assert [line["sample"] for line in samples if line["warmup"]] == list(range(len(warm_ups)))
    assert [line["loops"] for line in samples if not line["warmup"]] == [loops] * 3
    assert [line["loops"] for line in lines if line["kind"] == "calibration"] == [loops]


def test_a_wrong_result_takes_back_the_times_before_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(case: Case) -> None:
        case.measure("job", lambda loops: 1_000_000 * loops)
        case.verify(correct=False, complaint="the sum is wrong")

    lines, status, reason = measured(monkeypatch, run)
    assert (status, reason) == ("failed", "wrong result: the sum is wrong")
    assert not [line for line in lines if line["kind"] == "sample"]


@pytest.mark.parametrize(("version", "fails"), [("3.14.0 free-threading build", True), ("3.14.0", False)])
def test_a_gil_that_an_import_switched_on_fails_the_cell(
    monkeypatch: pytest.MonkeyPatch, version: str, *, fails: bool
) -> None:
    monkeypatch.setattr("sys._is_gil_enabled", lambda: True, raising=False)

    def run(_case: Case) -> None:
        monkeypatch.setattr("sys.version", version)

    _, status, reason = measured(monkeypatch, run)
    assert (status, "has switched the GIL" in reason) == (("failed", True) if fails else ("ok", False))


def test_a_check_of_the_warm_up_batch_comes_before_anything_is_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    batches_run: list[int] = []

    def batch(loops: int) -> int:
        batches_run.append(loops)
        return 100_000_000 * loops

    def run(case: Case) -> None:
        case.measure("job", batch, check=lambda: case.verify(correct=False, complaint="the sum is wrong"))

    lines, status, reason = measured(monkeypatch, run)
    assert (status, reason) == ("failed", "wrong result: the sum is wrong")
    assert not [line for line in lines if line["kind"] == "sample"]
    before = len(batches_run)
    measured(monkeypatch, lambda case: case.measure("job", batch, check=lambda: None))
    assert len(batches_run) - before == before + 3, "three timed batches follow"


def test_what_cannot_run_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(_case: Case) -> None:
        raise Unsupported("no FIFO on this system")

    assert measured(monkeypatch, run)[1:] == ("unsupported", "no FIFO on this system")


def test_a_need_that_is_not_met_keeps_the_scenario_from_running(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = declared(lambda _case: pytest.fail("it ran"), needs=lambda _values: "needs Python 3.14")
    monkeypatch.setattr("lab.agent.scenario.load", lambda _name: entry)
    cell = {"scenario": "test.one", "values": {}, "seed": 0}
    assert cell_module.run_cell(cell, TARGET)[1:3] == ("unsupported", "needs Python 3.14")


@pytest.mark.filterwarnings("default")
def test_an_exception_is_that_cells_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(_case: Case) -> None:
        raise ZeroDivisionError("by nothing")

    assert measured(monkeypatch, run)[1:] == ("failed", "ZeroDivisionError: by nothing")


def worker(**changed: Any) -> dict[str, Any]:
    return {
        "pid": 1,
        "ppid": 2,
        "cpus": [0],
        "gil": observe()["gil"],
        "uncached": [],
        "isolation": observe()["isolation"],
        **changed,
    }


@pytest.mark.parametrize(
    ("changed", "complaint"),
    [
        ({"ppid": 3}, "getppid"),
        ({"gil": "other"}, "GIL"),
        ({"isolation": (7, 0, 0)}, "interpreter flags"),
        ({"cpus": [0, 5]}, "may run on CPUs"),
        ({"uncached": ["json"]}, "no cached bytecode for json"),
    ],
)
def test_a_worker_that_is_not_as_requested_fails_its_cell(
    monkeypatch: pytest.MonkeyPatch, changed: dict[str, Any], complaint: str
) -> None:
    monkeypatch.setattr(placement, "allowed_cpus", lambda: [0, 1])
    case = case_of({})
    case.verify_workers([worker()], parent=2)
    with pytest.raises(AssertionError, match=complaint):
        case.verify_workers([worker(**changed)], parent=2)


def test_a_long_operation_under_a_quota_is_not_repeated_for_ten_windows() -> None:
    case = case_of({}, quota=0.5)
    assert case._calibrate(lambda loops: loops * 500_000_000, 1, case._batch_target_ns()) == 2
    assert case._calibrate(lambda loops: loops * 5_000_000_000, 1, case._batch_target_ns()) == 1
    assert case._calibrate(lambda loops: loops * 1_000_000, 1, case._batch_target_ns()) == 1100


def test_the_cpus_that_processes_are_bound_to_are_in_the_line_of_every_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(placement, "allowed_cpus", lambda: [2, 4, 6])
    monkeypatch.setattr("lab.agent.facts.topology.isolated_cpus", list)
    for known, core in (("known", {"core": 2}), ("unknown", {})):
        monkeypatch.setattr(
            "lab.agent.facts.topology.cpu_locations", lambda cpus, core=core: {str(cpu): core for cpu in cpus}
        )
        lines: list[dict[str, Any]] = []
        case = case_of({"placement": "same_cpu"}, lines)
        case.sides()
        case.measure("job", lambda loops: loops * 1_000_000)
        assert {str(line["bound_to"]) for line in lines if "spent" in line} == {str({"cpus": [2, 2], "cores": known})}
        assert case.team_cpus(2) == [2, 4, 6]


@pytest.mark.parametrize(("task_ns", "steps"), [(1_000_000, 20_001), (16_000, 320), (1, 1)])
def test_tasks_of_a_length_have_the_steps_that_the_request_fixes_for_all_targets(task_ns: int, steps: int) -> None:
    lines: list[dict[str, Any]] = []
    case = case_of({}, lines, steps_per_ms=20_001)
    assert case.steps(task_ns) == steps
    assert lines == [{"kind": "calibration", "operation": "steps_per_ms", "loops": 20_001}]


def test_what_a_scenario_records_has_its_columns_and_its_place() -> None:
    lines: list[dict[str, Any]] = []
    case = case_of({}, lines)
    case.describe(tasks=5, chunksize=1)
    case.record("memory", "pss", 7, index=2, workers=3)
    case.record_time("empty", 40, loops=4, index=1)
    case.describe(tasks=6)
    case.record_time("full", 50)
    assert lines == [
        {
            "kind": "sample",
            "operation": "memory",
            "metric": "pss",
            "value": 7,
            "sample": 2,
            "warmup": 0,
            "columns": {"tasks": 5, "chunksize": 1, "workers": 3},
        },
        {
            "kind": "sample",
            "operation": "empty",
            "loops": 4,
            "elapsed_ns": 40,
            "sample": 1,
            "warmup": 0,
            "columns": {"tasks": 5, "chunksize": 1},
        },
        {
            "kind": "sample",
            "operation": "full",
            "loops": 1,
            "elapsed_ns": 50,
            "sample": 0,
            "warmup": 0,
            "columns": {"tasks": 6, "chunksize": 1},
        },
    ]


def test_memory_of_workers_is_the_largest_and_of_one_process_all_its_kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = {1: {"pss": 10, "uss": 4}, 2: {"pss": 30, "uss": 2}, 3: {}}
    monkeypatch.setattr(meters, "memory_of", sizes.__getitem__)
    lines: list[dict[str, Any]] = []
    case = case_of({}, lines)
    case.record_memory([1, 2, 2, 3])
    case.record_memory([3])
    assert case.record_memory_of("parent", 1, index=4) == sizes[1]
    found = [(line["operation"], line["metric"], line["value"], line["sample"]) for line in lines]
    assert found == [("worker_memory", "pss", 30, 0), ("parent", "pss", 10, 4), ("parent", "uss", 4, 4)]


def test_what_is_timed_is_the_longest_of_a_batch_s_operations_without_the_warm_up() -> None:
    lines: list[dict[str, Any]] = []
    case = Case({"values": {}, "seed": 0, "loops": {"both": 10}}, TARGET, lines.append)
    case.measure("both", lambda loops: {"both": 5 * loops, "longer": 7 * loops})
    case.close()
    assert case.timed_ns == 3 * 70
    timed = [line for line in lines if line["operation"] == "both"]
    assert all("spent" in line and "around" in line for line in timed)
    assert all("spent" not in line for line in lines if line["operation"] == "longer")


def test_time_that_is_not_timed_is_divided_by_what_it_was_spent_on(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0]

    def spend(duration: int) -> int:
        now[0] += duration
        return duration

    monkeypatch.setattr("time.perf_counter_ns", lambda: now[0])
    monkeypatch.setattr(meters, "memory_of", lambda _pid: {"pss": spend(3), "uss": 1})
    monkeypatch.setattr(meters.Meters, "before", lambda _self: {"cpu_ns": spend(11)})
    case = Case({"values": {}, "seed": 0, "loops": {"job": 40}}, TARGET, lambda _line: None)
    spend(100_000)
    case.verify(correct=True, complaint="")
    spend(50_000)
    case.verify(correct=True, complaint="")
    case.record_memory([1])
    case.measure("job", lambda loops: spend(100 * loops) - 7)
    assert case.untimed.parts == {
        "start_ns": 100_000, "verification_ns": 50_000, "memory_ns": 3, "reading_ns": 4 * 11,
        "warmup_batch_ns": 4000, "untimed_ns": 3 * (400 + 7),
    }  # fmt: skip
    assert case.timed_ns + sum(case.untimed.parts.values()) == now[0]
    case.close()


def test_a_case_that_has_ended_holds_no_file(monkeypatch: pytest.MonkeyPatch) -> None:
    closed: list[str] = []
    monkeypatch.setattr(meters.Meters, "close", lambda _self: closed.append("meters"))
    monkeypatch.setattr(system_load.SystemLoad, "close", lambda _self: closed.append("system load"))
    case_of({}).close()
    assert sorted(closed) == ["meters", "system load"]


def test_an_injected_slowdown_reaches_what_is_measured() -> None:
    lines: list[dict[str, Any]] = []
    frozen = {"values": {}, "seed": 0, "loops": {"job": 100}}
    case = Case(frozen, {**TARGET, "inject_slowdown_percent": 5}, lines.append)
    case.measure("job", lambda loops: 100 * loops)
    assert {line["elapsed_ns"] for line in lines} == {10_500}


@pytest.mark.parametrize(
    ("methods", "helper"), [(["fork", "spawn"], "fork"), (["spawn", "fork"], "spawn"), (["spawn"], "spawn")]
)
def test_helpers_are_forked_where_that_is_safe(
    monkeypatch: pytest.MonkeyPatch, methods: list[str], helper: str
) -> None:
    """On macOS fork exists and spawn is the default, for system libraries break in forked children."""
    monkeypatch.setattr("multiprocessing.get_all_start_methods", lambda: methods)
    assert default_helper_method() == helper


def test_a_start_method_that_is_missing_here_is_unsupported_and_the_default_is_the_systems(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("multiprocessing.get_all_start_methods", lambda: ["spawn"])
    with pytest.raises(Unsupported, match="the start method fork does not exist"):
        case_of({"start_method": "fork"}).context()
    lines: list[dict[str, Any]] = []
    case = case_of({"start_method": "spawn"}, lines)
    assert case.context().get_start_method() == "spawn"
    case.record_time("job", 1)
    assert lines[0]["columns"] == {"start_method": "spawn"}
    assert case_of({"start_method": "default"}).context() is multiprocessing.get_context()


def test_a_placement_that_cannot_be_had_is_unsupported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(placement, "allowed_cpus", lambda: [3])
    with pytest.raises(Unsupported, match="needs two CPUs"):
        case_of({"placement": "cross_cpu"}).sides()
    assert case_of({"placement": "same_cpu"}).sides() == ([3], [3])


def test_the_parents_own_process_does_not_count_as_a_worker() -> None:
    with pytest.raises(AssertionError, match="the process id of its parent"):
        case_of({}).verify_workers([{**worker(), "pid": os.getpid()}], parent=None)


def test_calibration_under_a_quota_counts_cpu_time_over_the_quota_and_no_throttled_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    readings = {"cpu_ns": 0, "throttled_ns": 0}

    class Throttled(CountedMeters):
        def before(self) -> dict[str, int]:
            return dict(readings)

        after = before

        def of_group(self) -> dict[str, int]:
            return {}

    def batch(loops: int) -> int:
        readings["cpu_ns"] += 1_000_000 * loops
        readings["throttled_ns"] += 7_000_000 * loops
        return 8_000_000 * loops

    monkeypatch.setattr(meters, "Meters", Throttled)
    lines: list[dict[str, Any]] = []
    case = case_of({}, lines, quota=0.25, period_us=10_000)
    monkeypatch.setattr("time.sleep", lambda _seconds: None)
    case.measure("job", batch)
    assert lines[0]["loops"] == pytest.approx(110_000_000 / 4_000_000, abs=3)


def test_an_allocator_that_cannot_retain_memory_is_unsupported_rather_than_the_death_of_the_other_side(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A free-threaded build has another allocator; here the environment fixes the thresholds, on either side."""
    monkeypatch.setenv("MALLOC_TRIM_THRESHOLD_", "1")
    values = {"mechanism": "pipe", "payload_bytes": 65_536, "placement": "free", "payload": "bytes"}
    cell = {"scenario": "ipc.round_trip", "values": {**values, "allocator": "retained"}, "seed": 0}
    assert cell_module.run_cell(cell, TARGET)[1] == "unsupported"
