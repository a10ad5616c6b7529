"""What a container can have at most: the limits of the control groups above it, as its engine's host sees them.

A container sees its own group as the root, so that a limit of the engine's parent group (``--cgroup-parent``, a slice
of systemd) is felt inside, but not visible. The host side therefore asks a started container of the engine for its
process, and reads the groups above that process.

Sources: cgroups(7), /proc/[pid]/cgroup; Documentation/admin-guide/cgroup-v2.rst, "Top-down Constraint".
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lab.agent.facts import cgroup
from lab.agent.facts.target import CPU_TOLERANCE


@dataclass(frozen=True, kw_only=True)
class LimitsAbove:
    """The tightest limits above a container, None where nothing limits, and the CPUs that it may use itself.

    Attributes:
        cpus: the quota in CPUs.
        cpus_group: the folder of the group that has this quota.
        memory_bytes: the memory limit in bytes.
        cpu_numbers: the container's effective cpuset; None where it cannot be read.
    """

    cpus: float | None = None
    cpus_group: str = ""
    memory_bytes: int | None = None
    cpu_numbers: tuple[int, ...] | None = None

    def quota_sentence(self) -> str:
        """Which group has the quota and what can be done about it; empty without a quota."""
        if self.cpus is None:
            return ""
        return (
            f"the control group {self.cpus_group} above the engine's containers has a quota of {self.cpus:g} CPUs; "
            "lift that quota, start the engine with another --cgroup-parent, or choose a smaller quota with --cpus"
        )

    def too_tight_for(self, cpus: float) -> str:
        """Why a container cannot have ``cpus`` CPUs, with the next step; empty where it can."""
        if self.cpus is not None and self.cpus < cpus - CPU_TOLERANCE:
            return f"{cpus:g} CPUs were requested, but {self.quota_sentence()}"
        if self.cpu_numbers is not None and len(self.cpu_numbers) < cpus:
            return (
                f"{cpus:g} CPUs were requested, but the engine's containers may use only the CPUs "
                f"{', '.join(map(str, self.cpu_numbers))}; widen the cpuset of the engine's parent group, or choose "
                f"--cpus up to {len(self.cpu_numbers)}"
            )
        return ""


def limits_above(pid: int, container_id: str, root: str = cgroup.ROOT) -> LimitsAbove | None:
    """The limits above a running container.

    None where they are not visible from here, as from inside another container: the groups of process ``pid`` then do
    not carry the container's id.
    """
    quotas = _above(pid, container_id, cgroup.V1_CPU, root)
    memories = _above(pid, container_id, cgroup.V1_MEMORY, root)
    if quotas is None and memories is None:
        return None
    limited = [(cpus, folder) for folder in quotas or () if (cpus := cgroup.quota_in(folder)[0]) is not None]
    tightest, group = min(limited) if limited else (None, "")
    sizes = [limit for folder in memories or () if (limit := cgroup.memory_limit_in(folder)) is not None]
    numbers = cgroup.cpuset(root, str(pid))
    return LimitsAbove(
        cpus=tightest,
        cpus_group="/" + Path(group).relative_to(root).as_posix() if group else "",
        memory_bytes=min(sizes) if sizes else None,
        cpu_numbers=None if numbers is None else tuple(numbers),
    )


def _above(pid: int, container_id: str, controllers: tuple[str, ...], root: str) -> list[str] | None:
    """The folders of the groups above the container's own, nearest first; None where its own is not found."""
    folders = cgroup.lineage(root, controllers, str(pid))
    if not any(container_id in folder for folder in folders):
        return None
    return [folder for folder in folders if container_id not in folder]
