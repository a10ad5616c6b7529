"""Physical core, package and NUMA node of each CPU.

Source: Documentation/admin-guide/cputopology.rst and Documentation/ABI/stable/sysfs-devices-node of the Linux kernel.
The functions take the root of the file tree, so that tests can read captured trees of other machines.
"""

from __future__ import annotations

import os

from lab.agent.facts.cgroup import ROOT, parse_cpu_list

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, Iterable, List, Optional

CPUS, NODES = "sys/devices/system/cpu", "sys/devices/system/node"


def cpu_locations(cpus: Iterable[int], root: str = ROOT) -> Dict[str, Dict[str, int]]:
    """CPU number (as text, for JSON) -> ``core``, ``package``, ``node``, as far as the kernel reports them.

    A core is identified by the lowest CPU number of its threads, which is unique across packages, unlike ``core_id``.
    """
    nodes = _nodes(root)
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
        found[str(cpu)] = place
    return found


def online_cpus(root: str = ROOT) -> Optional[List[int]]:
    """Numbers of the machine's online CPUs; None if the system does not report them."""
    return _cpu_list(os.path.join(root, CPUS, "online")) or None


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
