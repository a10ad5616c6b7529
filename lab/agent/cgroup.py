"""CPU limits and CPU use of the own control group, version 1 and version 2.

Inside a container the own group is mounted at the root of ``/sys/fs/cgroup``. Every function takes the root of the
file tree, so that captured trees of other machines can be read in tests.

Sources: Documentation/admin-guide/cgroup-v2.rst, cgroup-v1/cpuacct.rst and scheduler/sched-bwc.rst of the Linux kernel.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, List, Optional, Tuple

ROOT = os.path.abspath(os.sep)  # on Windows a drive, where none of these files exist
PROC = os.path.join(ROOT, "proc", "")
UNIFIED = 2  # version 2: one hierarchy for all controllers

V1_CPU = ("cpu,cpuacct", "cpu")
V1_CPUACCT = ("cpu,cpuacct", "cpuacct")


def version(root: str = ROOT) -> Optional[int]:
    """1, 2, or None where no control groups are mounted."""
    base = os.path.join(root, "sys/fs/cgroup")
    if os.path.exists(os.path.join(base, "cgroup.controllers")):
        return UNIFIED
    if _first(base, V1_CPU, "") or os.path.isdir(os.path.join(base, "cpuset")):
        return 1
    return None


def quota(root: str = ROOT) -> Tuple[Optional[float], Optional[int]]:
    """CPUs allowed by the quota (None: no limit) and the period in microseconds (None: unknown)."""
    base = os.path.join(root, "sys/fs/cgroup")
    if version(root) == UNIFIED:
        words = (_read(os.path.join(base, "cpu.max")) or "max 100000").split()
        period = int(words[1]) if len(words) > 1 else 100_000
        return (None if words[0] == "max" else int(words[0]) / period), period
    folder = _first(base, V1_CPU, "cpu.cfs_quota_us")
    if not folder:
        return None, None
    limit = int(_read(os.path.join(folder, "cpu.cfs_quota_us")) or -1)
    period = int(_read(os.path.join(folder, "cpu.cfs_period_us")) or 100_000)
    return (None if limit <= 0 else limit / period), period


def cpuset(root: str = ROOT) -> Optional[List[int]]:
    """CPU numbers of the effective cpuset, or None where it cannot be read."""
    base = os.path.join(root, "sys/fs/cgroup")
    names = (
        ("cpuset.cpus.effective",)
        if version(root) == UNIFIED
        else ("cpuset/cpuset.effective_cpus", "cpuset/cpuset.cpus")
    )
    for name in names:
        text = _read(os.path.join(base, name))
        if text:
            return parse_cpu_list(text)
    return None


def memory_limit(root: str = ROOT) -> Optional[int]:
    """Bytes of memory allowed, or None for no limit."""
    base = os.path.join(root, "sys/fs/cgroup")
    name = "memory.max" if version(root) == UNIFIED else "memory/memory.limit_in_bytes"
    text = _read(os.path.join(base, name))
    if not text or text == "max":
        return None
    value = int(text)
    return None if value >= 1 << 60 else value  # version 1 writes "no limit" as a huge number


def usage_files(root: str = ROOT) -> Dict[str, str]:
    """Paths of the files that ``parse_usage`` reads, by their role."""
    base = os.path.join(root, "sys/fs/cgroup")
    if version(root) == UNIFIED:
        path = os.path.join(base, "cpu.stat")
        return {"stat": path} if os.path.exists(path) else {}
    files = {}
    folder = _first(base, V1_CPU, "cpu.stat")
    if folder:
        files["stat"] = os.path.join(folder, "cpu.stat")
    folder = _first(base, V1_CPUACCT, "cpuacct.usage")
    if folder:
        files["usage"] = os.path.join(folder, "cpuacct.usage")
    return files


def parse_usage(texts: Dict[str, str]) -> Dict[str, int]:
    """CPU use out of the files' texts: ``cpu_ns``, ``throttled_ns``, ``periods``, ``throttled_periods``.

    Version 2 counts in microseconds, version 1 in nanoseconds; the result is in nanoseconds. A key is missing where
    the kernel does not report it.
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
    """``0-2,5`` as ``[0, 1, 2, 5]``."""
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


def _read(path: str) -> Optional[str]:
    try:
        with open(path, encoding="ascii") as file:
            return file.read().strip()
    except OSError:
        return None
