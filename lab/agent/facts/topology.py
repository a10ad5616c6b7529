"""Physical core, kind of core, package and NUMA node of each CPU, and the CPUs that are isolated.

Source: Documentation/admin-guide/cputopology.rst, Documentation/ABI/stable/sysfs-devices-node and, for kinds of cores,
Documentation/ABI/testing/sysfs-devices-system-cpu (cpu_capacity, cpufreq) of the Linux kernel.
The functions take the root of the file tree, so that tests can read captured trees of other machines.
"""

from __future__ import annotations

import os

from lab.agent.facts.cgroup import ROOT, parse_cpu_list

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, Iterable, List, Optional

KINDS = ("sys/devices/cpu_core/cpus", "sys/devices/cpu_atom/cpus")  # performance and efficiency cores (Intel)
SPEEDS = ("cpu_capacity", "cpufreq/cpuinfo_max_freq")
ONE_KIND = 0.9  # of the fastest; the best cores of one kind differ by a few percent (Turbo Boost Max)
CPUS, NODES = "sys/devices/system/cpu", "sys/devices/system/node"


def cpu_locations(cpus: Iterable[int], root: str = ROOT) -> Dict[str, Dict[str, int]]:
    """CPU number (as text, for JSON) -> ``core``, ``package``, ``node``, ``kind``, as far as the kernel reports them.

    A core is identified by the lowest CPU number of its threads, which is unique across packages, unlike ``core_id``.
    The ``kind`` of the fastest cores is 0; a machine whose cores are all alike has none.
    """
    cpus = list(cpus)
    nodes, kinds = _nodes(root), _kinds(cpus, root)
    found: Dict[str, Dict[str, int]] = {}
    for cpu in cpus:
        place = {}
        folder = os.path.join(root, CPUS, "cpu%d" % cpu, "topology")
        siblings = _cpu_list(os.path.join(folder, "thread_siblings_list"))
        if siblings:
            place["core"] = min(siblings)
        packages = _cpu_list(os.path.join(folder, "physical_package_id"))  # -1 (unknown) parses as an empty list
        if packages:
            place["package"] = packages[0]
        if cpu in nodes:
            place["node"] = nodes[cpu]
        if cpu in kinds:
            place["kind"] = kinds[cpu]
        found[str(cpu)] = place
    return found


def online_cpus(root: str = ROOT) -> Optional[List[int]]:
    """Numbers of the machine's online CPUs; None if the system does not report them."""
    return _cpu_list(os.path.join(root, CPUS, "online")) or None


def isolated_cpus(root: str = ROOT) -> List[int]:
    """Numbers of the CPUs that the scheduler gives no processes to by itself (``isolcpus``)."""
    return _cpu_list(os.path.join(root, CPUS, "isolated"))


def _kinds(cpus: List[int], root: str) -> Dict[int, int]:
    """CPU -> kind of its core, by the kernel's lists, else by capacity, else by frequency; empty if all are alike."""
    listed = {cpu: kind for kind, path in enumerate(KINDS) for cpu in _cpu_list(os.path.join(root, path))}
    found = {cpu: listed[cpu] for cpu in cpus if cpu in listed}
    for name in SPEEDS:
        if not found:
            speeds = {cpu: _cpu_list(os.path.join(root, CPUS, "cpu%d" % cpu, name)) for cpu in cpus}
            found = _ranks({cpu: speed[0] for cpu, speed in speeds.items() if speed})
    return found if len(set(found.values())) > 1 else {}


def _ranks(speeds: Dict[int, int]) -> Dict[int, int]:
    """CPU -> rank of its speed, from 0 for the fastest; speeds of one kind are at least ``ONE_KIND`` of its fastest."""
    found: Dict[int, int] = {}
    rank, fastest = -1, float("inf")
    for cpu in sorted(speeds, key=lambda cpu: -speeds[cpu]):
        if rank < 0 or speeds[cpu] < ONE_KIND * fastest:
            rank, fastest = rank + 1, speeds[cpu]
        found[cpu] = rank
    return found if rank > 0 else {}


def _nodes(root: str) -> Dict[int, int]:
    folder = os.path.join(root, NODES)
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        return {}
    return {
        cpu: int(name[len("node") :])
        for name in names
        if name.startswith("node") and name[len("node") :].isdigit()
        for cpu in _cpu_list(os.path.join(folder, name, "cpulist"))
    }


def _cpu_list(path: str) -> List[int]:
    try:
        with open(path, encoding="ascii") as file:
            return parse_cpu_list(file.read())
    except (OSError, ValueError):
        return []
