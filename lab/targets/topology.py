"""Which CPUs a limited target gets: distinct physical cores of one NUMA node first, other ones in each round."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from lab.agent.facts import topology
from lab.agent.measuring.cores import without_isolated

ROOT = Path("/")


@dataclass(frozen=True, kw_only=True)
class Cpu:
    """A CPU, the physical core it is a thread of, its NUMA node and its kind of core (0 where there is but one)."""

    number: int
    core: int
    node: int
    kind: int = 0


def read_cpus(allowed: Iterable[int], root: Path = ROOT) -> tuple[Cpu, ...]:
    """The allowed CPUs by number; where the kernel does not describe them, each counts as a core of its own.

    Isolated CPUs are left out unless all of them are.
    """
    balanced = without_isolated(sorted(allowed), topology.isolated_cpus(str(root)))
    places = topology.cpu_locations(balanced, str(root))
    return tuple(
        Cpu(
            number=int(number),
            core=place.get("core", int(number)),
            node=place.get("node", 0),
            kind=place.get("kind", 0),
        )
        for number, place in places.items()
    )


def chosen_cpus(cpus: Sequence[Cpu], count: int, round_number: int) -> list[int]:
    """``count`` of the CPUs for a round.

    One thread per core of the fastest kind in one node, where a node has enough of them; else of all kinds; else one
    thread per core over all nodes; else all threads. Nodes, and CPUs within them, alternate by round, so that no single
    one serves all rounds.
    """
    pools = _pools(cpus, count)
    pool = pools[round_number % len(pools)]
    return _window(pool, count, round_number // len(pools))


def _pools(cpus: Sequence[Cpu], count: int) -> list[list[int]]:
    """The lists of CPUs to choose from, each with at least ``count`` where the machine has as many."""
    first: dict[int, Cpu] = {}
    for cpu in cpus:
        first.setdefault(cpu.core, cpu)
    cores = sorted(first.values(), key=lambda cpu: (cpu.node, cpu.number))
    for slowest in sorted({cpu.kind for cpu in cores}):
        alike = [cpu for cpu in cores if cpu.kind <= slowest]
        nodes = [[cpu.number for cpu in alike if cpu.node == node] for node in sorted({cpu.node for cpu in alike})]
        in_one_node = [node for node in nodes if len(node) >= count]
        if in_one_node:
            return in_one_node
    numbers = [cpu.number for cpu in cores]
    if len(numbers) >= count:
        return [numbers]
    return [numbers + [cpu.number for cpu in cpus if cpu.number not in numbers]]


def _window(pool: Sequence[int], count: int, number: int) -> list[int]:
    """``count`` CPUs of the pool from index ``number`` on, wrapping around."""
    start = number % len(pool)
    return sorted([*pool[start:], *pool[:start]][:count])
