"""What becomes of a cell's process: a shell script stands for its interpreter and says what the test has it say."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from lab.agent import supervisor
from lab.agent.cleanup import cpu_time, semaphores
from lab.agent.protocol import REQUEST_VARIABLE, STREAM_VERSION, decode_line, encode_line
from lab.model import Limit, Target
from lab.targets.request import Request

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Cell = Callable[..., list[dict[str, Any]]]

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="scripts of the shell, process groups")

CALIBRATION = {"kind": "calibration", "operation": "job", "loops": 5}
SAMPLE = {"kind": "sample", "operation": "job", "elapsed_ns": 7}
SPLIT = {"timed_ns": 1, "warmup_ns": 2}


def end(lines: int, entered_ns: int = 0) -> dict[str, Any]:
    split = {**SPLIT, "entered_ns": entered_ns}
    return {"kind": "end", "cell": "a/b", "status": "ok", "reason": "", "split": split, "lines": lines}


@pytest.fixture
def cell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cell:
    """Run a cell whose process writes these lines and then does what ``after`` says, in the language of the shell."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(cpu_time, "LOOK_S", 0.0)
    monkeypatch.setattr(supervisor, "DRAIN_S", 0.05)

    def run(*lines: dict[str, Any], after: str = "", deadline_s: float = 20.0) -> list[dict[str, Any]]:
        program, said = tmp_path / "interpreter", tmp_path / "said"
        said.write_text("".join(map(encode_line, lines)))
        program.write_text(f'#!/bin/sh\ncat "{said}"\n{after}\n')
        program.chmod(0o755)
        monkeypatch.setattr(sys, "executable", str(program))
        texts = supervisor.run_in_fresh_interpreter({"id": "a/b", "deadline_s": deadline_s}, {})
        found = [decode_line(text) for text in texts]
        said.unlink()
        program.unlink()
        return found

    return run


def test_a_cell_gives_its_lines_and_says_where_the_time_went(cell: Cell, tmp_path: Path) -> None:
    began_ns = time.perf_counter_ns()
    *lines, last = cell(CALIBRATION, SAMPLE, end(2, entered_ns=began_ns + 10**18))
    assert lines == [CALIBRATION, SAMPLE]
    assert "lines" not in last
    split = last["split"]
    assert {name: split[name] for name in SPLIT} == SPLIT
    assert 10**18 - 10**12 < split["interpreter_ns"] <= 10**18, "from before its process to its first instruction"
    assert 0 < split["total_ns"] <= time.perf_counter_ns() - began_ns
    assert "entered_ns" not in split
    assert list(tmp_path.iterdir()) == [], "its folder for temporary files is gone"


def test_a_cell_is_given_its_request_and_a_folder_of_its_own(cell: Cell, tmp_path: Path) -> None:
    after = (
        f'cat > "{tmp_path}/request"; echo "$@" > "{tmp_path}/command"; echo "$TMPDIR $TMP $TEMP" > "{tmp_path}/folder"'
    )
    cell(end(0), after=after)
    request = json.loads((tmp_path / "request").read_text())
    assert request.pop("semaphores", "") == "" or sys.platform == "linux"
    assert request == {"cell": {"id": "a/b", "deadline_s": 20.0}, "target": {}}
    assert (tmp_path / "command").read_text() == f"-I {sys.argv[0]} --cell\n"
    (folder,) = set((tmp_path / "folder").read_text().split())
    assert folder.startswith(f"{tmp_path}/lab-")
    assert not os.path.exists(folder)  # noqa: PTH110 - it is a text


@pytest.mark.parametrize("announced", [1, 3])
def test_lines_that_are_missing_or_too_many_fail_a_cell_that_says_it_is_well(cell: Cell, announced: int) -> None:
    (last,) = cell(CALIBRATION, SAMPLE, end(announced))
    assert (last["status"], last["reason"]) == ("failed", f"2 of the {announced} lines of its process arrived")
    assert last["split"]["total_ns"] > 0


def test_a_cell_that_dies_keeps_its_calibration_and_no_time(cell: Cell) -> None:
    found = cell(CALIBRATION, SAMPLE, after='echo "last words" >&2; exit 3')
    assert found[:-1] == [CALIBRATION]
    assert (found[-1]["status"], found[-1]["reason"]) == ("failed", "its process ended with code 3: last words")
    assert found[-1]["split"]["total_ns"] > 0


def test_a_reason_has_the_end_of_what_was_complained(cell: Cell) -> None:
    (last,) = cell(after=f"printf %0{supervisor.REASON_LIMIT}d 7 >&2; echo END >&2; exit 1")
    complaint = last["reason"].removeprefix("its process ended with code 1: ")
    assert len(complaint) == supervisor.REASON_LIMIT
    assert complaint.endswith("7END")


def test_a_line_that_is_cut_off_is_no_line(cell: Cell) -> None:
    found = cell(CALIBRATION, after='printf \'{"kind":"sam\'; exit 1')
    assert [line["kind"] for line in found] == ["calibration", "end"]
    found = cell(CALIBRATION, after="echo nonsense; exit 1")
    assert [line["kind"] for line in found] == ["calibration", "end"]


def test_lines_that_arrive_after_a_death_are_read_all_the_same(
    cell: Cell, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(supervisor, "DRAIN_S", 1.0)
    late = tmp_path / "late"
    late.write_text(encode_line(CALIBRATION))
    found = cell(after=f'(sleep 0.1; cat "{late}") & exit 4')
    assert found[:-1] == [CALIBRATION]
    assert found[-1]["reason"].startswith("its process ended with code 4")


@pytest.mark.parametrize("stood", ["it waited", ""])
def test_a_cell_that_does_not_end_is_a_timeout_that_says_how_it_stood(
    cell: Cell, monkeypatch: pytest.MonkeyPatch, stood: str
) -> None:
    monkeypatch.setattr(cpu_time, "activity_at_deadline", lambda _group: stood)
    began = time.monotonic()
    (last,) = cell(CALIBRATION, SAMPLE, after="exec sleep 60", deadline_s=0.25)
    assert 0.25 <= time.monotonic() - began < 10
    expected = "not finished after 0.25 s" + ("; it waited" if stood else "")
    assert (last["status"], last["reason"]) == ("timeout", expected)
    assert last["split"]["total_ns"] >= 250_000_000


def test_after_its_end_record_a_process_has_a_grace_to_exit_and_the_deadline_is_over(
    cell: Cell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "EXIT_GRACE_S", 0.2)
    began = time.monotonic()
    found = cell(SAMPLE, end(1), after="exec sleep 60")
    assert [line["kind"] for line in found] == ["sample", "end"]
    assert found[-1]["status"] == "ok"
    assert 0.2 <= time.monotonic() - began < 10


@pytest.mark.parametrize("ended_well", [True, False])
def test_semaphores_are_looked_for_where_a_cell_did_not_end_by_itself(
    cell: Cell,
    monkeypatch: pytest.MonkeyPatch,
    ended_well: bool,  # noqa: FBT001 - pytest's parameter
) -> None:
    removed: list[str] = []
    monkeypatch.setattr(semaphores, "new_prefix", lambda: "/mpcell")
    monkeypatch.setattr(semaphores, "remove_left", removed.append)
    cell(SAMPLE, *([end(1)] if ended_well else []))
    assert removed == ([] if ended_well else ["/mpcell"])


@pytest.mark.parametrize(("note", "module"), [("sysv-5", "sysv_mq"), ("posixmq-x", "posix_mq"), ("other", None)])
def test_message_queues_are_removed_by_the_notes_of_the_cell_before_its_folder_is(
    cell: Cell, monkeypatch: pytest.MonkeyPatch, note: str, module: str | None
) -> None:
    seen: list[tuple[str, list[str]]] = []
    for name in ("sysv_mq", "posix_mq"):
        remove = lambda folder, name=name: seen.append((name, os.listdir(folder)))  # noqa: E731, PTH208
        monkeypatch.setattr(f"lab.agent.toolkit.channels.{name}.remove_left", remove)
    cell(end(0), after=f'touch "$TMPDIR/{note}"')
    assert seen == ([(module, [note])] if module else [])


# --- ending a process with all that it started ------------------------------------------------------------------------


def group_of(script: str) -> subprocess.Popen[bytes]:
    """A shell in a group of its own; it has begun once it has said so."""
    process = subprocess.Popen(["/bin/sh", "-c", script], stdout=subprocess.PIPE, start_new_session=True)
    assert process.stdout is not None
    assert process.stdout.readline() == b"begun\n"
    process.stdout.close()
    return process


def lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_process_is_asked_to_end_before_it_is_killed() -> None:
    """multiprocessing's resource tracker ignores SIGTERM, and cleans up once it is alone."""
    process = group_of("echo begun; exec sleep 60")
    supervisor.end_tree(process)
    assert process.returncode == -signal.SIGTERM


def test_what_ignores_that_is_killed_after_a_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "TRACKER_GRACE_S", 0.1)
    process = group_of('trap "" TERM; echo begun; while :; do sleep 60; done')
    began = time.monotonic()
    supervisor.end_tree(process)
    assert 0.1 <= time.monotonic() - began < 10
    assert process.returncode == -signal.SIGKILL


def test_what_outlives_its_parent_in_the_group_is_ended_too(tmp_path: Path) -> None:
    process = group_of(f'sleep 60 & echo $! > "{tmp_path}/pid"; echo begun')
    process.wait()
    orphan = int((tmp_path / "pid").read_text())
    assert lives(orphan)
    supervisor.end_tree(process)
    assert process.returncode == 0
    limit = time.monotonic() + 10
    while lives(orphan) and time.monotonic() < limit and not is_zombie(orphan):
        time.sleep(0.005)
    assert not lives(orphan) or is_zombie(orphan)


def is_zombie(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:  # noqa: PTH123 - as the agent reads it
            return file.read().rpartition(")")[2].split()[0] in supervisor.ENDED_STATES
    except OSError:
        return False


# --- requests ---------------------------------------------------------------------------------------------------------


class Terminal(io.StringIO):
    """Standard input that is a terminal."""

    def isatty(self) -> bool:
        return True


TARGET = Target(
    id="x", key="3.13", engine="none", os="linux", arch="x86_64", limit=Limit(mode="affinity", cpus=1), cpus_visible=1
)
REQUEST: dict[str, Any] = {"schema_version": STREAM_VERSION, "target": {}, "cells": []}


def test_a_request_comes_from_the_environment_and_is_taken_out_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    request = Request.from_target(TARGET, [1], 4, [])
    monkeypatch.setenv(REQUEST_VARIABLE, request.packed())
    monkeypatch.setattr(sys, "stdin", io.StringIO("not read"))
    assert supervisor.read_request() == json.loads(request.text())
    assert REQUEST_VARIABLE not in os.environ


def test_without_one_it_comes_from_standard_input_and_by_hand_it_is_the_default_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv(REQUEST_VARIABLE, raising=False)
    monkeypatch.setattr("lab.agent.default_request.default_request", lambda: {"by_hand": True})
    monkeypatch.setattr(sys, "stdin", io.StringIO(json.dumps(REQUEST)))
    assert supervisor.read_request() == REQUEST
    monkeypatch.setattr(sys, "stdin", io.StringIO(" \n"))
    assert supervisor.read_request() == {"by_hand": True}
    monkeypatch.setattr(sys, "stdin", Terminal("not read"))
    assert supervisor.read_request() == {"by_hand": True}


@pytest.fixture
def stream(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., list[dict[str, Any]]]:
    """What the supervisor writes for a request, with cells that are answered by the test."""

    def supervised(request: dict[str, Any], *, mismatch: str = "") -> list[dict[str, Any]]:
        monkeypatch.setattr(supervisor, "read_request", lambda: request)
        monkeypatch.setattr("lab.agent.facts.target.collect", lambda: {"python": "3"})
        monkeypatch.setattr("lab.agent.facts.target.mismatch", lambda _target, _observed: mismatch)
        monkeypatch.setattr(
            supervisor, "run_in_fresh_interpreter", lambda cell, _target: [encode_line({**SAMPLE, "cell": cell["id"]})]
        )
        monkeypatch.setattr("lab.agent.facts.identity.agent_hash", lambda _root: "hash")
        channels: list[Any] = []
        fdopen = os.fdopen

        def kept_open(*args: Any, **settings: Any) -> Any:
            """The stream, which a real process leaves to its end to close."""
            channels.append(fdopen(*args, **settings))
            return channels[-1]

        monkeypatch.setattr(os, "fdopen", kept_open)
        out = os.open(tmp_path / "out", os.O_CREAT | os.O_TRUNC | os.O_RDWR)
        kept = os.dup(1)
        os.dup2(out, 1)
        try:
            assert supervisor.supervise() == 0
        finally:
            os.dup2(kept, 1)
            os.close(kept)
            os.close(out)
        channels[0].close()
        return [decode_line(line) for line in (tmp_path / "out").read_text().splitlines()]

    return supervised


def test_a_stream_has_facts_canaries_and_each_cell_between(stream: Callable[..., list[dict[str, Any]]]) -> None:
    found = stream({**REQUEST, "cells": [{"id": "a"}, {"id": "b"}]})
    kinds = ["facts", "canary", "start", "sample", "start", "sample", "canary", "done"]
    assert [line["kind"] for line in found] == kinds
    assert found[0] == {"kind": "facts", "schema_version": STREAM_VERSION, "facts": {"python": "3"}, "mismatch": ""}
    assert [line["when"] for line in found if line["kind"] == "canary"] == ["before", "after"]
    assert [line["cell"] for line in found if "cell" in line] == ["a", "a", "b", "b"]


def test_a_target_that_is_not_as_requested_runs_no_cell(stream: Callable[..., list[dict[str, Any]]]) -> None:
    found = stream({**REQUEST, "cells": [{"id": "a"}]}, mismatch="2 CPUs were requested, 4 are seen")
    (last,) = [line for line in found if line["kind"] == "end"]
    assert (last["cell"], last["status"], last["reason"]) == ("a", "failed", "2 CPUs were requested, 4 are seen")
    assert last["split"] == {"timed_ns": 0, "warmup_ns": 0, "interpreter_ns": 0, "total_ns": 0}
    assert not [line for line in found if line["kind"] == "sample"]


def test_a_stream_that_is_started_by_hand_says_what_a_host_would_know(
    stream: Callable[..., list[dict[str, Any]]],
) -> None:
    request = {**REQUEST, "by_hand": True}
    found = stream(request)
    assert [line["kind"] for line in found] == ["facts", "request", "canary", "canary", "done"]
    assert (found[1]["request"], found[1]["agent_hash"]) == (request, "hash")
    assert abs(found[1]["began_s"] - time.time()) < 60
