"""What the lab may do here, and has left: the engine and its limits, control groups, limits of this process."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lab.agent.facts import cgroup
from lab.doctor.finding import Finding, harms, ok, unknown
from lab.errors import EngineError, LabError
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
        return None, harms("engine", *seen_and_remedy(error))
    parts = ", ".join(f"{name} {version}" for name, version in engine.components.items() if name != "Engine")
    return engine, ok("engine", f"{engine.name} {engine.version} at {engine.address} ({parts or 'no parts reported'})")


def seen_and_remedy(error: LabError) -> tuple[str, str]:
    """What is wrong with the engine and what to do about it, in the error's own words where it concerns an engine.

    Where none was found and none was named, one must be installed or started.
    """
    seen, found, remedy = str(error).rpartition("; ")
    if not found:
        seen, found, remedy = str(error).partition(": ")
    if isinstance(error, EngineError) and found:
        return seen, remedy
    return seen, "install Docker or Podman, or start it; --engine none measures natively"


def engine_limits(engine: Engine | None, cpus: int) -> list[Finding]:
    """How much of the machine the engine has, and how it isolates containers."""
    if engine is None:
        return [unknown("engine limits", "no engine answers")]
    from lab.targets.available import on_engine

    found = [
        ok("engine CPUs", f"{engine.cpus} of {cpus}")
        if engine.cpus >= cpus
        else harms(
            "engine CPUs", f"{engine.cpus} of {cpus}", "give its virtual machine more CPUs (Settings, Resources)"
        ),
        ok("engine memory", f"{engine.memory_bytes // 2**20} MiB"),
        ok("engine cgroup", f"version {engine.cgroup_version}, driver {engine.cgroup_driver or 'unknown'}"),
        ok("engine storage", f"{engine.storage_driver or 'unknown'}{', containerd' * engine.containerd_images}"),
        *(harms(f"engine {mode}", *engine.lack_sentence(mode).split("; ", 1)) for mode in engine.lacks),
        ok("rootless", "yes" if engine.rootless else "no"),
        *(ok("engine limits", sentence) for sentence in on_engine(engine).limits),
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


def native_cpus(root: Path, affinity: Sequence[int] | None = None) -> list[Finding]:
    """The CPUs that native targets can have, by default those of this process, and what limits them."""
    from lab.targets.available import natively
    from lab.targets.native import affinity as own_affinity

    found = natively(own_affinity() if affinity is None else affinity, str(root))
    return [
        ok("native CPUs", plural(len(found.numbers or ()), "CPU")),
        *(ok("native limits", sentence) for sentence in found.limits),
    ]


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
