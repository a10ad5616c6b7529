"""Which CPU each side of a measurement runs on.

One 64-byte round trip takes 10 to 15 us on one CPU and about 50 us across two on a virtual machine (waking a halted
CPU), so placement is an axis and never left to chance without being labelled ``free``.
"""

from __future__ import annotations

import os
import sys

from lab.agent import affinity, cgroup

TYPE_CHECKING = False
if TYPE_CHECKING:
    import subprocess
    from types import TracebackType
    from typing import List, Optional, Set, Tuple, Type

PLACEMENTS = ("same_cpu", "cross_cpu", "free", "cross_cpu_awake")


class PlacementError(RuntimeError):
    """A placement is not to be had here; the message is a reason that a user understands."""


def allowed_cpus() -> Optional[List[int]]:
    """CPU numbers that this process may use, or None where the system has no such interface."""
    return affinity.allowed()


def pin(cpus: Optional[List[int]]) -> None:
    """Bind this process to ``cpus`` (None: leave it). Called before any thread is started: threads inherit."""
    if cpus is not None:
        affinity.bind(cpus)


def pin_thread(cpus: Optional[List[int]]) -> None:
    """Bind the calling thread alone to ``cpus`` (None: leave it)."""
    if cpus is not None:
        affinity.bind_thread(cpus)


def pin_every_thread(cpus: List[int]) -> None:
    """Bind all threads of this process that live already, and those that they will start."""
    if os.path.isdir("/proc/self/task") and hasattr(os, "sched_setaffinity"):
        for task in os.listdir("/proc/self/task"):
            os.sched_setaffinity(int(task), cpus)
    else:
        affinity.bind(cpus)  # Windows binds the process as a whole


def sides(placement: str, round_number: int) -> Tuple[Optional[List[int]], Optional[List[int]]]:
    """CPUs of the parent's and of the child's side; None means unbound.

    The CPU that comes first alternates by round, so that no CPU serves one side alone.

    Raises:
        PlacementError: too few CPUs, or no way to bind a process here.
    """
    if placement == "free":
        return None, None
    cpus = allowed_cpus()
    if cpus is None:
        raise PlacementError("this system has no interface to bind a process to a CPU")
    first = cpus[round_number % len(cpus)]
    if placement == "same_cpu":
        return [first], [first]
    if placement == "cross_cpu_awake" and not hasattr(os, "SCHED_IDLE"):
        raise PlacementError("keeping a CPU awake needs Linux's idle scheduling class (SCHED_IDLE)")
    if len(cpus) == 1:
        raise PlacementError("%s needs two CPUs, this target has one" % placement)
    return [first], [cpus[(round_number + 1) % len(cpus)]]


def last_cpus(pids: Set[int]) -> List[int]:
    """The CPU that each process last ran on (field 39 of ``/proc/PID/stat``), sorted; empty where unknown."""
    seen = set()
    for pid in pids:
        try:
            with open(cgroup.PROC + "%d/stat" % pid, encoding="ascii", errors="replace") as file:
                seen.add(int(file.read().rpartition(")")[2].split()[36]))
        except (OSError, IndexError, ValueError):
            continue
    return sorted(seen)


class KeptAwake:
    """While entered, one SCHED_IDLE spinner a CPU keeps it from halting; any other task runs before the spinner."""

    def __init__(self, cpus: List[int]) -> None:
        self._cpus = cpus
        self._spinners: List[subprocess.Popen[bytes]] = []

    def __enter__(self) -> None:
        import subprocess

        for cpu in self._cpus:
            code = (
                "import os\nos.sched_setaffinity(0, [%d])\n"
                "os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))\nwhile True: pass" % cpu
            )
            self._spinners.append(subprocess.Popen([sys.executable, "-I", "-S", "-c", code]))

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        for spinner in self._spinners:
            spinner.kill()
            spinner.wait()
