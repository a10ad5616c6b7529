"""Limits and CPU use of a process's control group and the groups above it, version 1 and version 2.

Inside a container the group is mounted at the root of ``/sys/fs/cgroup``. Natively it is a folder below, which
``/proc/self/cgroup`` names. Every function takes the root of the file tree, so that tests can read captured trees of
other machines.

Sources: Documentation/admin-guide/cgroup-v2.rst, cgroup-v1/cpuacct.rst and scheduler/sched-bwc.rst of the Linux kernel.
"""

from __future__ import annotations

import os

from lab.agent.facts import kernel

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, List, Optional, Tuple

ROOT = os.path.abspath(os.sep)  # on Windows a drive, which has none of these files
PROC = os.path.join(ROOT, "proc", "")
UNIFIED = 2  # version 2: one hierarchy for all controllers

V1_CPU = ("cpu,cpuacct", "cpu")
V1_CPUACCT = ("cpu,cpuacct", "cpuacct")
V1_MEMORY = ("memory",)
OWN = "self"


def version(root: str = ROOT) -> Optional[int]:
    """Version of the mounted control groups, 1 or 2; None if none are mounted."""
    base = os.path.join(root, "sys/fs/cgroup")
    if os.path.exists(os.path.join(base, "cgroup.controllers")):
        return UNIFIED
    if _first(base, V1_CPU, "") or os.path.isdir(os.path.join(base, "cpuset")):
        return 1
    return None


def quota(root: str = ROOT) -> Tuple[Optional[float], Optional[int]]:
    """Number of CPUs that the quota allows (None: no limit) and its period in microseconds (None: unknown).

    It is the smallest of the quotas of this process's group and the groups above it, because all of them apply.
    """
    found = [quota_in(folder) for folder in lineage(root, V1_CPU)]
    limited = [each for each in found if each[0] is not None]
    if limited:
        return min(limited, key=lambda each: each[0] or 0.0)
    return None, found[0][1] if found else None


def cpuset(root: str = ROOT, process: str = OWN) -> Optional[List[int]]:
    """CPU numbers of the effective cpuset of a process; None if it cannot be read."""
    unified = version(root) == UNIFIED
    names = ("cpuset.cpus.effective",) if unified else ("cpuset.effective_cpus", "cpuset.cpus")
    for folder in lineage(root, ("cpuset",), process):
        for name in names:
            text = kernel.read_text(os.path.join(folder, name))
            if text:
                return parse_cpu_list(text)
    return None


def memory_limit(root: str = ROOT) -> Optional[int]:
    """Memory limit in bytes: the smallest of this process's group and the groups above it; None for no limit."""
    found = [memory_limit_in(folder) for folder in lineage(root, V1_MEMORY)]
    return min([limit for limit in found if limit is not None], default=None)


def usage_files(root: str = ROOT) -> Dict[str, str]:
    """Role -> path of the files of this process's group that ``parse_usage`` reads."""
    wanted = {"stat": (V1_CPU, "cpu.stat")}
    if version(root) != UNIFIED:
        wanted["usage"] = (V1_CPUACCT, "cpuacct.usage")
    files = {}
    for role, (controllers, name) in wanted.items():
        for folder in lineage(root, controllers)[:1]:
            if os.path.exists(os.path.join(folder, name)):
                files[role] = os.path.join(folder, name)
    return files


def throttling_files(root: str = ROOT) -> Dict[str, str]:
    """Role -> path as in ``usage_files``, of the group whose quota applies to this process; empty without a quota."""
    limited = [folder for folder in lineage(root, V1_CPU) if quota_in(folder)[0] is not None]
    if not limited:
        return {}
    return {"stat": os.path.join(min(limited, key=lambda folder: quota_in(folder)[0] or 0.0), "cpu.stat")}


def own_folder(controllers: Tuple[str, ...], root: str = ROOT) -> Optional[str]:
    """Folder of this process's group in version 2's only mount, or in version 1's mount of one of the controllers.

    None if no such controller is mounted. Source: cgroups(7), /proc/[pid]/cgroup.
    """
    folders = lineage(root, controllers)
    return folders[0] if folders else None


def lineage(root: str, controllers: Tuple[str, ...], process: str = OWN) -> List[str]:
    """Folders of a process's group and of the groups above it, from its own one up to the mount.

    ``process`` is a number, or ``self``. A container may see a path of the host that does not exist inside it; its
    group is then the mount itself.
    """
    mount: Optional[str] = os.path.join(root, "sys/fs/cgroup")
    if version(root) != UNIFIED:
        mount = _first(str(mount), controllers, "")
    if mount is None or not os.path.isdir(mount):
        return []
    parts = [part for part in _own_path(root, controllers, process).split("/") if part]
    if ".." in parts or not os.path.isdir(os.path.join(mount, *parts)):
        parts = []
    return [os.path.join(mount, *parts[:count]) for count in range(len(parts), -1, -1)]


def _own_path(root: str, controllers: Tuple[str, ...], process: str) -> str:
    """Path of the group in ``/proc/PID/cgroup``: lines ``4:cpu,cpuacct:/path`` or, in version 2, ``0::/path``."""
    unified = version(root) == UNIFIED
    for line in (kernel.read_text(os.path.join(root, "proc", process, "cgroup")) or "").splitlines():
        number, _, rest = line.partition(":")
        names, _, path = rest.partition(":")
        if (unified and number == "0" and not names) or (not unified and set(names.split(",")) & set(controllers)):
            return path
    return "/"


def quota_in(folder: str) -> Tuple[Optional[float], int]:
    """Quota in CPUs and period in microseconds of one group alone, as in ``quota``."""
    names = ("cpu.cfs_quota_us", "cpu.cfs_period_us")
    text = kernel.read_text(os.path.join(folder, "cpu.max")) or " ".join(
        kernel.read_text(os.path.join(folder, name)) or "" for name in names
    )
    words = text.split() or ["max"]  # the root of version 2 has no such file
    period = int(words[1]) if len(words) > 1 else 100_000
    limited = words[0] != "max" and int(words[0]) > 0
    return (int(words[0]) / period if limited else None), period


def memory_limit_in(folder: str) -> Optional[int]:
    """Memory limit of one group alone in bytes; None for no limit."""
    for name in ("memory.max", "memory.limit_in_bytes"):
        text = kernel.read_text(os.path.join(folder, name))
        if text and text != "max" and int(text) < 1 << 60:  # version 1 writes "no limit" as a huge number
            return int(text)
    return None


def parse_usage(texts: Dict[str, str]) -> Dict[str, int]:
    """Parse CPU use from the texts of ``usage_files``.

    The counters are ``cpu_ns``, ``throttled_ns``, ``periods`` and ``throttled_periods``; those that the kernel does not
    report are left out. Times are in nanoseconds (version 2 reports microseconds).
    """
    stat = {}
    for line in texts.get("stat", "").splitlines():
        key, _, value = line.partition(" ")
        stat[key] = int(value)
    found = {}
    if "usage_usec" in stat:
        found["cpu_ns"] = stat["usage_usec"] * 1000
    elif "usage" in texts:
        found["cpu_ns"] = int(texts["usage"])
    if "throttled_usec" in stat:
        found["throttled_ns"] = stat["throttled_usec"] * 1000
    elif "throttled_time" in stat:
        found["throttled_ns"] = stat["throttled_time"]
    if "nr_periods" in stat:
        found["periods"] = stat["nr_periods"]
        found["throttled_periods"] = stat["nr_throttled"]
    return found


def parse_cpu_list(text: str) -> List[int]:
    """Parse the kernel's list format: ``0-2,5`` becomes ``[0, 1, 2, 5]``."""
    cpus: List[int] = []
    for part in text.strip().split(","):
        if part:
            first, _, last = part.partition("-")
            cpus.extend(range(int(first), int(last or first) + 1))
    return cpus


def _first(base: str, folders: Tuple[str, ...], name: str) -> Optional[str]:
    for folder in folders:
        if os.path.exists(os.path.join(base, folder, name)):
            return os.path.join(base, folder)
    return None
