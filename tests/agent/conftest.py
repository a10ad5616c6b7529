"""Stages and runs the agent as a target would: a copied folder, another interpreter, a request on standard input."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from lab.agent.protocol import STREAM_VERSION, decode_line
from lab.targets.interpreters import find_interpreters
from lab.targets.stage import write_stage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PROBES = Path(__file__).parent / "probes"
MARK = "LAB_TEST_MARK"
SHARED_MEMORY = Path("/dev/shm")
SETTLE_S = 30.0  # waited for only while something is left
REQUEST_TIMEOUT_S = 120


@pytest.fixture(scope="session")
def require() -> Callable[[bool, str], None]:
    """Skip the test with a reason unless a condition holds; fail it where everything is required."""

    def check(condition: bool, reason: str) -> None:  # noqa: FBT001 - reads as assert does
        if condition:
            return
        if os.environ.get("LAB_REQUIRE_ALL") == "1":
            pytest.fail(f"LAB_REQUIRE_ALL=1, but {reason}")
        pytest.skip(reason)

    return check


@pytest.fixture(scope="session")
def interpreters() -> dict[str, Path]:
    """Version as the user calls it (3.9, 3.13t) -> its interpreter on this machine, 3.9 on, oldest first."""
    return {found.key: found.executable for found in find_interpreters()}


@pytest.fixture(scope="session")
def newest(interpreters: dict[str, Path]) -> Path:
    return list(interpreters.values())[-1] if interpreters else Path(sys.executable)


@dataclass(frozen=True, kw_only=True)
class Result:
    """What a run of the agent gave, and what it left behind."""

    exit_code: int
    lines: list[dict[str, Any]]
    stderr: str
    processes: list[str]
    shared_memory: list[str]
    temporary_files: list[str]

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [line for line in self.lines if line["kind"] == kind]

    @property
    def end(self) -> dict[str, Any]:
        """The end record of the only cell."""
        (found,) = self.of("end")
        return found

    def assert_nothing_left(self) -> None:
        assert (self.processes, self.shared_memory, self.temporary_files) == ([], [], [])


@dataclass(frozen=True, kw_only=True)
class Stage:
    """A staged folder; ``scratch`` is where its temporary files go."""

    folder: Path
    scratch: Path

    def add_probes(self) -> None:
        """Add the scenarios of tests/agent/probes as the family ``probe``: one file each, and nothing else."""
        family = self.folder / "lab" / "agent" / "scenarios" / "probe"
        shutil.copytree(PROBES, family, ignore=shutil.ignore_patterns("__pycache__"))
        (family / "__init__.py").write_text("", encoding="utf-8")

    def run(self, python: Path, *cells: dict[str, Any], flags: tuple[str, ...] = ("-I",), **target: Any) -> Result:
        """Run the cells on an interpreter that compiled the folder first, and look at what is left afterwards."""
        compiling = ["-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash"]
        subprocess.run([python, "-I", "-S", *compiling, self.folder], check=True, timeout=REQUEST_TIMEOUT_S)
        before = shared_memory()
        mark = uuid.uuid4().hex
        began = time.perf_counter_ns()
        done = subprocess.run(
            [python, *flags, self.folder],
            input=json.dumps(request(list(cells), **target)).encode(),
            capture_output=True,
            timeout=REQUEST_TIMEOUT_S,
            env={**os.environ, MARK: mark, "TMPDIR": str(self.scratch)},
            check=False,
        )
        lines = [decode_line(line) for line in done.stdout.decode().splitlines()]
        assert_within(lines, time.perf_counter_ns() - began)
        return Result(
            exit_code=done.returncode,
            lines=lines,
            stderr=done.stderr.decode(errors="replace"),
            processes=marked_processes(mark),
            shared_memory=left_in_shared_memory(before),
            temporary_files=sorted(path.name for path in self.scratch.iterdir()),
        )


def assert_within(lines: list[dict[str, Any]], wall_ns: int) -> None:
    """Whatever the agent timed took no longer than the whole of its process, and no less than nothing."""
    timed = [(line, line["elapsed_ns"]) for line in lines if "elapsed_ns" in line]
    timed += [(line, value) for line in lines for value in line.get("split", {}).values()]
    assert [line for line, value in timed if not 0 <= value <= wall_ns] == []


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    # not below tmp_path: a UNIX socket's path has 108 bytes at most, and forkserver puts one there
    with tempfile.TemporaryDirectory(prefix="t") as scratch:
        found = Stage(folder=tmp_path / "stage", scratch=Path(scratch))
        write_stage(found.folder)
        yield found


def request(cells: list[dict[str, Any]], **target: Any) -> dict[str, Any]:
    """A request without a limit on CPUs: a session of its own, one batch."""
    limits = {"cpu_mode": "none", "cpus_requested": float(os.cpu_count() or 1), "own_cgroup": False}
    return {
        "schema_version": STREAM_VERSION,
        "target": {**limits, "round": 0, "batches": 1, **target},
        "cells": cells,
    }


def cell(scenario: str, /, deadline_s: float = 30.0, **values: Any) -> dict[str, Any]:
    """One cell of a request."""
    case = "-".join(map(str, values.values()))
    identity = {"id": f"{scenario}/{case}", "scenario": scenario, "case": case}
    return {**identity, "values": values, "seed": 1, "deadline_s": deadline_s}


def marked_processes(mark: str) -> list[str]:
    """Living processes that inherited the mark; they have a moment to end."""
    limit = time.monotonic() + SETTLE_S
    while True:
        found = [" ".join(process.cmdline()) for process in psutil.process_iter() if is_marked(process, mark)]
        if not found or time.monotonic() > limit:
            return found
        time.sleep(0.05)


def is_marked(process: psutil.Process, mark: str) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE and process.environ().get(MARK) == mark
    except (psutil.Error, OSError):
        return False


def shared_memory() -> set[str]:
    return {path.name for path in SHARED_MEMORY.iterdir()} if SHARED_MEMORY.is_dir() else set()


def left_in_shared_memory(before: set[str]) -> list[str]:
    """New entries of /dev/shm that nobody has mapped and that stay: those of other programs come and go meanwhile."""
    limit = time.monotonic() + SETTLE_S
    found = unmapped(before)
    while found and time.monotonic() < limit:
        time.sleep(0.05)
        found &= unmapped(before)
    return sorted(found)


def unmapped(before: set[str]) -> set[str]:
    """New entries that no living process has mapped."""
    new = shared_memory() - before
    return (new - mapped(new)) & shared_memory() if new else new


def mapped(names: set[str], folder: str = str(SHARED_MEMORY)) -> set[str]:
    """Those of the ``names`` in ``folder`` that a living process has mapped.

    Files are compared by device and inode: glibc creates a semaphore under a temporary name, maps it, and links the
    final name to it (``sem_open``), so the maps of its creator show the temporary name, marked as deleted.
    """
    found: set[str] = set()
    marks = {name: mark for name in names for mark in _marks(Path(folder, name))}
    for pid in filter(str.isdigit, os.listdir("/proc")):  # noqa: PTH208 - names are enough
        try:
            text = Path(f"/proc/{pid}/maps").read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
        found |= {name for name, mark in marks.items() if mark in text}
    return found


def _marks(path: Path) -> list[str]:
    """Device and inode in the format of ``/proc/PID/maps``, see proc(5); empty if the file has vanished meanwhile."""
    try:
        status = path.stat()
    except OSError:
        return []
    return [f" {os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x} {status.st_ino} "]
