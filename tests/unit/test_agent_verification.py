"""A scenario measures nothing that is not what it says: each of its checks refuses the wrong answer that it is for."""

from __future__ import annotations

import os
import queue
import socket
import threading
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Self

import pytest

from lab.agent.case import Case, VerificationError, observe
from lab.agent.scenarios.ipc import one_way
from lab.agent.scenarios.model import compare
from lab.agent.scenarios.pool import api, defaults, lifecycle, overflow, payload
from lab.agent.scenarios.process import copy_on_write, start
from lab.agent.scenarios.state import lost_updates, manager, manager_remote, update
from lab.agent.scenarios.sync import primitives
from lab.agent.work import pure_python

Lines = list[dict[str, Any]]


def case_of(lines: Lines | None = None, **values: Any) -> Case:
    target = {"round": 0, "batches": 1, "own_cgroup": False}
    return Case({"values": values, "seed": 0}, target, ([] if lines is None else lines).append)


def frozen(lines: Lines, **loops: int) -> Case:
    """A case of one batch whose loops are known."""
    target = {"round": 0, "batches": 1, "own_cgroup": False}
    return Case({"values": {}, "seed": 0, "loops": loops}, target, lines.append)


def refused(complaint: str, *, when: bool = True) -> AbstractContextManager[object]:
    return pytest.raises(VerificationError, match=complaint) if when else nullcontext()


def worker(**changed: Any) -> dict[str, Any]:
    return {**observe(), "pid": 2**22 + 1, "ppid": os.getpid(), "uncached": [], "lab": False, **changed}


class Scripted:
    """A program, or a team, that answers each call as the test has it written down."""

    def __init__(self, **answers: Any) -> None:
        self.answers = answers
        self.pid = os.getpid()

    def call(self, function: str, *args: Any) -> Any:
        return self.answers[args[0] if function == "order" else function]


# --- process ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "child", "complaint"),
    [
        ({"pid": 5}, {}, "not the pid that start"),
        ({"exitcode": 3}, {}, "ended with code 3"),
        ({}, {"lab": True}, "imported a module of the lab"),
        ({}, {"ppid": 1}, "getppid"),
        ({}, {"uncached": ["json"]}, "compiled json"),
    ],
)
def test_a_started_process_is_who_start_says_and_knows_nothing_of_the_lab(
    answer: dict[str, Any], child: dict[str, Any], complaint: str
) -> None:
    good = {"child": worker(), "pid": worker()["pid"], "exitcode": 0, "parent": os.getpid()}
    case = case_of(start_method="spawn")
    start.verify_child(case, Scripted(child=good))  # type: ignore[arg-type]
    with refused(complaint):
        start.verify_child(case, Scripted(child={**good, "child": worker(**child), **answer}))  # type: ignore[arg-type]


def test_a_child_without_shipped_bytecode_must_have_compiled_something() -> None:
    case = case_of(start_method="spawn")
    for uncached, is_wrong in (([], True), (["json"], False)):
        answer = {"child": worker(uncached=uncached), "pid": worker()["pid"], "exitcode": 0, "parent": os.getpid()}
        with refused("found cached bytecode", when=is_wrong):
            start.verify_child(case, Scripted(child=answer), shipped=True)  # type: ignore[arg-type]


def test_a_fork_server_is_the_parent_of_its_children() -> None:
    answer = {"child": worker(ppid=1), "pid": worker()["pid"], "exitcode": 0, "parent": os.getpid()}
    start.verify_child(case_of(start_method="forkserver"), Scripted(child=answer))  # type: ignore[arg-type]
    with refused("getppid"):
        start.verify_child(case_of(start_method="default"), Scripted(child=answer))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("parent", "threads", "pid", "complaint"),
    [
        ("plain", 5, None, "has not the threads"),
        ("threaded", 1, None, "has not the threads"),
        ("plain", 1, 5, "getpid"),
    ],
)
def test_a_forked_child_is_who_fork_says_and_its_parent_has_the_threads_asked_for(
    parent: str, threads: int, pid: int | None, complaint: str
) -> None:
    good_threads = 5 if parent == "threaded" else 1
    forked = {"pid": worker()["pid"], "threads": good_threads, "warnings": 2}
    lines: Lines = []
    case = case_of(lines, parent=parent)
    copy_on_write.fork(case, Scripted(fork=forked, describe=worker()))  # type: ignore[arg-type]
    assert lines == []
    copy_on_write.fork(case, Scripted(fork=forked, describe=worker()), first=True)  # type: ignore[arg-type]
    assert [(line["operation"], line["value"]) for line in lines] == [("warnings", 2)]
    with refused(complaint):
        wrong = {**forked, "threads": threads, "pid": pid or forked["pid"]}
        copy_on_write.fork(case, Scripted(fork=wrong, describe=worker()))  # type: ignore[arg-type]


# --- pool -------------------------------------------------------------------------------------------------------------


def test_a_call_that_changes_the_order_of_results_is_refused_unless_it_promises_none() -> None:
    def backwards(tasks: range) -> list[int]:
        return sorted(tasks, reverse=True)

    with refused("in its order"):
        api.measure_call(case_of(), "map", backwards)
    api.measure_call(frozen([], imap_unordered=100), "imap_unordered", backwards)
    with refused("in its order"):
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
    defaults.measure_job(frozen(lines, job=1), lambda tasks: pool.map(pure_python, tasks))
    assert {line["operation"] for line in lines} == {"job"}
    with refused("differ from the serial ones"):
        defaults.measure_job(case_of(), lambda tasks: [0 for _ in tasks])


def test_every_child_of_this_process_is_a_worker_of_the_pool(monkeypatch: pytest.MonkeyPatch) -> None:
    lines: Lines = []
    monkeypatch.setattr(defaults, "verify_pool", lambda _case, _pool, _wanted: [])
    monkeypatch.setattr("multiprocessing.active_children", lambda: [1, 2])
    defaults.tell(case_of(lines), Pool(), 2)
    assert [(line["operation"], line["value"]) for line in lines] == [("size_picked", 2)]
    with refused("there are 2 workers instead of 3"):
        defaults.tell(case_of(), Pool(), 3)


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
                return seen if function is lifecycle.prepared else [answer(function(task)) for task in tasks]

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
    with refused("in its order"):
        lifecycle.verify(case, Lives(good, answer=lambda result: result + 1), {}, [0, 1])


def test_who_waits_for_a_task_is_seen_and_a_wrong_result_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overflow, "TASK_S", 0.0)
    lines: Lines = []
    overflow.see_who_waits(case_of(lines), Pool(), 4)  # type: ignore[arg-type]
    # This pool does everything at once: both calls have come back after the end.
    assert [(line["operation"], line["value"], line["sample"]) for line in lines] == [
        ("apply_async_came_before_end", 0, 4),
        ("apply_waited_for_end", 1, 4),
    ]
    for number, call in ((1, "apply_async"), (2, "apply")):
        with refused(f"handed over by {call} gave another result"):
            wrong = Pool(lambda found, number=number: (9, *found[1:]) if found[0] == number else found)
            overflow.see_who_waits(case_of(), wrong, 0)  # type: ignore[arg-type]


def test_a_payload_is_taken_only_whole() -> None:
    assert payload.size_of(b"\1" * 5) == 5
    assert payload.size_of(b"\1\1\0") == payload.size_of(b"\0\1\1") == -1
    assert payload.result_of(3) == b"\1\1\1"
    assert payload.result_of(3) is payload.result_of(3), "a worker makes it once"


# --- ipc --------------------------------------------------------------------------------------------------------------


class Waiting:
    """The context, and its queue: one that waits for this long by the test's clock, or that has something in it."""

    def __init__(self, content: list[int], waits_ns: int) -> None:
        self.content = content
        self.waits_ns = waits_ns
        self.now_ns = 0

    def Queue(self) -> Waiting:  # noqa: N802 - the context's name for it
        return self

    JoinableQueue = Queue

    def get(self, timeout: float) -> int:
        assert timeout == one_way.TIMEOUT_S
        self.now_ns += self.waits_ns
        if self.content:
            return self.content[0]
        raise queue.Empty

    def close(self) -> None: ...

    def join_thread(self) -> None: ...


@pytest.mark.parametrize(
    ("content", "waits_ns", "raised", "waited_out"),
    [([], 51_000_000, 1, 1), ([], 49_600_000, 1, 1), ([], 49_400_000, 1, 0), ([1], 1000, 0, 0)],
)
@pytest.mark.parametrize("mechanism", ["queue", "joinable_queue"])
def test_a_get_in_vain_reports_whether_it_raised_and_not_before_its_time(
    monkeypatch: pytest.MonkeyPatch, *, mechanism: str, content: list[int], waits_ns: int, raised: int, waited_out: int
) -> None:
    lines: Lines = []
    context = Waiting(content, waits_ns)
    case = case_of(lines, mechanism=mechanism)
    monkeypatch.setattr(case, "context", lambda: context)
    monkeypatch.setattr("time.perf_counter_ns", lambda: context.now_ns)
    one_way.wait_in_vain(case)

    def values(operation: str, key: str) -> list[int]:
        return [line[key] for line in lines if line["operation"] == operation]

    assert values("empty_raised", "value") == [raised] * 3
    assert values("empty_waited_out", "value") == [waited_out] * 3
    assert values("empty_timeout", "elapsed_ns") == [waits_ns] * 3
    assert values("empty_timeout", "sample") == [0, 1, 2]
    assert values("empty_timeout_asked", "elapsed_ns") == [50_000_000] * 3


# --- state ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("operation", "container", "workers", "good", "wrong", "complaint"),
    [
        ("read", "value", 2, 0, 1, "reading changed"),
        ("write", "value", 2, 7 - 4100, 0, "is not seen here"),
        ("update", "value", 2, 20, 19, "of 20 updates 19 arrived"),
        ("update", "raw_value", 1, 20, 19, "of 20 updates 19 arrived"),
        ("update", "raw_value", 2, 1, 0, "without a lock 0 arrived"),
        ("update", "raw_value", 2, 20, 21, "without a lock 21 arrived"),
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
        (1, 7, HUNDRED, "what was set is not"),
        (7, 1, HUNDRED, "what was set again is not"),
        (7, 7, HUNDRED[1:], "the hundred items"),
        (7, 7, {0: 7}, "the hundred items"),
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

    import multiprocessing

    assert manager.shared_memory_refuses(multiprocessing.get_context())
    assert not manager.shared_memory_refuses(Taking())  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("reach", "changed", "cpus", "complaint"),
    [
        ("loopback", {"machine": "another"}, None, "answers from another"),
        ("private_network", {}, None, "answers from"),
        ("loopback", {"pid": os.getpid()}, None, "this very process"),
        ("loopback", {"cpus": [0]}, [1], "the server runs on"),
        ("loopback", {"cpus": [0, 9999]}, None, "may run on CPUs"),
        ("loopback", {"gil": "other"}, None, "the GIL of the server"),
        ("loopback", {"uncached": ["json"]}, None, "the server compiled json"),
    ],
)
def test_a_manager_s_server_is_where_and_what_it_should_be(
    monkeypatch: pytest.MonkeyPatch, reach: str, changed: dict[str, Any], cpus: list[int] | None, complaint: str
) -> None:
    monkeypatch.setattr("lab.agent.placement.allowed_cpus", lambda: [0, 1])
    case = case_of(reach=reach)
    good = {**worker(cpus=[0]), "machine": socket.gethostname() if reach == "loopback" else "another"}
    manager_remote.check_other_side(case, good, [0])
    with refused(complaint):
        manager_remote.check_other_side(case, {**good, "machine": socket.gethostname(), **changed}, cpus)


# --- sync -------------------------------------------------------------------------------------------------------------


class Two:
    """Two sides that answer in turn what the test has them answer."""

    def __init__(self, answers: list[Any]) -> None:
        self.answers = list(answers)

    def ask(self, _member: int, _function: Any) -> Any:
        return self.answers.pop(0)


@pytest.mark.parametrize(
    ("name", "good", "wrong", "complaint"),
    [
        ("event", [False, None, True], [False, None, False], "set Event is not seen"),
        ("barrier", [True], [False], "let one pass"),
        ("lock", [True, False, None, True, None], [True, True, None, True, None], "did not keep the other out"),
        ("rlock", [True, False, None, True, None], [True, False, None, False, None], "did not keep the other out"),
    ],
)
def test_a_primitive_that_keeps_nobody_out_is_refused(
    name: str, good: list[Any], wrong: list[Any], complaint: str
) -> None:
    primitives.check_effect(case_of(), name, Two(good))
    with refused(complaint):
        primitives.check_effect(case_of(), name, Two(wrong))


# --- model ------------------------------------------------------------------------------------------------------------


def test_a_server_that_answers_too_early_or_something_else_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = {"ns": 0}

    def answering(after_ns: int, answer: int) -> Any:
        def work(_task: int) -> int:
            clock["ns"] += after_ns
            return answer

        return work

    monkeypatch.setattr("time.perf_counter_ns", lambda: clock["ns"])
    compare.check_delay(case_of(), answering(compare.DELAY_NS, compare.TASKS))
    with refused("before its delay"):
        compare.check_delay(case_of(), answering(compare.DELAY_NS - 1, compare.TASKS))
    with refused("did not answer what it was asked"):
        compare.check_delay(case_of(), answering(compare.DELAY_NS, 0))


def model_worker(**changed: Any) -> dict[str, Any]:
    return {**observe(), "uncached": [], "thread": threading.get_ident() + 1, "interpreter": 0, **changed}


@pytest.mark.parametrize(
    ("executor", "good", "wrong", "complaint"),
    [
        ("threads", {}, {"pid": 1}, "another process"),
        ("threads", {}, {"thread": threading.get_ident()}, "the main thread"),
        ("threads", {}, {"interpreter": 5}, "interpreters are"),
        ("interpreters", {"interpreter": 5}, {"interpreter": 0}, "interpreters are"),
        ("processes", {"pid": 2**22 + 1, "ppid": os.getpid()}, {"pid": 2**22 + 1, "ppid": 1}, "getppid"),
    ],
)
def test_each_kind_of_worker_is_what_it_is_called(
    monkeypatch: pytest.MonkeyPatch, executor: str, good: dict[str, Any], wrong: dict[str, Any], complaint: str
) -> None:
    monkeypatch.setattr(compare, "interpreter", lambda: 0)
    case = case_of(executor=executor, start_method="spawn")
    compare.check_workers(case, [model_worker(**good)])
    with refused(complaint):
        compare.check_workers(case, [model_worker(**{**good, **wrong})])
