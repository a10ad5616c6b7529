"""Scenarios of pools refuse results, workers and lives that are not the ones asked for."""

from __future__ import annotations

import os
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Self

import pytest

from lab.agent.case import Case
from lab.agent.scenario import worker_ladder
from lab.agent.scenarios.pool import (
    api,
    chunksize,
    defaults,
    grain,
    lifecycle,
    overflow,
    payload,
    scaling,
    scaling_weak,
    uneven,
)
from lab.agent.scenarios.pool import start as pool_start
from lab.agent.toolkit.jobs import Job, proportional
from lab.agent.toolkit.work import TASK_NS, WORKS
from tests.scripted import (
    Lines,
    Program,
    case_of,
    frozen,
    frozen_case,
    refused,
    worker,
)

if TYPE_CHECKING:
    from collections.abc import Callable


def test_a_call_that_changes_the_order_of_results_is_refused_unless_it_promises_none() -> None:
    def backwards(tasks: range) -> list[int]:
        return sorted(tasks, reverse=True)

    with refused("in their order"):
        api.measure_call(case_of(), "map", backwards)
    api.measure_call(frozen([], imap_unordered=100), "imap_unordered", backwards)
    with refused("in their order"):
        api.measure_call(case_of(), "imap_unordered", lambda tasks: list(tasks)[1:])


def test_tasks_of_a_batch_are_whole_calls_and_the_rest() -> None:
    lines: Lines = []
    calls: list[int] = []

    def call(tasks: range) -> list[int]:
        calls.append(len(tasks))
        return list(tasks)

    api.measure_call(frozen(lines, apply=250), "apply", call)
    assert calls == [
        api.TASKS,
        100,
        100,
        50,
        25,
        100,
        100,
        50,
    ]  # verified, warm-up, the tenth before a batch, the batch
    assert lines[-1]["loops"] == 250


class Pool:
    """A pool in this process, whose tasks go through ``answer``."""

    def __init__(self, answer: Any = lambda result: result) -> None:
        self.answer = answer

    def map(self, function: Any, tasks: Any, _chunk: int = 1) -> list[Any]:
        return [self.answer(function(task)) for task in tasks]

    def starmap(self, function: Any, arguments: Any, _chunk: int = 1) -> list[Any]:
        return [function(*each) for each in arguments]

    def apply(self, function: Any, arguments: Any) -> Any:
        return self.answer(function(*arguments))

    def apply_async(self, function: Any, arguments: Any) -> Any:
        found = self.apply(function, arguments)

        class Pending:
            def get(self) -> Any:
                return found

        return Pending()

    def close(self) -> None: ...

    def join(self) -> None: ...

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None: ...


def test_a_job_of_the_default_size_gives_what_it_gives_in_one_process() -> None:
    pool = Pool()
    lines: Lines = []
    defaults.measure_job(frozen(lines, job=1), Job(100, 0.5), pool.map)
    assert {line["operation"] for line in lines} == {"job"}
    with refused("differ from those of a serial run"):
        defaults.measure_job(case_of(), Job(100, 0.5), lambda _task, seeds: [0 for _ in seeds])


def test_every_child_of_this_process_is_a_worker_of_the_pool(monkeypatch: pytest.MonkeyPatch) -> None:
    lines: Lines = []
    monkeypatch.setattr(defaults, "verify_pool", lambda _case, _pool, _wanted: [])
    monkeypatch.setattr("multiprocessing.active_children", lambda: [1, 2])
    defaults.record_size(case_of(lines), Pool(), 2)
    assert [(line["operation"], line["value"]) for line in lines] == [("size_picked", 2)]
    with refused("the pool has 2 workers instead of 3"):
        defaults.record_size(case_of(), Pool(), 3)


def test_the_size_that_a_pool_picks_is_what_its_version_documents(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 96)
    monkeypatch.setattr(os, "process_cpu_count", lambda: 90, raising=False)
    assert defaults.expected_size("pool") == 90
    monkeypatch.delattr(os, "process_cpu_count")
    assert defaults.expected_size("pool") == defaults.expected_size("executor") == 96
    monkeypatch.setattr("sys.platform", "win32")
    assert defaults.expected_size("pool") == 96
    assert defaults.expected_size("executor") == 61, "WaitForMultipleObjects waits for so many handles"


class Lives:
    """A context whose Pool answers who did a task, and with what its initializer left, as the test has it."""

    def __init__(self, seen: list[tuple[int, int]], answer: Any = lambda result: result) -> None:
        self.seen = seen
        self.answer = answer

    def Pool(self, _workers: int, **_settings: Any) -> Pool:  # noqa: N802 - the context's name for it
        seen, answer = self.seen, self.answer

        class Answering(Pool):
            def map(self, function: Any, tasks: Any, _chunk: int = 1) -> list[Any]:
                return seen if function is lifecycle.prepared_value else [answer(function(task)) for task in tasks]

            def starmap(self, _function: Any, arguments: Any, _chunk: int = 1) -> list[Any]:
                return [worker() for _ in arguments]

        return Answering()


@pytest.mark.parametrize(
    ("life", "good", "wrong", "complaint"),
    [
        ("initializer", [(1, 7), (2, 7)], [(1, 7), (2, 0)], "initializer did not run"),
        ("close", [(1, 0), (1, 0)], [(1, 7), (1, 7)], "initializer did not run"),
        ("maxtasksperchild", [(1, 0), (2, 0)], [(1, 0), (1, 0)], "2 tasks ran in 1 processes"),
        ("close", [(1, 0), (1, 0)], [(1, 0), (2, 0)], "the tasks ran in 2 processes"),
    ],
)
def test_each_life_of_a_pool_is_the_one_that_was_asked_for(
    life: str, good: list[tuple[int, int]], wrong: list[tuple[int, int]], complaint: str
) -> None:
    case = case_of(life=life, workers=2 if life == "initializer" else 1)
    lifecycle.verify(case, Lives(good), {}, [0, 1])
    with refused(complaint):
        lifecycle.verify(case, Lives(wrong), {}, [0, 1])
    with refused("in their order"):
        lifecycle.verify(case, Lives(good, answer=lambda result: result + 1), {}, [0, 1])


@pytest.mark.parametrize(
    ("life", "settings", "ending"),
    [
        ("close", {}, "close"),
        ("terminate", {}, "terminate"),
        ("initializer", {"initializer": lifecycle.prepare, "initargs": (7,)}, "close"),
        ("maxtasksperchild", {"maxtasksperchild": 1}, "close"),
    ],
)
def test_the_parts_of_a_life_are_timed_one_after_the_other(
    monkeypatch: pytest.MonkeyPatch, life: str, settings: dict[str, Any], ending: str
) -> None:
    now = {"ns": 0}
    calls: list[str] = []
    given: list[Any] = []

    class Timed:
        def __getattr__(self, name: str) -> Any:
            def call(*_: object) -> None:
                calls.append(name)
                now["ns"] += {"map": 10 if calls.count("map") % 2 else 200, "join": 3000}.get(name, 0)

            return call

    def start(_workers: int, **asked: Any) -> Timed:
        given.append(asked)
        now["ns"] += 1
        return Timed()

    monkeypatch.setattr("time.perf_counter_ns", lambda: now["ns"])
    monkeypatch.setattr(lifecycle, "verify", lambda _case, _context, asked, tasks: given.append((asked, tasks)))
    lines: Lines = []
    case = frozen(lines, {"life": life, "workers": 2}, life=2)
    monkeypatch.setattr(case, "context", lambda: SimpleNamespace(Pool=start))
    lifecycle.lifecycle.run(case)
    assert given[0] == (settings, list(range(8)))
    assert all(asked == settings for asked in given[1:])
    assert calls[:4] == ["map", "map", ending, "join"]
    elapsed = {line["operation"]: line["elapsed_ns"] / line["loops"] for line in lines}
    assert elapsed == {"life": 3211, "construct": 1, "first_map": 10, "next_map": 200, ending + "_join": 3000}
    assert {(line["columns"]["tasks"], line["columns"]["chunksize"]) for line in lines} == {(8, 1)}


def test_who_waits_for_a_task_is_seen_and_a_wrong_result_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overflow, "TASK_S", 0.0)
    lines: Lines = []
    overflow.record_who_waits(case_of(lines), Pool(), 4)  # type: ignore[arg-type]
    # This pool does everything at once: both calls have come back after the end.
    assert [(line["operation"], line["value"], line["sample"]) for line in lines] == [
        ("apply_async_came_before_end", 0, 4),
        ("apply_waited_for_end", 1, 4),
    ]
    for number, call in ((1, "apply_async"), (2, "apply")):
        with refused(f"the task of {call} returned a wrong result"):
            wrong = Pool(lambda found, number=number: (9, *found[1:]) if found[0] == number else found)
            overflow.record_who_waits(case_of(), wrong, 0)  # type: ignore[arg-type]


def test_a_payload_is_taken_only_whole() -> None:
    assert payload.size_of(b"\1" * 5) == 5
    assert payload.size_of(b"\1\1\0") == payload.size_of(b"\0\1\1") == -1
    assert payload.result_of(3) == b"\1\1\1"
    assert payload.result_of(3) is payload.result_of(3), "a worker makes it once"


@pytest.mark.parametrize(
    ("changed", "complaint"),
    [
        ({}, ""),
        ({"count": 3}, "the pool has 3 workers instead of 2"),
        ({"workers": [worker(), worker()]}, "only 1 of 2 workers took a task"),
        ({"workers": [worker(), worker(pid=1, lab=True)]}, "imported a module of the lab"),
        ({"workers": [worker(), worker(pid=1, ppid=1)]}, "getppid"),
    ],
)
def test_a_pool_that_starts_has_the_workers_asked_for(
    monkeypatch: pytest.MonkeyPatch, changed: dict[str, Any], complaint: str
) -> None:
    children = {"workers": [worker(), worker(pid=1)], "parent": os.getpid(), "count": 2, **changed}
    monkeypatch.setattr(pool_start, "Bare", Program({"first": 9, "children": children}))
    lines: Lines = []
    with refused(complaint, when=bool(complaint)):
        pool_start.start.run(frozen_case(lines, start_method="spawn", workers=2))
        assert {line["elapsed_ns"] for line in lines if line["operation"] == "first_start_ready"} == {9}
        assert {line["columns"]["tasks"] for line in lines} == {2}


class Pools:
    """A context whose pools work in this process; ``answer`` bends the results, ``noted`` has the calls' arguments."""

    def __init__(self, answer: Any = lambda result: result) -> None:
        self.answer = answer
        self.noted: list[tuple[int, int]] = []
        self.ended: list[str] = []

    def get_start_method(self) -> str:
        return "fork"

    def Pool(self, _workers: int | None = None, **_settings: Any) -> Any:  # noqa: N802 - the context's name for it
        context = self

        class Noting(Pool):
            def map(self, function: Any, tasks: Any, chunk: int = 1) -> list[Any]:
                context.noted.append((len(tasks), chunk))
                return super().map(function, tasks, chunk)

            imap = map  # noqa: A003 - the pool's names

            def close(self) -> None:
                context.ended.append("close")

            def join(self) -> None:
                context.ended.append("join")

        return Noting(self.answer)


CPUS = len(case_of().cpus)
STRONG = proportional(TASK_NS["pure_python"], worker_ladder(CPUS), CPUS).tasks
WEAK = 2 * 52  # of two workers: 20 ms of 0.4 ms each, in four chunks

JOBS: list[tuple[Any, dict[str, Any], dict[str, int], int]] = [
    (chunksize.chunksize, {"task_ns": 1_000_000, "chunksize": 4, "operation": "map"}, {"map": 256}, 128),
    (chunksize.chunksize, {"task_ns": 1_000_000, "chunksize": 4, "operation": "imap"}, {"imap": 256}, 128),
    (grain.grain, {"task_ns": 1000, "chunksize": 8}, {"serial": 128, "pool": 128}, 64),
    (uneven.uneven, {"lengths": "even", "chunksize": 2}, {"job": 2, "serial": 2}, 64),
    (payload.payload, {"direction": "argument", "payload_bytes": 64}, {"task": 16}, 8),
    (payload.payload, {"direction": "result", "payload_bytes": 64}, {"task": 16}, 8),
    (scaling.scaling, {"work": "pure_python", "executor": "processes"}, {"job": 2}, STRONG),
    (scaling.scaling, {"work": "pure_python", "executor": "serial"}, {"job": 2}, STRONG),
    (scaling.scaling, {"work": "pure_python", "executor": "threads"}, {"job": 2}, STRONG),
    (scaling_weak.scaling_weak, {"work": "pure_python", "executor": "processes"}, {"job": 2}, WEAK),
    (api.api, {"operation": "map"}, {"map": 200}, 100),
    (api.api, {"operation": "apply_async"}, {"apply_async": 200}, 100),
]


@pytest.fixture
def quick_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tasks of no length."""
    monkeypatch.setattr(Case, "steps", lambda _case, _task_ns: 64)
    monkeypatch.setitem(WORKS, "pure_python", lambda seed, **_size: seed)


@pytest.fixture
def trusted_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pools whose workers need no verification."""
    for module in (api, chunksize, grain, uneven, payload, scaling):
        monkeypatch.setattr(module, "verify_pool", lambda _case, _pool, workers: [worker()] * workers)


@pytest.fixture
def job_case(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Case]:
    """A case of one batch, whose pools are those of ``context``."""

    def make(lines: Lines, context: Pools, loops: dict[str, int], **values: Any) -> Case:
        found = frozen(lines, values, **loops)
        monkeypatch.setattr(found, "context", lambda: context)
        return found

    return make


@pytest.mark.usefixtures("quick_work", "trusted_workers")
@pytest.mark.parametrize(("scenario", "values", "loops", "tasks"), JOBS)
def test_a_job_in_a_pool_is_verified_then_timed_in_whole_calls_and_its_pool_is_ended(
    job_case: Callable[..., Case], scenario: Any, values: dict[str, Any], loops: dict[str, int], tasks: int
) -> None:
    lines: Lines = []
    context = Pools()
    scenario.run(job_case(lines, context, loops, workers=2, **values))
    timed = [line for line in lines if "loops" in line]
    assert {line["operation"]: line["loops"] for line in timed} == loops
    assert {line["columns"]["tasks"] for line in lines} == {tasks}
    if context.noted:
        assert {count for count, _ in context.noted} == {tasks}
        assert len(context.noted) >= 4, "verified, a warm-up, what comes before a batch, the batch"
        if "chunksize" in values:
            assert {chunk for _, chunk in context.noted} == {values["chunksize"]}
    if values.get("executor") not in ("serial", "threads"):
        assert context.ended == ["close", "join"]
        with refused("unchanged|a serial run|in their order"):
            scenario.run(job_case([], Pools(answer=lambda result: (result, "changed")), loops, workers=2, **values))


@pytest.mark.usefixtures("quick_work")
@pytest.mark.parametrize(
    ("scenario", "values", "loops"),
    [job[:3] for job in JOBS if job[1].get("executor") not in ("serial", "threads")],
)
def test_a_pool_whose_tasks_run_in_the_parent_fails_the_cell_before_anything_is_timed(
    job_case: Callable[..., Case], scenario: Any, values: dict[str, Any], loops: dict[str, int]
) -> None:
    lines: Lines = []
    with refused("a worker has the process id of its parent"):
        scenario.run(job_case(lines, Pools(), loops, workers=1, **values))
    assert not [line for line in lines if "loops" in line]
