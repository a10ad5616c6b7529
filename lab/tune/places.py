"""The targets of a tune: an interpreter of the user's choice, under each of the CPU limits."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import psutil

from lab.errors import NothingToRunOn
from lab.model import Limit, Target, TargetRecord
from lab.planning.cells import target_id
from lab.planning.limits import parse_limits
from lab.runs.folder import RunFolder
from lab.targets.interpreters import Interpreter, interpreter_at, key_order, search
from lab.targets.native import NativeRunner, allowed_cpus, can_pin
from lab.targets.quota import quota_as_found
from lab.tune.bench import TargetBench, native_bench
from lab.tune.journal import Finished
from lab.tune.record import keep
from lab.tune.subject import Subject

VERSION = re.compile(r"\d+\.\d+t?")
ENVIRONMENTS = (".venv", "venv")  # of the user's project, in the working folder
COUNTS_AFFINITY_SINCE = (3, 13)  # Pool() and ProcessPoolExecutor() call os.process_cpu_count from then on


@dataclass(frozen=True, kw_only=True)
class NativePlace:
    """An interpreter of this machine under one limit."""

    subject: Subject
    interpreter: Interpreter
    native: Target
    run_id: str

    @property
    def target(self) -> str:
        """The target's id."""
        return self.native.id

    @contextlib.contextmanager
    def open(self, folder: RunFolder) -> Iterator[TargetBench]:
        """Start what measures there; raw lines of blocks go into the folder."""
        runner = NativeRunner({self.interpreter.key: self.interpreter}, run_id=self.run_id)
        visible = cpus_counted(self.interpreter.version, self.native, psutil.cpu_count() or 0)
        with native_bench(self.subject, self.native, runner, cpus_visible=visible) as bench:
            bench.keep = partial(keep, folder, self.target)
            yield bench


@dataclass(frozen=True, kw_only=True)
class FinishedPlace:
    """A target whose journal has all answers."""

    record: TargetRecord
    machine_cpus: int

    @property
    def target(self) -> str:
        """The target's id."""
        return self.record.id

    @contextlib.contextmanager
    def open(self, folder: RunFolder) -> Iterator[Finished]:
        """Start nothing."""
        target = self.record.target
        visible = cpus_counted(target.key.rstrip("t"), target, self.machine_cpus)
        yield Finished(folder.path, cpus=target.limit.cpus, cpus_visible=visible, python=target.key)


def native_places(subject: Subject, python: str, cpus: str, folder: Path, run_id: str) -> list[NativePlace]:
    """One place per CPU limit.

    Args:
        subject: what is measured.
        python: a version, the path of an interpreter, or empty for that of the project, else the newest here.
        cpus: the limits as in ``lab run``.
        folder: the working folder.
        run_id: the label of what is started.

    Raises:
        NothingToRunOn: the interpreter does not exist.
        UsageError: a limit exceeds the machine.
    """
    interpreter = chosen_interpreter(python, folder)
    return [
        NativePlace(subject=subject, interpreter=interpreter, native=target, run_id=run_id)
        for target in native_targets(interpreter, cpus)
    ]


def chosen_interpreter(python: str, folder: Path) -> Interpreter:
    """The interpreter of a version or a path; without either that of the project's environment, else the newest.

    Raises:
        NothingToRunOn: there is none, or it cannot be used.
    """
    if python and not VERSION.fullmatch(python):
        return interpreter_at(str(folder / Path(python).expanduser()))
    for environment in () if python else ENVIRONMENTS:
        for path in (folder / environment / "bin" / "python", folder / environment / "Scripts" / "python.exe"):
            if path.is_file():
                return interpreter_at(str(path))
    found = {interpreter.key: interpreter for interpreter in search().interpreters}
    gil = [key for key in found if not key.endswith("t")] or list(found)
    key = python or max(gil, key=key_order, default="")
    if key not in found:
        known = ", ".join(sorted(found, key=key_order)) or "none"
        raise NothingToRunOn(
            f"Python {python or '3.9 or newer'} is not available (found: {known}); "
            "name an interpreter with --python PATH"
        )
    return found[key]


def native_targets(interpreter: Interpreter, cpus: str) -> Sequence[Target]:
    """The interpreter under each limit; where this system cannot pin, plain counts become no limit.

    Raises:
        UsageError: a limit is malformed or exceeds the machine.
    """
    count = len(allowed_cpus())
    as_found = quota_as_found(count)
    limits = [wanted.resolve(count, native=True, as_found=as_found) for wanted in parse_limits(cpus)]
    if not can_pin():
        limits = [limit if limit.is_quota else Limit(mode="none", cpus=float(count)) for limit in limits]
    return [
        Target(
            id=target_id(interpreter.key, interpreter.os, limit, native=True),
            key=interpreter.key,
            engine="none",
            os=interpreter.os,
            arch=interpreter.arch,
            limit=limit,
            cpus_visible=count if limit.is_quota else int(limit.cpus),
        )
        for limit in dict.fromkeys(limits)
    ]


def cpus_counted(version: str, target: Target, machine_cpus: int) -> int:
    """How many CPUs ``Pool()`` counts there: those of the affinity since Python 3.13, before all of the machine."""
    if tuple(map(int, version.split("."))) >= COUNTS_AFFINITY_SINCE:
        return target.cpus_visible
    return max(machine_cpus, target.cpus_visible)
