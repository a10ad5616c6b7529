"""Which CPUs, and how much of them, a target can have, and what limits it: natively, on an engine, in a container.

A container sees its own group as the root, so that a limit of the engine's parent group (``--cgroup-parent``, a slice
of systemd) is felt inside, but not visible. The host side therefore asks a started container of the engine for its
process, and reads the groups above that process.

Every function takes the root of the file tree, so that tests can read captured trees of other machines.
Sources: cgroups(7), /proc/[pid]/cgroup; Documentation/admin-guide/cgroup-v2.rst, "Top-down Constraint".
"""

from __future__ import annotations

import platform
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from lab.agent.facts import cgroup, kernel, topology
from lab.agent.facts.target import CPU_TOLERANCE
from lab.agent.measuring.cores import without_isolated
from lab.targets.engine import Engine
from lab.text import plural

# Where Docker and Podman put containers, by the cgroup driver; the group is there from the first container on.
V1_PARENTS = ("cpuset/docker", "cpuset/system.slice", "cpuset/machine.slice")
V2_PARENTS = ("docker", "system.slice", "machine.slice")


@dataclass(frozen=True, kw_only=True)
class Available:
    """What a target can have at most; None where nothing limits, or where it cannot be read.

    Attributes:
        numbers: the CPUs that it may use, without isolated ones unless all are isolated.
        quota_cpus: the tightest quota in CPUs.
        quota_group: the folder of the group that has this quota.
        memory_bytes: the tightest memory limit in bytes.
        limits: one sentence for each thing that keeps CPUs, or full speed of all CPUs, from the target.
    """

    numbers: tuple[int, ...] | None = None
    quota_cpus: float | None = None
    quota_group: str = ""
    memory_bytes: int | None = None
    limits: tuple[str, ...] = ()

    def quota_sentence(self) -> str:
        """Which group has the quota and what can be done about it; empty without a quota."""
        if self.quota_cpus is None:
            return ""
        return (
            f"the control group {self.quota_group} above the engine's containers has a quota of "
            f"{self.quota_cpus:g} CPUs; lift that quota, start the engine with another --cgroup-parent, or choose a "
            "smaller quota with --cpus"
        )

    def too_tight_for(self, cpus: float) -> str:
        """Why a container cannot have ``cpus`` CPUs, with the next step; empty where it can."""
        if self.quota_cpus is not None and self.quota_cpus < cpus - CPU_TOLERANCE:
            return f"{cpus:g} CPUs were requested, but {self.quota_sentence()}"
        if self.numbers is not None and len(self.numbers) < cpus:
            return (
                f"{cpus:g} CPUs were requested, but the engine's containers may use only the CPUs "
                f"{', '.join(map(str, self.numbers))}; widen the cpuset of the engine's parent group, or choose "
                f"--cpus up to {len(self.numbers)}"
            )
        return ""


def natively(affinity: Iterable[int], root: str = cgroup.ROOT) -> Available:
    """What a process of this machine can have that is bound to the CPUs ``affinity``, as this one is."""
    bound = sorted(affinity)
    numbers = without_isolated(bound, topology.isolated_cpus(root))
    quota_cpus, group = _tightest_quota(cgroup.lineage(root, cgroup.V1_CPU), root)
    limits = [*_missing(bound, root)]
    if isolated := sorted(set(bound) - set(numbers)):
        limits.append(f"{_cpus(isolated)} isolated from the scheduler (isolcpus), and not used")
    if quota_cpus is not None and quota_cpus < len(numbers):
        limits.append(f"the control group {group} has a quota of {quota_cpus:g} CPUs")
    return Available(
        numbers=tuple(numbers),
        quota_cpus=quota_cpus,
        quota_group=group,
        memory_bytes=cgroup.memory_limit(root),
        limits=(*limits, *unequal(numbers, root)),
    )


def on_engine(engine: Engine, root: str = cgroup.ROOT) -> Available:
    """What containers can have, by the cpuset of the engine's group where it runs on this machine's kernel.

    Of a remote engine, or one in a virtual machine (Docker Desktop), only the number of CPUs is known: they count from
    0.
    """
    if not is_here(engine):
        where = "in a virtual machine" if engine.is_local else "on another machine"
        seen = f"the engine is {where} with {plural(engine.cpus, 'CPU')}, whose cores are not known here"
        return Available(numbers=tuple(range(engine.cpus)), limits=(seen,))
    online = topology.online_cpus(root)
    allowed = group_cpus(root) or online or list(range(engine.cpus))
    numbers = without_isolated(allowed, topology.isolated_cpus(root))
    limits = []
    if online and set(allowed) < set(online):
        limits.append(f"the cpuset of the engine's group has {_listed(allowed)} of the CPUs {_listed(online)}")
    if isolated := sorted(set(allowed) - set(numbers)):
        limits.append(f"{_cpus(isolated)} isolated from the scheduler (isolcpus), and not used")
    return Available(numbers=tuple(numbers), limits=(*limits, *unequal(numbers, root)))


def container_cpus(engine: Engine, root: str = cgroup.ROOT) -> list[int]:
    """The CPUs that the engine can give to containers, as far as is known before one is started."""
    return list(on_engine(engine, root).numbers or ())


def above_container(pid: int, container_id: str, root: str = cgroup.ROOT) -> Available | None:
    """What the groups above a running container leave it.

    None where they are not visible from here, as from inside another container: the groups of process ``pid`` then do
    not carry the container's id.
    """
    quotas = _above(pid, container_id, cgroup.V1_CPU, root)
    memories = _above(pid, container_id, cgroup.V1_MEMORY, root)
    if quotas is None and memories is None:
        return None
    quota_cpus, group = _tightest_quota(quotas or (), root)
    sizes = [limit for folder in memories or () if (limit := cgroup.memory_limit_in(folder)) is not None]
    found = cgroup.cpuset(root, str(pid))
    return Available(
        numbers=None if found is None else tuple(without_isolated(found, topology.isolated_cpus(root))),
        quota_cpus=quota_cpus,
        quota_group=group,
        memory_bytes=min(sizes) if sizes else None,
    )


def group_cpus(root: str = cgroup.ROOT) -> list[int] | None:
    """The effective cpuset of the group of all containers, else of the group that is mounted as the root."""
    base = Path(root, "sys/fs/cgroup")
    unified = cgroup.version(root) == cgroup.UNIFIED
    names = ("cpuset.cpus.effective",) if unified else ("cpuset.effective_cpus", "cpuset.cpus")
    for parent in V2_PARENTS if unified else V1_PARENTS:
        for name in names:
            try:
                found = cgroup.parse_cpu_list((base / parent / name).read_text(encoding="ascii"))
            except (OSError, ValueError):
                continue
            if found:
                return found
    return cgroup.cpuset(root)


def is_here(engine: Engine) -> bool:
    """Whether the engine's containers run on this kernel, so that the files of this machine describe their CPUs."""
    return engine.is_local and engine.kernel == platform.release()


def unequal(numbers: Sequence[int], root: str = cgroup.ROOT) -> Iterator[str]:
    """In which way the CPUs are not as fast together as they are many: threads of one core, kinds of cores."""
    places = topology.cpu_locations(numbers, root)
    cores = {place.get("core", int(number)) for number, place in places.items()}
    if len(cores) < len(numbers):
        yield f"{len(numbers)} CPUs are threads of {plural(len(cores), 'core')} (SMT)"
    fastest = [int(number) for number, place in places.items() if place.get("kind") == 0]
    if fastest:
        yield f"the cores are of several kinds (hybrid); {_cpus(fastest)} of the fastest kind"


def _missing(bound: Sequence[int], root: str) -> Iterator[str]:
    """What keeps online and offline CPUs from a process that is bound to ``bound``."""
    online = topology.online_cpus(root)
    if online is None:
        return
    present = cgroup.parse_cpu_list(kernel.read_text(str(Path(root, topology.CPUS, "present"))) or "")
    if offline := sorted(set(present) - set(online)):
        yield f"{_cpus(offline)} offline"
    group = [cpu for cpu in cgroup.cpuset(root) or online if cpu in online]
    if len(group) < len(online):
        yield f"the control group's cpuset has {_listed(group)} of the CPUs {_listed(online)}"
    if set(bound) < set(group):
        yield f"this process is bound to {_listed(bound)} of the CPUs {_listed(group)} (taskset)"


def _tightest_quota(folders: Iterable[str], root: str) -> tuple[float | None, str]:
    """The smallest quota in CPUs of these groups, and the group that has it; (None, "") without a quota."""
    limited = [(cpus, folder) for folder in folders if (cpus := cgroup.quota_in(folder)[0]) is not None]
    cpus, folder = min(limited) if limited else (None, "")
    return cpus, "/" + Path(folder).relative_to(root).as_posix() if folder else ""


def _above(pid: int, container_id: str, controllers: tuple[str, ...], root: str) -> list[str] | None:
    """The folders of the groups above the container's own, nearest first; None where its own is not found."""
    folders = cgroup.lineage(root, controllers, str(pid))
    if not any(container_id in folder for folder in folders):
        return None
    return [folder for folder in folders if container_id not in folder]


def _cpus(numbers: Sequence[int]) -> str:
    return f"CPU {numbers[0]} is" if len(numbers) == 1 else f"CPUs {_listed(numbers)} are"


def _listed(numbers: Sequence[int]) -> str:
    """Numbers in the kernel's list format, the inverse of ``cgroup.parse_cpu_list``: [0, 1, 2, 5] becomes 0-2,5."""
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ",".join(f"{run[0]}-{run[-1]}" if len(run) > 1 else str(run[0]) for run in runs)
