"""Which CPUs the sides of a measurement and the members of a team get: cores before threads, of one kind and node.

Two threads of one core share its caches and its execution units, so a message between them costs less and their work
more than between two cores. A kind is one type of core: performance cores come before efficiency cores. ``places`` is
what ``lab.agent.facts.topology.cpu_locations`` returns; a CPU that the kernel does not describe counts as a core.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, Iterable, List, Mapping, Sequence, Tuple

    Places = Mapping[str, Mapping[str, int]]


def without_isolated(cpus: Sequence[int], isolated: Iterable[int]) -> List[int]:
    """The CPUs on which the scheduler balances processes; all of them if none of them is such a CPU."""
    return [cpu for cpu in cpus if cpu not in set(isolated)] or list(cpus)


def pairs(placement: str, cpus: Sequence[int], places: Places) -> List[Tuple[int, int]]:
    """The CPUs of the two sides, for each round another pair; of the fastest kind of core that has any.

    The sides of ``same_cpu`` share one CPU, those of ``smt_siblings`` have two threads of one core, and those of
    ``cross_cpu`` and ``cross_cpu_awake`` the first threads of neighbouring cores of one node.
    """
    groups = _groups(cpus, places)
    for kind in sorted({kind for kind, _ in groups}):
        found: List[Tuple[int, int]] = []
        for cores in [groups[key] for key in sorted(groups) if key[0] == kind]:
            if placement == "same_cpu":
                found += [(cpu, cpu) for core in cores for cpu in core]
            elif placement == "smt_siblings":
                found += [pair for core in cores for pair in _neighbours(core)]
            else:
                found += _neighbours([core[0] for core in cores])
        if found:
            return found
    return []


def spread(cpus: Sequence[int], places: Places) -> List[int]:
    """The CPUs in the order in which members of a team get them.

    One thread of each core comes first, of the fastest kind and node by node; then the second threads.
    """
    ranked = [
        (thread, kind, node, cpu)
        for (kind, node), cores in _groups(cpus, places).items()
        for core in cores
        for thread, cpu in enumerate(core)
    ]
    return [cpu for _, _, _, cpu in sorted(ranked)]


def _groups(cpus: Sequence[int], places: Places) -> Dict[Tuple[int, int], List[List[int]]]:
    """Kind and node -> their cores, each a list of its threads."""
    found: Dict[Tuple[int, int], Dict[int, List[int]]] = {}
    for cpu in sorted(cpus):
        place = places.get(str(cpu), {})
        cores = found.setdefault((place.get("kind", 0), place.get("node", 0)), {})
        cores.setdefault(place.get("core", cpu), []).append(cpu)
    return {key: list(cores.values()) for key, cores in found.items()}


def _neighbours(cpus: Sequence[int]) -> List[Tuple[int, int]]:
    """Each CPU with the next one, and the last with the first; none if there is only one."""
    return list(zip(cpus, [*cpus[1:], cpus[0]])) if len(cpus) > 1 else []
