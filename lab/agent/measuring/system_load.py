"""System load during a batch: steal, load by other processes, pressure, migrations, page faults, frequency.

Files are opened once and only read before and after a batch, outside of its timed region; their texts are parsed after
the cell has ended. Values that a system does not offer are left out, never 0. They never correct a time.

Idle time is taken from ``/proc/stat`` rather than busy time: kernels without a tick on idle CPUs account for idle time
by a clock, but for busy time by a tick every 10 ms (Documentation/filesystems/proc.rst; get_idle_time() in
fs/proc/stat.c). In a container that file shows the whole machine, so only the lines of the used CPUs are read.
"""

from __future__ import annotations

import os
import time

from lab.agent.facts import cgroup
from lab.agent.measuring import meters

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, FrozenSet, Iterable, List, Optional, Set

BYTES_PER_CPU = 160  # length of a line of /proc/stat: ten counters of up to fifteen digits
MOST_FREQUENCIES = 4  # reading one may interrupt its CPU
IDLE, IOWAIT, STEAL = 3, 4, 7  # counters in a cpuN line of /proc/stat, from 0
MAJOR_FAULTS, DEAD_MAJOR_FAULTS, DEAD_USER, DEAD_SYSTEM, LAST_CPU = 9, 10, 13, 14, 36  # after the name in PID/stat
PRESSURES = ("cpu", "memory", "io")


class Reading:
    """Raw texts of the files at one moment; ``load_between`` computes numbers from two readings."""

    def __init__(self, texts: Dict[str, bytes], cpus: FrozenSet[int], processes: Dict[int, Dict[str, bytes]]) -> None:
        self.at_ns = time.perf_counter_ns()
        self.cpu_ns = time.process_time_ns()  # of this process, so that the cost of reading can be attributed to it
        self.texts = texts
        self.cpus = cpus
        self.processes = processes


class SystemLoad:
    """Reader of the system load before and after each batch, from files that it keeps open."""

    def __init__(self, root: str = cgroup.ROOT) -> None:
        self._root = root
        self._files: Dict[str, int] = {}
        self._bytes = BYTES_PER_CPU * ((os.cpu_count() or 1) + 2)
        # Windows does not read the files of Linux: under Wine they exist, but with other process ids.
        self._offered = hasattr(os, "pread")
        for role, path in _machine_files(root).items() if self._offered else ():
            self._open(role, path)

    def read(self) -> Reading:
        """Read the present load; takes some tens of microseconds, and as many again per living process of the cell."""
        if not self._offered:
            return Reading({}, frozenset(), {})
        pids = meters.process_tree()
        cpus = _cpus_of(pids)
        for cpu in sorted(cpus)[:MOST_FREQUENCIES]:
            role = "frequency-%d" % cpu
            if role not in self._files:
                self._open(role, _frequency_file(self._root, cpu))
        processes = {pid: _process_texts(pid) for pid in pids}
        texts = {role: _pread(file, self._bytes) for role, file in self._files.items() if file >= 0}
        return Reading(texts, cpus, processes)

    def close(self) -> None:
        """Close all files."""
        for file in self._files.values():
            if file >= 0:
                os.close(file)
        self._files.clear()

    def _open(self, role: str, path: str) -> None:
        """Open the file and keep it open; -1 marks a missing file, so that it is tried only once."""
        try:
            self._files[role] = os.open(path, os.O_RDONLY)
        except OSError:
            self._files[role] = -1


def load_between(before: Reading, after: Reading, cpu_ns: Optional[int]) -> Dict[str, int]:
    """System load between two readings, in ns and counts; unknown values are left out.

    ``cpu_ns`` is the CPU time of the cell's own processes in between (None: unknown). ``idle_ns`` and ``steal_ns`` are
    sums over the ``cpus_used``; ``frequency_khz`` is the lowest frequency after the batch.
    """
    found = {"window_ns": after.at_ns - before.at_ns}
    if after.cpus:
        found["cpus_used"] = len(after.cpus)
        found.update(_idle_and_steal(before, after))
    if cpu_ns is not None:
        found["own_cpu_ns"] = cpu_ns
    for name in PRESSURES:
        found.update(_pressure(name, before, after))
    found.update(_process_changes(before, after))
    frequencies = [_integer(text) for role, text in after.texts.items() if role.startswith("frequency-")]
    known = [frequency for frequency in frequencies if frequency]
    if known:
        found["frequency_khz"] = min(known)
    return found


def inherited_cpu_ns(before: Reading, after: Reading) -> int:
    """CPU time in ns that living children inherited from their ended children, such as a fork server's workers.

    A control group includes this time; natively it is counted only here.
    """
    ticks = 0
    for pid, texts in after.processes.items():
        if pid != os.getpid() and pid in before.processes:
            now, then = (_fields(one.get("stat", b"")) for one in (texts, before.processes[pid]))
            if now and then:
                ticks += sum(now[field] - then[field] for field in (DEAD_USER, DEAD_SYSTEM))
    return ticks * tick_ns() if ticks > 0 else 0


def tick_ns() -> int:
    """Length of one clock tick, the unit of /proc/stat, in nanoseconds."""
    return round(1e9 / os.sysconf("SC_CLK_TCK"))


def _machine_files(root: str) -> Dict[str, str]:
    files = {"stat": os.path.join(root, "proc/stat")}
    for name in PRESSURES:
        files["pressure-" + name] = os.path.join(root, "proc/pressure", name)
    return files


def _frequency_file(root: str, cpu: int) -> str:
    return os.path.join(root, "sys/devices/system/cpu/cpu%d/cpufreq/scaling_cur_freq" % cpu)


def _cpus_of(pids: Iterable[int]) -> FrozenSet[int]:
    """Numbers of the CPUs that any of these processes may use; empty if the system does not report them."""
    found: Set[int] = set()
    if hasattr(os, "sched_getaffinity"):
        for pid in pids:
            try:
                found |= os.sched_getaffinity(pid)
            except OSError:
                continue
    return frozenset(found)


def _process_texts(pid: int) -> Dict[str, bytes]:
    found = {}
    for name in ("stat", "sched"):
        try:
            with open(cgroup.PROC + "%d/%s" % (pid, name), "rb", buffering=0) as file:
                found[name] = file.read(8192)
        except OSError:
            continue
    return found


def _pread(file: int, size: int) -> bytes:
    try:
        return os.pread(file, size, 0)
    except OSError:  # pressure files exist but cannot be read if the kernel was started with psi=0
        return b""


def _idle_and_steal(before: Reading, after: Reading) -> Dict[str, int]:
    """Idle and stolen time in ns, summed over the used CPUs; empty if one of them has no line."""
    one, other = (_cpu_lines(reading.texts.get("stat", b"")) for reading in (before, after))
    if not all(cpu in one and cpu in other for cpu in after.cpus):
        return {}
    differences = [[b - a for a, b in zip(one[cpu], other[cpu])] for cpu in after.cpus]
    tick = tick_ns()
    # iowait, and on some kernels idle, may run backwards by one tick.
    found = {"idle_ns": max(0, sum(each[IDLE] + each[IOWAIT] for each in differences)) * tick}
    if all(len(each) > STEAL for each in differences):
        found["steal_ns"] = max(0, sum(each[STEAL] for each in differences)) * tick
    return found


def _cpu_lines(text: bytes) -> Dict[int, List[int]]:
    found = {}
    for line in text.split(b"\n"):
        words = line.split()
        if words and words[0].startswith(b"cpu") and words[0] != b"cpu" and len(words) > IOWAIT + 1:
            found[int(words[0][3:])] = [int(word) for word in words[1:]]
    return found


def _pressure(name: str, before: Reading, after: Reading) -> Dict[str, int]:
    """Time in ns during which some, or all, tasks of the machine waited for this resource (accounting/psi.rst)."""
    one, other = (_pressure_totals(reading.texts.get("pressure-" + name, b"")) for reading in (before, after))
    return {"pressure_%s_%s_ns" % (name, share): (other[share] - one[share]) * 1000 for share in other if share in one}


def _pressure_totals(text: bytes) -> Dict[str, int]:
    found = {}
    for line in text.decode("ascii", "replace").splitlines():
        share, _, rest = line.partition(" ")
        total = rest.rpartition("total=")[2]
        if total.isdigit():
            found[share] = int(total)
    return found


def _process_changes(before: Reading, after: Reading) -> Dict[str, int]:
    """Moves between CPUs and major page faults of the processes that lived through the batch."""
    faults = moved = migrations = 0
    seen = counted = False
    for pid, texts in after.processes.items():
        then = before.processes.get(pid, {})
        now_fields, then_fields = _fields(texts.get("stat", b"")), _fields(then.get("stat", b""))
        if now_fields and then_fields:
            seen = True
            faults += sum(now_fields[field] - then_fields[field] for field in (MAJOR_FAULTS, DEAD_MAJOR_FAULTS))
            moved += now_fields[LAST_CPU] != then_fields[LAST_CPU]
        now_count, then_count = _migrations(texts.get("sched", b"")), _migrations(then.get("sched", b""))
        if now_count is not None and then_count is not None:
            counted = True
            migrations += now_count - then_count
    found = {"major_faults": max(0, faults), "moved_processes": moved} if seen else {}
    if counted:
        found["migrations"] = migrations
    return found


def _fields(text: bytes) -> List[int]:
    """Numbers of /proc/PID/stat from the state (as 0) to the last CPU; empty if they are missing."""
    words = text.rpartition(b")")[2].split()
    if len(words) <= LAST_CPU:
        return []
    return [0, *map(int, words[1 : LAST_CPU + 1])]


def _migrations(text: bytes) -> Optional[int]:
    for line in text.split(b"\n"):
        if line.startswith(b"se.nr_migrations"):
            return _integer(line.rpartition(b":")[2])
    return None


def _integer(text: bytes) -> Optional[int]:
    try:
        return int(text)
    except ValueError:
        return None
