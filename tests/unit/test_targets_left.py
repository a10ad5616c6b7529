"""What native targets leave behind is removed, and what somebody uses is not: stages and processes."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import psutil
import pytest

from lab.errors import NothingToRunOn
from lab.targets import native, stage

HOST = socket.gethostname()
NOBODY = 2**22 + 1  # beyond what a process id may be


# --- stages -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("platformdirs.user_cache_path", lambda name: tmp_path / name)
    return tmp_path


INTERPRETER: Any = SimpleNamespace(executable=Path(sys.executable), patch="3.13.1", free_threaded=True, key="3.13t")


def test_a_stage_is_made_once_claimed_and_named_after_agent_and_interpreter(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Path] = []

    def make(folder: Path, _interpreter: Any, _package: Path) -> None:
        folder.mkdir(parents=True)
        made.append(folder)

    monkeypatch.setattr(stage, "make_stage", make)
    monkeypatch.setattr(stage, "agent_hash", lambda _package: "abc")
    claims = cache / "comparison-lab" / "stages-in-use"
    claims.mkdir(parents=True)
    (claims / "dead").write_text(f"{HOST} {NOBODY} 5\nold-3.9.1\n")
    (claims / "another").write_text(f"another-machine {NOBODY} 5\nold-3.9.2\n")
    folder = stage.compiled_stage(INTERPRETER, cache)
    assert folder == cache / "comparison-lab" / "stages" / "abc-3.13.1t"
    assert stage.compiled_stage(INTERPRETER, cache) == folder
    assert made == [folder]
    assert {path.name for path in claims.iterdir()} == {"another", f"{HOST}-{os.getpid()}-abc-3.13.1t"}
    assert stage.claimed_names() == {"abc-3.13.1t", "old-3.9.2"}


def test_a_stage_appears_whole_or_not_at_all(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[Path] = []

    def write(folder: Path, _package: Path) -> None:
        folder.mkdir()
        written.append(folder)

    monkeypatch.setattr(stage, "write_stage", write)
    monkeypatch.setattr("subprocess.run", lambda *_args, **_settings: None)
    folder = cache / "abc-3.13.1"
    stage.make_stage(folder, INTERPRETER, cache)
    assert written == [cache / f"abc-3.13.1.{os.getpid()}"]
    assert list(cache.iterdir()) == [folder]


def test_a_stage_that_cannot_be_compiled_leaves_nothing_and_says_why(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_args: Any, **_settings: Any) -> None:
        raise subprocess.CalledProcessError(3, "compile")

    monkeypatch.setattr(stage, "write_stage", lambda folder, _package: folder.mkdir())
    monkeypatch.setattr("subprocess.run", fail)
    folder = cache / "abc-3.13.1"
    with pytest.raises(NothingToRunOn, match=r"cannot be staged for Python 3\.13\.1 .*exit status 3"):
        stage.make_stage(folder, INTERPRETER, cache)
    assert list(cache.iterdir()) == []
    folder.mkdir()  # another run has made it meanwhile
    stage.make_stage(folder, INTERPRETER, cache)
    assert list(cache.iterdir()) == [folder]


# --- processes --------------------------------------------------------------------------------------------------------


def is_at_work(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.mark.skipif(not hasattr(os, "killpg"), reason="process groups are POSIX's; Windows has jobs")
def test_an_agent_ends_with_the_sessions_of_its_cells(tmp_path: Path) -> None:
    """A cell's process is in a session of its own, and so is what it starts."""
    cell = f'sleep 60 & echo $! > "{tmp_path}/grandchild"; echo $$ > "{tmp_path}/child"; wait'
    script = f"setsid sh -c '{cell}' & exec sleep 60"
    streams: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    process = subprocess.Popen(["/bin/sh", "-c", script], start_new_session=True, **streams)
    limit = time.monotonic() + 10
    while not ((tmp_path / "child").exists() and (tmp_path / "child").read_text().strip()):
        assert time.monotonic() < limit
        time.sleep(0.005)
    pids = [int((tmp_path / name).read_text()) for name in ("child", "grandchild")]
    children = [psutil.Process(pid) for pid in pids]
    native.end_tree(process)
    assert process.returncode == -signal.SIGKILL
    limit = time.monotonic() + 10
    while any(map(is_at_work, children)) and time.monotonic() < limit:
        time.sleep(0.005)
    assert not any(map(is_at_work, children))
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stdin.closed
    assert process.stdout.closed


@pytest.mark.skipif(not hasattr(os, "killpg"), reason="process groups are POSIX's; Windows has jobs")
def test_an_agent_is_ended_although_what_it_started_is_gone_already(monkeypatch: pytest.MonkeyPatch) -> None:
    """The kill of one group takes several children with it, and init may have reaped the next by then."""
    monkeypatch.setattr(psutil.Process, "children", lambda _self, **_settings: [SimpleNamespace(pid=NOBODY)])
    process = subprocess.Popen(["/bin/sh", "-c", "exec sleep 60"], start_new_session=True, text=True)
    native.end_tree(process)
    assert process.returncode == -signal.SIGKILL


@pytest.mark.parametrize(
    ("complaint", "words"),
    [(b"", "the agent's process ended with code 3"), (b"x" * 500 + b"END\n", "x" * 397 + "END")],
)
def test_why_a_native_agent_ended_is_its_code_and_its_last_words(tmp_path: Path, complaint: bytes, words: str) -> None:
    with (tmp_path / "complaints").open("w+b") as file:
        file.write(complaint)
        process = cast("Any", SimpleNamespace(wait=lambda: 3, stdout=iter(["a\n", "b\n"])))
        running = native.NativeRunning(process, file)
        assert list(running.lines()) == ["a\n", "b\n"]
        found = running.why_ended()
    assert found.endswith(words)
    assert found.startswith("the agent's process ended with code 3")
    assert found.count("x") == (397 if complaint else 0) + words.count("x") * (not complaint)
