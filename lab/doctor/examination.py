"""All checks in order; a check that raises is a finding, never a crash."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

from lab.doctor import load, processor, rights
from lab.doctor.finding import Finding, unknown
from lab.doctor.windows import windows_findings

OF_THE_TREE: tuple[Callable[[Path], Finding], ...] = (
    processor.governor,
    processor.turbo,
    processor.hyper_threading,
    processor.emulation,
    load.steal,
    load.swap,
    processor.clock_source,
    processor.mitigations,
    rights.control_groups,
)


def examine(root: Path = Path("/")) -> list[Finding]:
    """Every finding about this machine, whose file tree begins at ``root``."""
    cpus = os.cpu_count() or 1
    checks: list[tuple[str, Callable[[], Iterable[Finding]]]] = [
        *((check.__name__, partial(_one, check, root)) for check in OF_THE_TREE),
        ("load", lambda: [load.load(root, cpus)]),
        ("busy processes", lambda: [load.busy_processes()]),
        ("shared memory", lambda: [load.shared_memory(rights.shm_free_bytes(root))]),
        ("native CPUs", lambda: rights.native_cpus(root)),
        ("ulimits", rights.limits),
        ("engine", lambda: _engine(cpus)),
    ]
    if sys.platform == "win32":
        checks.append(("Windows", windows_findings))
    return [finding for name, check in checks for finding in guarded(name, check)]


def _one(check: Callable[[Path], Finding], root: Path) -> list[Finding]:
    return [check(root)]


def guarded(name: str, check: Callable[[], Iterable[Finding]]) -> list[Finding]:
    """The findings of a check, or one that it could not find out."""
    try:
        return list(check())
    except Exception as error:  # noqa: BLE001 - whatever an unusual machine raises is a finding
        return [unknown(name.replace("_", " "), f"{type(error).__name__}: {error}")]


def _engine(cpus: int) -> list[Finding]:
    engine, answer = rights.engine_answers()
    left = guarded(rights.LEFT, lambda: rights.left_behind(engine))
    return [answer, *rights.engine_limits(engine, cpus), *left]
