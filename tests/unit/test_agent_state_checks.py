"""Scenarios of state, sync and models refuse what was not shared, kept out or started as it should be."""

from __future__ import annotations

import asyncio
import functools
import multiprocessing
import os
import socket
import sys
import threading
from types import SimpleNamespace
from typing import Any, Self

import pytest

from lab.agent.case import observe
from lab.agent.measuring import meters
from lab.agent.scenarios.model import compare
from lab.agent.scenarios.model import shared as shared_objects
from lab.agent.scenarios.state import lost_updates, manager, manager_remote, update
from lab.agent.scenarios.sync import primitives
from lab.agent.toolkit.pool_workers import interpreters_unsupported, verify_pool
from lab.agent.toolkit.waiting_server import fetch
from lab.agent.toolkit.work import WORKS
from tests.scripted import (
    Lines,
    case_of,
    frozen,
    operations,
    refused,
    worker,
)


@pytest.mark.parametrize(
    ("operation", "container", "workers", "good", "wrong", "complaint"),
    [
        ("read", "value", 2, 0, 1, "reading changed"),
        ("write", "value", 2, 7 - 4100, 0, "does not see the number"),
        ("update", "value", 2, 20, 19, "19 of 20 updates arrived"),
        ("update", "raw_value", 1, 20, 19, "19 of 20 updates arrived"),
        ("update", "raw_value", 2, 1, 0, "0 of 20 updates without a lock arrived"),
        ("update", "raw_value", 2, 20, 21, "21 of 20 updates without a lock arrived"),
    ],
)
def test_what_operations_did_to_a_shared_number_is_held_against_what_they_should_do(
    *, operation: str, container: str, workers: int, good: int, wrong: int, complaint: str
) -> None:
    case = case_of(container=container, workers=workers)
    update.check_effect(case, operation, good, 20)
    with refused(complaint):
        update.check_effect(case, operation, wrong, 20)


def test_every_share_of_an_update_does_its_loops_to_the_first_number() -> None:
    class Cell:
        value = 0
        lock = threading.Lock()

        def get_lock(self) -> threading.Lock:
            return self.lock

    class Cells(list[int]):
        lock = threading.Lock()

        def get_lock(self) -> threading.Lock:
            return self.lock

    for share in (update.update_locked_value, update.update_value):
        cell = Cell()
        share(5, 0, cell)
        assert cell.value == 5
    for item_share in (update.update_locked_item, update.update_item):
        cells = Cells([0, 0])
        item_share(5, 0, cells)
        assert cells == [5, 0]
    cells = Cells([0, 0])
    update.update_listed(5, 0, cells, cells.lock)
    assert cells == [5, 0]
    update.write_item(1, 0, cells)
    update.write_value(1, 0, cell)
    assert (cells[0], cell.value) == (7, 7)
    update.read_item(1, 0, cells)
    update.read_value(1, 0, cell)
    assert (cells[0], cell.value) == (7, 7)


def test_increments_reach_the_number_and_it_is_set_back() -> None:
    class Cell:
        value = 0

    cells = [0, 9]
    for cell, share in ((Cell(), lost_updates.unlocked_value), (cells, lost_updates.unlocked_item)):
        share(4, cell)
        assert lost_updates.get(cell) == 4
        lost_updates.put_zero(cell)
        assert lost_updates.get(cell) == 0
    assert cells == [0, 9]


def test_contention_is_cpu_time_over_wall_time_and_the_switches_of_all() -> None:
    lines: Lines = []
    lost_updates.record_contention(case_of(lines), [(300, 4), (200, 3)], 250, 2)
    assert [(line["operation"], line["value"], line["sample"]) for line in lines] == [
        ("writers_at_once", 2.0, 2),
        ("switches", 7, 2),
    ]


def test_a_writer_accounts_for_its_own_last_share(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = {"ns": 100, "switches": 7}

    def increment(loops: int, _cell: Any) -> None:
        clock["ns"] += 10 * loops
        clock["switches"] += 2

    monkeypatch.setattr("time.process_time_ns", lambda: clock["ns"])
    monkeypatch.setattr(lost_updates, "switches_so_far", lambda: clock["switches"])
    lost_updates.share(5, 0, None, increment)
    assert lost_updates.spent_last() == (50, 2)


class Shared:
    """A proxy whose calls can be bent: ``get`` gives what was set last, or another number."""

    def __init__(self, first: int, after_set: int, batch: Any) -> None:
        self.number, self.after_set, self.batch = first, after_set, batch

    def calls(self) -> dict[str, Any]:
        def put() -> None:
            self.number = self.after_set

        return {"get": lambda: self.number, "set": put, "set_batch": lambda: None, "get_batch": lambda: self.batch}


HUNDRED = [manager.NUMBER] * manager.BATCH


@pytest.mark.parametrize(
    ("first", "after_set", "batch", "complaint"),
    [
        (1, 7, HUNDRED, "was written first"),
        (7, 1, HUNDRED, "that set has written"),
        (7, 7, HUNDRED[1:], "the items that set_batch has written"),
        (7, 7, {0: 7}, "the items that set_batch has written"),
    ],
)
def test_a_manager_gives_back_what_was_set(first: int, after_set: int, batch: Any, complaint: str) -> None:
    manager.check(case_of(), Shared(7, 7, HUNDRED).calls())
    manager.check(case_of(), Shared(7, 7, dict.fromkeys(range(100), 7)).calls())
    with refused(complaint):
        manager.check(case_of(), Shared(first, after_set, batch).calls())


def test_the_timed_calls_of_a_manager_set_and_get_as_they_are_named() -> None:
    class Anything:
        number = value = None

        def copy(self) -> None: ...

    for name, shared in (("dict", {}), ("list", []), ("namespace", Anything()), ("value", Anything())):
        calls = manager.CALLS[name](shared)
        manager.check(case_of(), calls)
        assert ("get_batch" in calls) == (name in ("dict", "list"))


def test_a_value_and_an_array_of_shared_memory_refuse_what_a_manager_carries() -> None:
    class Taking:
        def Value(self, _kind: str, _first: int) -> Any:  # noqa: N802 - the context's name for it
            return type("Cell", (), {})()

        def Array(self, _kind: str, size: int) -> list[Any]:  # noqa: N802
            return [0] * size

    assert manager.shared_memory_refuses(multiprocessing.get_context())
    assert not manager.shared_memory_refuses(Taking())  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("reach", "changed", "cpus", "complaint"),
    [
        ("loopback", {"machine": "another"}, None, "answers from the machine another"),
        ("private_network", {}, None, "answers from the machine"),
        ("loopback", {"pid": os.getpid()}, None, "the server is in this process"),
        ("loopback", {"cpus": [0]}, [1], "the server may run on CPUs \\[0\\]"),
        ("loopback", {"cpus": [0, 9999]}, None, "may run on CPUs"),
        ("loopback", {"gil": "other"}, None, "the server.s GIL"),
        ("loopback", {"uncached": ["json"]}, None, "no cached bytecode for json"),
    ],
)
def test_a_manager_s_server_is_where_and_what_it_should_be(
    monkeypatch: pytest.MonkeyPatch, reach: str, changed: dict[str, Any], cpus: list[int] | None, complaint: str
) -> None:
    monkeypatch.setattr("lab.agent.measuring.placement.allowed_cpus", lambda: [0, 1])
    case = case_of(reach=reach)
    good = {**worker(cpus=[0]), "machine": socket.gethostname() if reach == "loopback" else "another"}
    manager_remote.check_other_side(case, good, [0])
    with refused(complaint):
        manager_remote.check_other_side(case, {**good, "machine": socket.gethostname(), **changed}, cpus)


class Sharing:
    """A team whose members share their work one after the other in this process."""

    def __init__(self, _context: Any, size: int, share: Any, args: tuple[Any, ...], cpus: Any = None) -> None:
        self.size, self.share, self.args, self.cpus = size, share, args, cpus
        self.batches: list[int] = []
        self.processes: list[Any] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None: ...

    def observe(self) -> list[dict[str, Any]]:
        return [worker()]

    def ask_all(self, function: Any) -> list[Any]:
        return [function(*self.args) for _ in range(self.size)]

    def batch(self, loops: int) -> int:
        self.batches.append(loops)
        for index in range(self.size):
            self.share(loops, index, *self.args)
        return loops


class Losing(Sharing):
    """The same, but one increment of each batch does not arrive."""

    def batch(self, loops: int) -> int:
        found = super().batch(loops)
        cell = self.args[0]
        lost_updates.put_zero(cell)
        for _ in range(self.size * loops - (loops > 1)):
            cell.value += 1
        return found


@pytest.mark.parametrize(
    ("locking", "team", "lost", "is_wrong"),
    [
        ("no_lock", Sharing, 0, False),
        ("get_lock", Sharing, 0, False),
        ("no_lock", Losing, 1, False),
        ("get_lock", Losing, 1, True),
    ],
)
def test_increments_that_are_lost_are_counted_and_none_may_be_under_the_lock(
    monkeypatch: pytest.MonkeyPatch, locking: str, team: Any, *, lost: int, is_wrong: bool
) -> None:
    monkeypatch.setattr(lost_updates, "INCREMENTS", 50)
    monkeypatch.setattr(lost_updates, "Team", team)
    lines: Lines = []
    case = case_of(lines, workers=2, locking=locking, container="value", start_method="fork")
    with refused("1 increments were lost under the lock", when=is_wrong):
        lost_updates.lost_updates.run(case)
        assert [line["value"] for line in lines if line["operation"] == "lost"] == [lost] * 3
        timed = [line for line in lines if line["operation"] == "increment"]
        assert [(line["loops"], line["sample"]) for line in timed] == [(100, 0), (100, 1), (100, 2)]
        assert {line["columns"]["tasks"] for line in lines} == {100}
        assert {line["sample"] for line in lines if line["operation"] == "switches"} == {0, 1, 2}


class Blind(Sharing):
    """The same, but its members read something else."""

    def ask_all(self, _function: Any) -> list[Any]:
        return [4100, 5]


@pytest.mark.parametrize("container", ["value", "raw_value", "array", "shared_memory", "shareable_list"])
@pytest.mark.parametrize("operation", ["read", "write", "update"])
def test_each_container_is_written_from_here_seen_by_all_and_updated(
    monkeypatch: pytest.MonkeyPatch, container: str, operation: str
) -> None:
    values = {"container": container, "operation": operation, "workers": 2, "start_method": "fork"}
    for team, is_wrong in ((Sharing, False), (Blind, True)):
        monkeypatch.setattr(update, "Team", team)
        lines: Lines = []
        with refused(r"the workers read \[4100, 5\] instead of 4100", when=is_wrong):
            update.update.run(frozen(lines, values, **{operation: 4}))
            assert operations(lines) == {operation}
            assert {line["loops"] for line in lines} == {4}


@pytest.mark.parametrize("container", ["dict", "list", "namespace", "value"])
def test_a_manager_is_measured_by_the_call_or_by_the_item(monkeypatch: pytest.MonkeyPatch, container: str) -> None:
    class Local:
        """A Manager's server in this process."""

        def __init__(self, ctx: Any) -> None: ...

        def start(self, *_: object) -> None: ...

        def __enter__(self) -> None: ...

        def __exit__(self, *_: object) -> None: ...

        def observe(self) -> dict[str, Any]:
            return worker(cpus=[0])

    class Anything:
        number = value = None

    shared = {"dict": {}, "list": [], "namespace": Anything(), "value": Anything()}[container]
    monkeypatch.setattr(manager, "Observed", Local)
    monkeypatch.setattr(manager, "types_verified", lambda _manager, _context: ["dict", "list"])
    monkeypatch.setattr(manager, "create", lambda _manager, _container: shared)
    monkeypatch.setattr(manager, "shared_memory_refuses", lambda _context: True)
    for operation in manager.CALLS[container]({"dict": {}, "list": []}.get(container, Anything())):
        lines: Lines = []
        values = {"container": container, "operation": operation, "placement": "free", "start_method": "fork"}
        case = frozen(lines, values, **{operation: 200})
        case.cpus = [0]
        manager.manager.run(case)
        step = 100 if operation.endswith("_batch") else 1
        assert [line["value"] for line in lines if line["operation"] == "types_verified"] == [2]
        timed = [line for line in lines if line["operation"] == operation]
        assert {(line["loops"], line["columns"]["tasks"]) for line in timed} == {(200, step)}
    monkeypatch.setattr(manager, "shared_memory_refuses", lambda _context: False)
    with refused("a Value or an Array accepted a dict"):
        manager.manager.run(case)


class Two:
    """Two sides that answer in turn what the test has them answer."""

    def __init__(self, answers: list[Any]) -> None:
        self.answers = list(answers)

    def ask(self, _member: int, _function: Any) -> Any:
        return self.answers.pop(0)


@pytest.mark.parametrize(
    ("name", "good", "wrong", "complaint"),
    [
        ("event", [False, None, True], [False, None, False], "does not see the Event"),
        ("barrier", [True], [False], "let one pass alone"),
        ("lock", [True, False, None, True, None], [True, True, None, True, None], "did not block the other"),
        ("rlock", [True, False, None, True, None], [True, False, None, False, None], "did not block the other"),
    ],
)
def test_a_primitive_that_keeps_nobody_out_is_refused(
    name: str, good: list[Any], wrong: list[Any], complaint: str
) -> None:
    primitives.check_effect(case_of(), name, Two(good))
    with refused(complaint):
        primitives.check_effect(case_of(), name, Two(wrong))


def test_a_server_that_answers_too_early_or_something_else_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = {"ns": 0}

    def answering(after_ns: int, answer: int) -> Any:
        def work(_task: int) -> int:
            clock["ns"] += after_ns
            return answer

        return work

    monkeypatch.setattr("time.perf_counter_ns", lambda: clock["ns"])
    compare.check_delay(case_of(), answering(compare.DELAY_NS, compare.PROBE))
    with refused("before its delay"):
        compare.check_delay(case_of(), answering(compare.DELAY_NS - 1, compare.PROBE))
    with refused("gave a wrong answer"):
        compare.check_delay(case_of(), answering(compare.DELAY_NS, 0))


def model_worker(**changed: Any) -> dict[str, Any]:
    return {**observe(), "uncached": [], "thread": threading.get_ident() + 1, "interpreter": 0, **changed}


@pytest.mark.parametrize(
    ("executor", "good", "wrong", "complaint"),
    [
        ("threads", {}, {"pid": 1}, "not in this process"),
        ("threads", {}, {"thread": threading.get_ident()}, "the main thread"),
        ("threads", {}, {"gil": "other"}, "another state of the GIL"),
        ("threads", {}, {"interpreter": 5}, "in the interpreters .5."),
        ("interpreters", {"interpreter": 5}, {"interpreter": 0}, "in the interpreters .0."),
        ("processes", {"pid": 2**22 + 1, "ppid": os.getpid()}, {"pid": 2**22 + 1, "ppid": 1}, "getppid"),
    ],
)
def test_each_kind_of_worker_is_what_it_is_called(
    executor: str, good: dict[str, Any], wrong: dict[str, Any], complaint: str
) -> None:
    case = case_of(executor=executor, start_method="spawn")
    verify_pool(case, SimpleNamespace(starmap=lambda *_: [model_worker(**good)]), 1)
    with refused(complaint):
        verify_pool(case, SimpleNamespace(starmap=lambda *_: [model_worker(**{**good, **wrong})]), 1)


@pytest.mark.parametrize("executor", ["serial", "threads", "asyncio"])
def test_a_job_is_the_same_by_each_model_and_is_started_anew_where_there_are_workers(
    monkeypatch: pytest.MonkeyPatch, executor: str
) -> None:
    monkeypatch.setattr(meters, "memory_of", lambda _pid: {"pss": 7, "uss": 5})
    monkeypatch.setattr(meters, "process_tree", lambda: {1, 2})
    monkeypatch.setitem(WORKS, "pure_python", lambda seed, **_size: seed * seed)
    values = {"work": "pure_python", "executor": executor, "workers": 2, "start_method": "fork"}
    lines: Lines = []
    compare.compare.run(frozen(lines, values, job=2, job_with_start=2))
    expected = {"job", "memory"} | ({"job_with_start"} if executor != "serial" else set())
    assert operations(lines) == expected
    assert [line["value"] for line in lines if line["operation"] == "memory"] == [14]
    (described,) = {(line["columns"]["tasks"], line["columns"]["start_method"]) for line in lines}
    assert described[0] >= 16 * compare.CONCURRENCY
    assert described[1] is None
    seen: list[int] = []

    def changing(seed: int, **_size: float) -> int:
        seen.append(seed)
        return len(seen)

    monkeypatch.setitem(WORKS, "pure_python", changing)
    with refused("differ from those of a serial run"):
        compare.compare.run(frozen([], values, job=2, job_with_start=2))


def test_as_many_coroutines_wait_at_once_as_were_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    waiting = {"now": 0, "most": 0}

    async def answer(port: int, number: int) -> int:
        assert port == 5000
        waiting["now"] += 1
        waiting["most"] = max(waiting.values())
        await asyncio.sleep(0)
        waiting["now"] -= 1
        return number

    monkeypatch.setattr(compare, "fetch_async", answer)
    work = functools.partial(fetch, 5000)
    case = case_of(work="io", workers=3)
    with compare.event_loop_job(case, multiprocessing.get_context(), work, list(range(16))) as run:
        assert run() == list(range(16))
    assert waiting == {"now": 0, "most": 3}


def test_interpreters_came_with_a_version_and_serial_work_has_one_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    for version, is_too_old in (((3, 13, 9), True), ((3, 14, 0), False)):
        monkeypatch.setattr(sys, "version_info", version)
        reason = interpreters_unsupported({"executor": "interpreters"})
        assert reason == (
            "InterpreterPoolExecutor needs Python 3.14 or newer, but this is Python 3.13" if is_too_old else None
        )
    assert interpreters_unsupported({"executor": "threads"}) is None
    assert compare.sensible({"executor": "serial", "workers": 8}) == {"executor": "serial", "workers": 1}


@pytest.mark.parametrize(
    ("contention", "operation", "cpus"),
    [("contended", "acquire_release", [0, 1, 2]), ("handed_over", "there_and_back", [0, 1])],
)
def test_sides_of_a_primitive_are_verified_bound_and_come_back_before_they_are_timed(
    monkeypatch: pytest.MonkeyPatch, contention: str, operation: str, cpus: list[int]
) -> None:
    monkeypatch.setattr("lab.agent.measuring.placement.allowed_cpus", lambda: [0, 1, 2])
    monkeypatch.setattr("lab.agent.measuring.placement.sides", lambda _placement, _round: ([0], [1]))
    monkeypatch.setattr(primitives, "check_effect", lambda _case, _name, _two: None)
    values = {"primitive": "lock", "contention": contention, "executor": "processes", "workers": 2}
    values |= {"placement": "cross_cpu", "start_method": "fork"}
    for seen, is_wrong in ((worker(cpus=[0]), False), (worker(cpus=[0], ppid=1), True)):
        members = Sharing(None, 2, lambda *_: None, ())
        monkeypatch.setattr(members, "observe", lambda seen=seen: [seen])
        given: list[list[int]] = []

        def team(_case: Any, _size: int, _share: Any, _args: Any, on: list[int], members: Sharing = members) -> Sharing:
            given.append(on)  # noqa: B023 - it is called in this turn of the loop
            return members

        monkeypatch.setattr(primitives, "team", team)
        lines: Lines = []
        with refused("getppid", when=is_wrong):
            primitives.primitives.run(frozen(lines, values, **{operation: 4}))
            assert operations(lines) == {operation}
            assert members.batches[0] == 3
        assert given == [cpus, cpus]


@pytest.mark.parametrize(("delay_ns", "is_wrong"), [(compare.DELAY_NS, False), (0, True)])
def test_a_server_s_delay_is_checked_before_it_is_waited_for(
    monkeypatch: pytest.MonkeyPatch, delay_ns: int, *, is_wrong: bool
) -> None:
    now = {"ns": 0}

    def answer(_port: int, number: int) -> int:
        now["ns"] += delay_ns
        return number

    class Server:
        port, pid = 5000, 2

        def __init__(self, _context: Any, asked_ns: int) -> None:
            assert asked_ns == compare.DELAY_NS

        def __enter__(self) -> Self:
            return self

        def __exit__(self, *_: object) -> None: ...

    monkeypatch.setattr(compare, "WaitingServer", Server)
    monkeypatch.setattr(compare, "fetch", answer)
    monkeypatch.setattr(meters, "memory_of", lambda _pid: {"pss": 7, "uss": 5})
    monkeypatch.setattr(meters, "process_tree", lambda: {1, 2})
    monkeypatch.setattr("time.perf_counter_ns", lambda: now["ns"])
    lines: Lines = []
    with refused("before its delay", when=is_wrong):
        values = {"work": "io", "executor": "serial", "workers": 1, "start_method": "fork"}
        compare.compare.run(frozen(lines, values, job=2))
        assert [line["value"] for line in lines if line["operation"] == "memory"] == [7], "without the server"
        tasks = lines[0]["columns"]["tasks"]
        assert {line["elapsed_ns"] for line in lines if "loops" in line} == {2 * tasks * delay_ns}


@pytest.mark.parametrize(
    ("kind", "sharing", "is_free", "complaint"),
    [
        ("counter", "threads", False, "0 of 20 updates arrived"),
        ("list", "threads_apart", True, "the object holds .0, 0."),
        ("lock", "threads", True, "a lock that another one holds was free"),
        ("lock", "threads_apart", False, "a lock was not free"),
        ("lock", "threads", False, ""),
        ("lock", "threads_apart", True, ""),
    ],
)
def test_a_shared_object_has_every_workers_operations_and_its_lock_excludes_the_others(
    kind: str, sharing: str, complaint: str, *, is_free: bool
) -> None:
    """Here the workers do nothing, and say whether the lock was free."""
    team = SimpleNamespace(batch=lambda _loops: 0, ask=lambda _member, _function: is_free)
    one = shared_objects.of_threads(kind, 2)
    pairs = [one, one if sharing == "threads" else shared_objects.of_threads(kind, 2)]
    case = case_of(object=kind, sharing=sharing, workers=2)
    if complaint:
        with refused(complaint):
            shared_objects.check_effect(case, team, pairs)
    else:
        shared_objects.check_effect(case, team, pairs)
