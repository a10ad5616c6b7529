"""Costs of a batch other than wall time: CPU time of all processes, context switches, throttled time, memory.

In a container the control group counts every process that ever lived in it. Natively the lab has no group of its own;
there the CPU clocks of the living processes are added to the CPU time of ended children in ``RUSAGE_CHILDREN``.
"""

from __future__ import annotations

import os
import time

from lab.agent.facts import cgroup

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, Dict, List, Optional, Set


class Meters:
    """Counters that are read just before and just after a batch, outside of its timed region.

    Both readings give ``cpu_ns``, ``switches`` and, under a quota, ``throttled_ns``, ``periods`` and
    ``throttled_periods``; counters that the target does not offer are left out. A group that the lab shares with other
    processes (``own_cgroup`` is false) counts its throttling, but not the CPU time of the lab alone. Searching
    ``/proc`` costs tens of microseconds of CPU time per process, so it happens before the first and after the second
    reading of the CPU time.
    """

    def __init__(self, own_cgroup: bool, root: str = cgroup.ROOT) -> None:
        self._own_cgroup = own_cgroup
        self._files: Dict[str, int] = {}
        for role, path in (cgroup.usage_files(root) if own_cgroup else cgroup.throttling_files(root)).items():
            self._files[role] = os.open(path, os.O_RDONLY)

    def before(self) -> Dict[str, int]:
        """Read all counters before a batch, in nanoseconds and counts since some fixed point."""
        pids = process_tree()
        switches = _switches_of(pids)
        return self._counters(self._group_texts(), switches, lambda: _others_cpu_ns(pids) + time.process_time_ns())

    def after(self) -> Dict[str, int]:
        """Read all counters after a batch, as in ``before``."""
        texts, own_ns = self._group_texts(), time.process_time_ns()
        pids = process_tree()
        return self._counters(texts, _switches_of(pids), lambda: own_ns + _others_cpu_ns(pids))

    def of_group(self) -> Dict[str, int]:
        """Read the counters of the control group alone, which takes some microseconds; empty without one."""
        return cgroup.parse_usage({role: text.decode("ascii") for role, text in self._group_texts().items()})

    def _group_texts(self) -> Dict[str, bytes]:
        if hasattr(os, "sched_yield"):
            os.sched_yield()  # makes the kernel account for this process's current time slice
        return {role: os.pread(file, 4096, 0) for role, file in self._files.items()}

    def _counters(self, texts: Dict[str, bytes], switches: Optional[int], cpu_ns: Callable[[], int]) -> Dict[str, int]:
        found = cgroup.parse_usage({role: text.decode("ascii") for role, text in texts.items()})
        if not (self._own_cgroup and "cpu_ns" in found):
            found["cpu_ns"] = cpu_ns()
        if switches is not None:
            found["switches"] = switches
        return found

    def close(self) -> None:
        """Close the counter files."""
        for file in self._files.values():
            os.close(file)
        self._files.clear()


def difference(after: Dict[str, int], before: Dict[str, int]) -> Dict[str, int]:
    """Differences of two readings, of the counters that both have and that did not run backwards.

    A counter runs backwards if a process ended between two native readings without being counted anywhere.
    """
    return {key: after[key] - before[key] for key in after if key in before and after[key] >= before[key]}


def process_tree(root: Optional[int] = None) -> Set[int]:
    """Ids of this process, or of ``root``, and all its living descendants; without ``/proc`` only the first id."""
    found: Set[int] = set()
    waiting: List[int] = [root or os.getpid()]
    while waiting:
        pid = waiting.pop()
        found.add(pid)
        try:
            for task in os.listdir(cgroup.PROC + "%d/task" % pid):
                with open(cgroup.PROC + "%d/task/%s/children" % (pid, task), encoding="ascii") as file:
                    waiting.extend(int(word) for word in file.read().split())
        except OSError:
            continue
    return found


def minor_faults(pids: Set[int]) -> Optional[int]:
    """Minor page faults of the living processes and of those that they have waited for; None without ``/proc``.

    Source: fields 10 and 11 of /proc/PID/stat, which are ``ru_minflt`` of getrusage(2) for any process.
    """
    total = None
    for pid in pids:
        try:
            with open(cgroup.PROC + "%d/stat" % pid, encoding="ascii", errors="replace") as file:
                words = file.read().rpartition(")")[2].split()
        except OSError:
            continue
        total = (total or 0) + int(words[7]) + int(words[8])
    return total


def pss_sizes(pids: Set[int]) -> List[int]:
    """Proportional set size of each process in bytes; ended processes are left out."""
    found = [memory_of(pid) for pid in pids]
    return [sizes["pss"] for sizes in found if sizes]


def memory_of(pid: int) -> Dict[str, int]:
    """Memory of a process in bytes: ``pss`` counts shared pages by its share, ``uss`` counts only its private pages.

    Empty if ``/proc/PID/smaps_rollup`` cannot be read.
    """
    sizes: Dict[str, int] = {}
    try:
        with open(cgroup.PROC + "%d/smaps_rollup" % pid, encoding="ascii") as file:
            for line in file:
                words = line.split()
                if words[-1] == "kB":
                    sizes[words[0]] = int(words[1]) * 1024
    except (OSError, ValueError):
        return {}
    private = sum(size for name, size in sizes.items() if name.startswith("Private_"))
    return {"pss": sizes["Pss:"], "uss": private} if "Pss:" in sizes else {}


def peak_memory(pids: Set[int]) -> int:
    """Memory of the processes at their peaks in bytes; 0 where ``/proc`` does not report it.

    The proportional set size now, and by how much the resident size of each process was larger at its own peak: an
    upper limit, for the peaks need not have been at the same time.
    """
    total = 0
    for pid in pids:
        sizes = memory_of(pid)
        if sizes:
            total += sizes["pss"] + fallen_by(pid)
    return total


def fallen_by(pid: int) -> int:
    """By how many bytes the resident size of a process is below its peak (VmHWM and VmRSS of proc_pid_status(5))."""
    found = {}
    try:
        with open(cgroup.PROC + "%d/status" % pid, encoding="ascii", errors="replace") as file:
            for line in file:
                name, _, rest = line.partition(":")
                if name in ("VmHWM", "VmRSS"):
                    found[name] = int(rest.split()[0]) * 1024
    except OSError:
        return 0
    return max(0, found.get("VmHWM", 0) - found.get("VmRSS", 0))


def memory_unsupported(_values: object = None) -> Optional[str]:
    """Reason why the memory of processes cannot be measured here, or None if it can; a scenario's ``needs``."""
    if memory_of(os.getpid()):
        return None
    return "the memory of a process cannot be measured: this system has no /proc/PID/smaps_rollup (Linux 4.14 or newer)"


def _others_cpu_ns(pids: Set[int]) -> int:
    """CPU time of the other living processes, from their CPU clocks, and of this process's reaped children."""
    total = _reaped_children_ns()
    if not hasattr(time, "clock_gettime_ns"):
        return total
    for pid in pids - {os.getpid()}:
        try:
            # clock_getcpuclockid(3): the complement of the pid, shifted by three, with CPUCLOCK_SCHED (2).
            total += time.clock_gettime_ns((~pid << 3) | 2)
        except OSError:
            continue
    return total


def _reaped_children_ns() -> int:
    try:
        import resource
    except ImportError:
        return 0
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return round((used.ru_utime + used.ru_stime) * 1e9)


def _switches_of(pids: Set[int]) -> int | None:
    """Voluntary and involuntary context switches of all threads of the living processes; None without ``/proc``."""
    total, seen = 0, False
    for pid in pids:
        try:
            for task in os.listdir(cgroup.PROC + "%d/task" % pid):
                with open(cgroup.PROC + "%d/task/%s/status" % (pid, task), encoding="utf-8", errors="replace") as file:
                    for line in file:
                        if "ctxt_switches" in line:
                            total += int(line.split()[1])
                            seen = True
        except OSError:
            continue
    return total if seen else None
