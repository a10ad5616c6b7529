"""Which CPUs a limited target gets: those on distinct physical cores first, and in another order each round."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lab.agent.cgroup import parse_cpu_list

SYSTEM_CPUS = Path("/sys/devices/system/cpu")


def ordered_cpus(allowed: Sequence[int], root: Path = SYSTEM_CPUS) -> list[int]:
    """The allowed CPUs, first one of each physical core, then the second threads of the cores.

    Where the kernel does not tell about siblings the CPUs keep their order.
    """
    first: list[int] = []
    later: list[int] = []
    taken: set[int] = set()
    for cpu in sorted(allowed):
        (later if cpu in taken else first).append(cpu)
        taken.update(_siblings(root, cpu))
    return first + later


def chosen_cpus(ordered: Sequence[int], count: int, round_number: int) -> list[int]:
    """``count`` of the CPUs for a round: the window moves by one each round, so that no CPU serves alone."""
    start = round_number % len(ordered)
    rotated = [*ordered[start:], *ordered[:start]]
    return sorted(rotated[:count])


def _siblings(root: Path, cpu: int) -> list[int]:
    try:
        return parse_cpu_list((root / f"cpu{cpu}" / "topology" / "thread_siblings_list").read_text())
    except (OSError, ValueError):
        return []
