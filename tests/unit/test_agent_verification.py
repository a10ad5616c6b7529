"""A scenario measures nothing that is not what it says: each of its checks refuses the wrong answer that it is for."""

from __future__ import annotations

import os
import queue
import socket
import threading
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Self

import pytest

from lab.agent import meters
from lab.agent.case import Case, Unsupported, VerificationError, observe
from lab.agent.scenarios.ipc import latency, one_way, round_trip, throughput
from lab.agent.scenarios.model import compare
from lab.agent.scenarios.pool import api, defaults, lifecycle, overflow, payload
from lab.agent.scenarios.pool import start as pool_start
from lab.agent.scenarios.process import args_payload, copy_on_write, memory, start, start_by_parent_size, switch
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


class Program:
    """Stands for ``Bare``: programs that answer each call as the test has it written down, one after the other."""

    def __init__(self, *answers: dict[str, Any]) -> None:
        self.answers = list(answers)
        self.settings: list[dict[str, Any]] = []

    def __call__(self, *_args: Any, **settings: Any) -> AbstractContextManager[Any]:
        self.settings.append(settings)
        return nullcontext(ScriptedBatches(**self.answers.pop(0)))


class ScriptedBatches(Scripted):
    """The same with batches of one nanosecond an operation."""

    def batch(self, loops: int) -> dict[str, int]:
        return {"start_join": loops, "start": loops, "join": 0}

    def batch_of(self, _function: str) -> Any:
        return lambda loops: loops


def frozen_case(lines: Lines, **values: Any) -> Case:
    loops = dict.fromkeys(("start_join", "first_instruction", "start_ready", "handover"), 2)
    target = {"round": 0, "batches": 1, "own_cgroup": False}
    return Case({"values": {"placement": "free", **values}, "seed": 0, "loops": loops}, target, lines.append)


IDLE = [worker(pid=2**22 + 1), worker(pid=2**22 + 2)]


@pytest.mark.parametrize(
    ("told", "codes", "uss", "complaint"),
    [
        (IDLE, [0, 0], 5, ""),
        ([IDLE[0], IDLE[0]], [0, 0], 5, "the workers are not 2 processes"),
        ([IDLE[0], {**IDLE[1], "lab": True}], [0, 0], 5, "imported a module of the lab"),
        ([IDLE[0], {**IDLE[1], "ppid": 1}], [0, 0], 5, "getppid"),
        (IDLE, [0, 1], 5, "did not end well"),
        (IDLE, [0, 0], 0, "no memory of its own"),
        (IDLE, [0, 0], 8, "no memory of its own"),
    ],
)
def test_memory_is_of_workers_that_wait_and_have_some(
    monkeypatch: pytest.MonkeyPatch, told: list[dict[str, Any]], codes: list[int], uss: int, complaint: str
) -> None:
    monkeypatch.setattr(memory, "Bare", Program({"start": told, "stop": codes}))
    monkeypatch.setattr(meters, "memory_of", lambda _pid: {"pss": 7, "uss": uss})
    monkeypatch.setattr(meters, "process_tree", lambda _root: {1, 2, 3})
    lines: Lines = []
    with refused(complaint, when=bool(complaint)):
        memory.memory.run(frozen_case(lines, start_method="spawn", workers=2))
    if not complaint:
        found = [(line["operation"], line["metric"], line["value"], line["sample"]) for line in lines]
        assert found == [
            *[("worker_memory", metric, size, index) for index in (0, 1) for metric, size in (("pss", 7), ("uss", 5))],
            ("parent_memory", "pss", 7, 0),
            ("parent_memory", "uss", 5, 0),
            ("all_processes", "pss", 21, 0),
        ]


def test_starts_are_timed_in_a_program_that_was_not_asked_who_its_child_is(monkeypatch: pytest.MonkeyPatch) -> None:
    child = {"child": worker(), "pid": worker()["pid"], "exitcode": 0, "parent": os.getpid()}
    for values, has_first_instruction, prefix in (
        ({}, True, ""),
        ({"imports": "light"}, False, ""),
        ({"bytecode": "shipped"}, False, "no-bytecode"),
    ):
        compiled = {**child, "child": worker(uncached=["json"])} if prefix else child
        programs = Program({"child": compiled}, {"first": 9, "child_modules": 40})
        monkeypatch.setattr(start, "Bare", programs)
        lines: Lines = []
        start.start.run(frozen_case(lines, start_method="spawn", **values))
        assert {line["value"] for line in lines if line["operation"] == "child_modules"} == {40}
        assert {line["elapsed_ns"] for line in lines if line["operation"] == "first_start_join"} == {9}
        assert {"start_join", "start", "join"} <= operations(lines)
        assert ("first_instruction" in operations(lines)) == has_first_instruction
        assert all(settings["pycache_prefix"].endswith(prefix) for settings in programs.settings)
    with pytest.raises(Unsupported, match="telepathy"):
        start.start.run(frozen_case([], start_method="telepathy"))


def test_a_parent_of_this_size_has_it_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    child = {"child": worker(), "pid": worker()["pid"], "exitcode": 0, "parent": os.getpid()}
    monkeypatch.setattr("os.path.exists", lambda _path: True)
    for resident, is_wrong in ((1000, False), (999, True)):
        program = Program({"child": child, "child_modules": 40, "resident_bytes": resident})
        monkeypatch.setattr(start_by_parent_size, "Bare", program)
        lines: Lines = []
        with refused("has only 999 bytes in memory", when=is_wrong):
            start_by_parent_size.start_by_parent_size.run(frozen_case(lines, start_method="spawn", parent_bytes=1000))
            assert {"start_join", "child_modules"} <= operations(lines)


@pytest.mark.parametrize(("delivered", "is_wrong"), [([64, True], False), ([63, True], True), ([64, False], True)])
def test_an_argument_is_delivered_unchanged(
    monkeypatch: pytest.MonkeyPatch, delivered: list[Any], *, is_wrong: bool
) -> None:
    monkeypatch.setattr(args_payload, "Bare", Program({"delivered": delivered}, {}))
    lines: Lines = []
    with refused("did not get the payload unchanged", when=is_wrong):
        args_payload.args_payload.run(frozen_case(lines, start_method="spawn", payload_bytes=64))
        assert "start_join" in operations(lines)


@pytest.mark.parametrize(
    ("executor", "who", "stop", "complaint"),
    [
        ("processes", {"pid": 1, "own_pid": 2}, 0, ""),
        ("processes", {"pid": 1, "own_pid": 1}, 0, "not another process"),
        ("processes", {"pid": 1, "own_pid": 2}, 1, "did not end well"),
        ("threads", {"pid": 1, "own_pid": 1, "other_thread": True}, 0, ""),
        ("threads", {"pid": 1, "own_pid": 2, "other_thread": True}, 0, "not a thread of the same process"),
        ("threads", {"pid": 1, "own_pid": 1, "other_thread": False}, 0, "the same thread"),
    ],
)
def test_what_hands_over_is_another_process_or_another_thread(
    monkeypatch: pytest.MonkeyPatch, executor: str, who: dict[str, Any], stop: int, complaint: str
) -> None:
    monkeypatch.setattr(switch, "Bare", Program({"who": who, "stop": stop}))
    lines: Lines = []
    with refused(complaint, when=bool(complaint)):
        switch.switch.run(frozen_case(lines, executor=executor, through="pipe"))
        assert operations(lines) == {"handover"}
        assert lines[0]["columns"] == ({"start_method": "fork"} if executor == "processes" else {})


@pytest.mark.parametrize(
    ("changed", "complaint"),
    [
        ({}, ""),
        ({"count": 3}, "the pool has 3 workers"),
        ({"told": [worker()]}, "of 2 tasks 1 were answered"),
        ({"told": [worker(), worker(lab=True)]}, "imported a module of the lab"),
        ({"told": [worker(), worker(ppid=1)]}, "getppid"),
    ],
)
def test_a_pool_that_starts_has_the_workers_asked_for(
    monkeypatch: pytest.MonkeyPatch, changed: dict[str, Any], complaint: str
) -> None:
    children = {"told": [worker(), worker()], "parent": os.getpid(), "count": 2, **changed}
    monkeypatch.setattr(pool_start, "Bare", Program({"first": 9, "children": children}))
    lines: Lines = []
    with refused(complaint, when=bool(complaint)):
        pool_start.start.run(frozen_case(lines, start_method="spawn", workers=2))
        assert {line["elapsed_ns"] for line in lines if line["operation"] == "first_start_ready"} == {9}
        assert {line["columns"]["tasks"] for line in lines} == {2}


FORKED = {"pid": worker()["pid"], "threads": 1, "warnings": 0}
OBEDIENT = {
    "fork": FORKED, "describe": worker(), "read": 3, "assign": 100, "seen": 0, "collect": 3, "join": 0,
}  # fmt: skip


@pytest.mark.parametrize(
    ("changed", "uss", "complaint"),
    [
        ({}, 5, ""),
        ({}, 200, "its own copy before"),
        ({"read": 4}, 5, "read something else"),
        ({"assign": 99}, 5, "does not see its own assignments"),
        ({"collect": 2}, 5, "lost objects"),
        ({"join": 1}, 5, "did not end well"),
    ],
)
def test_a_forked_child_shares_reads_assigns_and_collects_what_its_parent_has(
    monkeypatch: pytest.MonkeyPatch, changed: dict[str, Any], uss: int, complaint: str
) -> None:
    monkeypatch.setattr(copy_on_write, "Bare", Program({**OBEDIENT, **changed}))
    monkeypatch.setattr(meters, "memory_of", lambda _pid: {"pss": 7, "uss": uss})
    lines: Lines = []
    with refused(complaint, when=bool(complaint)):
        copy_on_write.copy_on_write.run(frozen_case(lines, parent="plain", parent_bytes=3 * 96))
        found = [line["operation"] for line in lines if line["metric"] != "pss"]
        assert found == ["warnings", "untouched", "read", "seen_by_parent", "collection"]


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


class Partner:
    """Stands for ``partner``: a context that gives send and receive of a channel that the test has."""

    def __init__(self, answers: Any, tick_ns: int = 0) -> None:
        self.answers = answers
        self.sent: list[Any] = []
        self.settings: dict[str, Any] = {}
        self.now_ns = 0
        self.tick_ns = tick_ns

    def __call__(self, _case: Case, *args: Any, **settings: Any) -> AbstractContextManager[tuple[Any, Any]]:
        self.settings = {**settings, "args": args}
        return nullcontext((self.send, self.receive))

    def send(self, message: Any) -> None:
        self.sent.append(message)

    def receive(self) -> Any:
        self.now_ns += self.tick_ns
        return self.answers(self)


def echoed(channel: Partner) -> Any:
    return channel.sent[-1]


def ipc_case(lines: Lines, loops: dict[str, int], **values: Any) -> Case:
    given = {"payload": "bytes", "payload_bytes": 64, "mechanism": "pipe", "placement": "same_cpu", **values}
    target = {"round": 0, "batches": 1, "own_cgroup": False}
    return Case({"values": given, "seed": 0, "loops": loops}, target, lines.append)


def operations(lines: Lines) -> set[str]:
    return {line["operation"] for line in lines}


def test_a_round_trip_is_a_message_there_and_back_that_comes_back_unchanged(monkeypatch: pytest.MonkeyPatch) -> None:
    channel = Partner(echoed)
    monkeypatch.setattr(round_trip, "partner", channel)
    lines: Lines = []
    round_trip.round_trip.run(ipc_case(lines, {"round_trip": 20}))
    assert operations(lines) == {"round_trip"}
    assert channel.sent == [bytes(range(64))] * (1 + 20 + 2 + 20)
    assert channel.settings["content"] == bytes(range(64))
    monkeypatch.setattr(round_trip, "partner", Partner(lambda _channel: b"other"))
    with refused("came back changed"):
        round_trip.round_trip.run(ipc_case([], {}))


def test_percentiles_are_of_as_many_single_trips_as_fit_their_time(monkeypatch: pytest.MonkeyPatch) -> None:
    def ran(tick_ns: int) -> tuple[Lines, Partner]:
        channel = Partner(echoed, tick_ns)
        lines: Lines = []
        monkeypatch.setattr(latency, "partner", channel)
        monkeypatch.setattr("time.perf_counter_ns", lambda: channel.now_ns)
        latency.latency.run(ipc_case(lines, {}))
        return lines, channel

    lines, channel = ran(1_000_000)
    assert len(channel.sent) == 1 + 200 + 3000
    assert [line["metric"] for line in lines[:-1]] == ["latency_p50", "latency_p99"]
    assert {line["value"] for line in lines[:-1]} == {1_000_000}
    assert (lines[-1]["operation"], lines[-1]["loops"]) == ("clock", 10_000)
    assert len(ran(1)[1].sent) == 1 + 200 + 10_000
    assert len(ran(10**9)[1].sent) == 1 + 200 + 100
    monkeypatch.setattr(latency, "partner", Partner(lambda _channel: b"other"))
    with refused("came back changed"):
        latency.latency.run(ipc_case([], {}))


@pytest.mark.parametrize(("size", "window"), [(64, 64), (1 << 16, 64), (1 << 17, 32), (1 << 22, 1), ((1 << 22) + 1, 1)])
def test_a_window_has_up_to_64_messages_and_4_mb_and_is_answered_once(
    monkeypatch: pytest.MonkeyPatch, size: int, window: int
) -> None:
    answers: list[int] = []

    def answer(channel: Partner) -> bytes:
        answers.append(len(channel.sent))
        return b"1"

    channel = Partner(answer)
    monkeypatch.setattr(throughput, "partner", channel)
    lines: Lines = []
    case = ipc_case(lines, {"transfer": 2 * window}, payload_bytes=size, buffer_bytes="default")
    throughput.throughput.run(case)
    assert answers == [window * count for count in range(1, len(answers) + 1)]
    assert (channel.settings["window"], channel.settings["buffer_bytes"]) == (window, None)
    assert channel.settings["args"][1:] == (window, bytes(range(256)) * (size // 256) + bytes(range(size % 256)))
    transfers = [line for line in lines if "loops" in line]
    assert {line["loops"] for line in transfers} == {2 * window}
    assert {line["columns"]["tasks"] for line in lines} == {window}
    (rate,) = [line for line in lines if line.get("metric") == "throughput"]
    assert rate["value"] == pytest.approx(size * 2 * window * 1e9 / transfers[-1]["elapsed_ns"])
    monkeypatch.setattr(throughput, "partner", Partner(lambda _channel: b"0"))
    with refused("arrived changed"):
        throughput.throughput.run(ipc_case([], {}, payload_bytes=size, buffer_bytes="default"))


def test_what_a_pipe_takes_is_told_for_a_pipe_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    def buffered(needs: Any) -> int:
        asked.append((needs.buffer_bytes, needs.message_bytes))
        return 4096

    monkeypatch.setattr("lab.agent.channels.descriptors.buffered_bytes", buffered)
    monkeypatch.setattr(throughput, "partner", Partner(lambda _channel: b"1"))
    for mechanism in ("os_pipe", "pipe"):
        lines: Lines = []
        case = ipc_case(lines, {"transfer": 64}, mechanism=mechanism, buffer_bytes=8192)
        throughput.throughput.run(case)
        assert [line["value"] for line in lines if line["operation"] == "buffered_bytes"] == (
            [4096] if mechanism == "os_pipe" else []
        )
    assert asked == [(8192, 64)]


class Stamping:
    """A partner that numbers a burst in the order that the test has, then answers with the moment of each message."""

    def __init__(self, order: list[int], ahead_ns: int = 0) -> None:
        self.order = list(order)
        self.ahead_ns = ahead_ns
        self.now_ns = 10**9

    def clock(self) -> int:
        self.now_ns += 100
        return self.now_ns

    def __call__(self, _channel: Partner) -> bytes:
        if self.order:
            return self.order.pop(0).to_bytes(8, "little")
        return (self.now_ns + 50 + self.ahead_ns).to_bytes(8, "little")


def one_way_ran(monkeypatch: pytest.MonkeyPatch, stamping: Stamping, mechanism: str = "pipe") -> tuple[Lines, Partner]:
    channel = Partner(stamping)
    monkeypatch.setattr(one_way, "partner", channel)
    monkeypatch.setattr(one_way, "BURST", 3)
    monkeypatch.setattr("time.perf_counter_ns", stamping.clock)
    waited: list[Case] = []
    monkeypatch.setattr(one_way, "wait_in_vain", waited.append)
    lines: Lines = []
    one_way.one_way.run(ipc_case(lines, {"one_way": 20}, mechanism=mechanism))
    assert bool(waited) == (mechanism == "queue")
    return lines, channel


@pytest.mark.parametrize(
    ("mechanism", "order", "out_of_order"),
    [("pipe", [0, 1, 2], [0]), ("queue", [2, 0, 1], [1]), ("pipe", [2, 1, 0], [2]), ("mmap", [], [])],
)
def test_a_message_is_timed_one_way_and_a_burst_tells_whether_it_keeps_its_order(
    monkeypatch: pytest.MonkeyPatch, mechanism: str, order: list[int], out_of_order: list[int]
) -> None:
    lines, channel = one_way_ran(monkeypatch, Stamping(order), mechanism)
    assert channel.settings["args"][1] == len(order)
    assert [line["value"] for line in lines if line["operation"] == "out_of_order"] == out_of_order
    timed = [line for line in lines if line["operation"] == "one_way"]
    assert {line["elapsed_ns"] for line in timed} == {20 * 50}


def test_messages_that_are_lost_and_clocks_that_disagree_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with refused("not each arrived once"):
        one_way_ran(monkeypatch, Stamping([0, 1, 1]))
    for ahead_ns in (-50, -1000, 10**6):
        with refused("clocks do not agree"):
            one_way_ran(monkeypatch, Stamping([0, 1, 2], ahead_ns))


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
