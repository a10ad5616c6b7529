"""What the lab may do here, and has left: the engine and its limits, control groups, limits of this process."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lab.agent.facts import cgroup
from lab.doctor.finding import Finding, harms, ok, unknown
from lab.errors import LabError
from lab.text import plural

if TYPE_CHECKING:
    from lab.targets.engine import Engine

LEAST_FILES = 1024
LEAST_PROCESSES = 512
LEFT = "left by dead runs"


def engine_answers() -> tuple[Engine | None, Finding]:
    """The container engine, or why none answers; a refused permission is reported with its remedy."""
    from lab.targets.engine import connect

    try:
        engine = connect("auto")
    except LabError as error:
        text = str(error)
        remedy = (
            "sudo usermod -aG docker $USER, then log in again" if "permission" in text.lower() else "install Docker"
        )
        return None, harms("engine", text, remedy)
    return engine, ok("engine", f"{engine.name} {engine.version} at {engine.address}")


def engine_limits(engine: Engine | None, cpus: int) -> list[Finding]:
    """How much of the machine the engine has, and how it isolates containers."""
    if engine is None:
        return [unknown("engine limits", "no engine answers")]
    found = [
        ok("engine CPUs", f"{engine.cpus} of {cpus}")
        if engine.cpus >= cpus
        else harms(
            "engine CPUs", f"{engine.cpus} of {cpus}", "give its virtual machine more CPUs (Settings, Resources)"
        ),
        ok("engine memory", f"{engine.memory_bytes // 2**20} MiB"),
        ok("engine cgroup", f"version {engine.cgroup_version or 'unknown'}"),
        ok("engine storage", engine.storage_driver or "unknown"),
        *(harms(f"engine {mode}", *engine.lack_sentence(mode).split("; ", 1)) for mode in engine.lacks),
        ok("rootless", "yes" if engine.rootless else "no"),
        seccomp(engine.security_options),
    ]
    return found + [harms("engine warning", text, "see the engine's documentation") for text in engine.warnings]


def seccomp(options: tuple[str, ...]) -> Finding:
    """A seccomp filter makes each system call slower; it is the default that users have, so it stays."""
    active = [text for text in options if "seccomp" in text]
    return ok("seccomp", ", ".join(active) if active else "not active")


def control_groups(root: Path) -> Finding:
    """The version of control groups that is mounted; without one neither quota nor throttling can be read."""
    version = cgroup.version(str(root))
    if version is None:
        return unknown("control groups", "none are mounted: limits and throttling cannot be read natively")
    found, _ = cgroup.quota(str(root))
    if found is not None:
        seen = f"version {version}; a quota of {found:g} CPUs applies to this process"
        return harms("control groups", seen, "start the lab outside of that group; else it measures under it as found")
    return ok("control groups", f"version {version}")


def limits() -> list[Finding]:
    """How many open files and processes this user may have."""
    try:
        import resource
    except ImportError:
        return [unknown("ulimits", "this system has none")]
    found = []
    for name, option, key, least in (
        ("open files", "n", "RLIMIT_NOFILE", LEAST_FILES),
        ("processes", "u", "RLIMIT_NPROC", LEAST_PROCESSES),
    ):
        soft = resource.getrlimit(getattr(resource, key))[0] if hasattr(resource, key) else None
        if soft is None:
            found.append(unknown(f"ulimit {name}", "not reported by this system"))
        elif soft == resource.RLIM_INFINITY or soft >= least:
            found.append(ok(f"ulimit {name}", "unlimited" if soft == resource.RLIM_INFINITY else str(soft)))
        else:
            found.append(harms(f"ulimit {name}", f"{soft}, below {least}", f"ulimit -{option} {least}"))
    return found


def shm_free_bytes(root: Path) -> int | None:
    """Bytes free in /dev/shm, or None where there is none."""
    try:
        status = os.statvfs(root / "dev/shm")
    except (OSError, AttributeError):
        return None
    return status.f_bavail * status.f_frsize


def left_behind(engine: Engine | None) -> list[Finding]:
    """Containers and networks of the lab whose process has ended."""
    if engine is None:
        return [unknown(LEFT, "no engine answers")]
    from lab.targets.cleanup import leftovers

    found = leftovers(engine)
    states = [container.status for container in found.containers]
    return [judge_leftovers(states, len(found.networks), found.runs)]


def judge_leftovers(states: Sequence[str], networks: int, runs: Sequence[str]) -> Finding:
    """The finding for the states of the containers, the number of networks and the runs that left them."""
    if not states and not networks:
        return ok(LEFT, "nothing on the engine")
    running = sum(state in ("running", "paused", "restarting") for state in states)
    containers = f"{plural(len(states), 'container')}, {running} of them running,"
    seen = f"{containers} and {plural(networks, 'network')} of {', '.join(runs)}"
    return harms(LEFT, seen, "python -m lab clean")
