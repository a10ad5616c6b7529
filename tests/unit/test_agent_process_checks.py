"""Scenarios of processes refuse a child, a program or a payload that is not what it should be."""

from __future__ import annotations

import os
from typing import Any

import pytest

from lab.agent.case import Unsupported
from lab.agent.measuring import meters
from lab.agent.scenarios.process import args_payload, copy_on_write, memory, start, start_by_parent_size, switch
from tests.scripted import (
    Lines,
    Program,
    Scripted,
    case_of,
    frozen_case,
    operations,
    refused,
    worker,
)


@pytest.mark.parametrize(
    ("answer", "child", "complaint"),
    [
        ({"pid": 5}, {}, "not the pid that start"),
        ({"exitcode": 3}, {}, "ended with code 3"),
        ({}, {"lab": True}, "imported a module of the lab"),
        ({}, {"ppid": 1}, "getppid"),
        ({}, {"uncached": ["json"]}, "no cached bytecode for json"),
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
        ("plain", 5, None, "should be plain, but has 5 threads"),
        ("threaded", 1, None, "should be threaded, but has 1 threads"),
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


IDLE = [worker(pid=2**22 + 1), worker(pid=2**22 + 2)]


@pytest.mark.parametrize(
    ("started", "codes", "uss", "complaint"),
    [
        (IDLE, [0, 0], 5, ""),
        ([IDLE[0], IDLE[0]], [0, 0], 5, "1 processes were started instead of 2"),
        ([IDLE[0], {**IDLE[1], "lab": True}], [0, 0], 5, "imported a module of the lab"),
        ([IDLE[0], {**IDLE[1], "ppid": 1}], [0, 0], 5, "getppid"),
        (IDLE, [0, 1], 5, "ended with an error"),
        (IDLE, [0, 0], 0, "no private memory"),
        (IDLE, [0, 0], 8, "no private memory"),
    ],
)
def test_memory_is_of_workers_that_wait_and_have_some(
    monkeypatch: pytest.MonkeyPatch, started: list[dict[str, Any]], codes: list[int], uss: int, complaint: str
) -> None:
    monkeypatch.setattr(memory, "Bare", Program({"start": started, "stop": codes}))
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
    with refused("did not reach the child unchanged", when=is_wrong):
        args_payload.args_payload.run(frozen_case(lines, start_method="spawn", payload_bytes=64))
        assert "start_join" in operations(lines)


@pytest.mark.parametrize(
    ("executor", "who", "stop", "complaint"),
    [
        ("processes", {"pid": 1, "own_pid": 2}, 0, ""),
        ("processes", {"pid": 1, "own_pid": 1}, 0, "not another process"),
        ("processes", {"pid": 1, "own_pid": 2}, 1, "ended with an error"),
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


FORKED = {"pid": worker()["pid"], "threads": 1, "warnings": 0}
OBEDIENT = {
    "fork": FORKED, "describe": worker(), "read": 3, "assign": 100, "seen": 0, "collect": 3, "join": 0,
}  # fmt: skip


@pytest.mark.parametrize(
    ("changed", "uss", "complaint"),
    [
        ({}, 5, ""),
        ({}, 200, "its own copy before"),
        ({"read": 4}, 5, "did not read its parent.s objects correctly"),
        ({"assign": 99}, 5, "does not see its own assignments"),
        ({"collect": 2}, 5, "lost objects"),
        ({"join": 1}, 5, "ended with an error"),
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


def test_a_program_that_starts_processes_is_bound_to_its_side(monkeypatch: pytest.MonkeyPatch) -> None:
    """What it starts inherits the binding; unbound, parent and child would be on two CPUs at times."""
    monkeypatch.setattr("lab.agent.measuring.placement.sides", lambda _placement, _round: ([3], [3]))
    monkeypatch.setattr("os.path.exists", lambda _path: False)
    child = {"child": worker(), "pid": worker()["pid"], "exitcode": 0, "parent": os.getpid()}
    answers = {
        "child": child,
        "child_modules": 1,
        "first": 1,
        "delivered": [64, True],
        "stop": 0,
        "who": {"pid": 1, "own_pid": 1, "other_thread": True},
    }
    values = {"start_method": "spawn", "payload_bytes": 64, "parent_bytes": 1, "executor": "threads", "through": "pipe"}
    for module, scenario in (
        (args_payload, args_payload.args_payload),
        (start, start.start),
        (start_by_parent_size, start_by_parent_size.start_by_parent_size),
        (switch, switch.switch),
    ):
        bound: list[Any] = []
        monkeypatch.setattr("lab.agent.measuring.placement.pin", bound.append)
        monkeypatch.setattr(module, "Bare", Program(answers, answers))
        scenario.run(frozen_case([], **values, placement="same_cpu"))
        assert bound == [[3]], scenario.name
