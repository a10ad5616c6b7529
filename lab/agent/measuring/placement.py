"""Which CPU each side of a measurement runs on.

One 64-byte round trip takes 10 to 15 us on one CPU and about 50 us across two on a virtual machine (waking a halted
CPU), so placement is an axis and never left to chance without being labelled ``free``.
"""

from __future__ import annotations

import os

from lab.agent import interpreter
from lab.agent.facts import cgroup
from lab.agent.measuring import affinity

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


SPINNER = """import os
os.sched_setaffinity(0, [%d])
os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
os.write(1, b".")
while True: pass"""


class KeptAwake:
    """While entered, one SCHED_IDLE spinner a CPU keeps it from halting; any other task runs before the spinner.

    Nothing is measured before each is in its class: until then it would take its CPU like any other task.

    Raises:
        PlacementError: a spinner could not be had, or did not spin until the end.
    """

    def __init__(self, cpus: List[int]) -> None:
        self._cpus = cpus
        self._spinners: List[subprocess.Popen[bytes]] = []

    def __enter__(self) -> None:
        try:
            for cpu in self._cpus:
                self._start(cpu)
        except BaseException:
            self._stop()
            raise

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        lived = all(spinner.poll() is None for spinner in self._spinners)
        self._stop()
        if kind is None and not lived:
            raise PlacementError("what should keep a CPU awake did not run until the end")

    def _start(self, cpu: int) -> None:
        import subprocess

        spinner = subprocess.Popen(interpreter.command("-S", "-c", SPINNER % cpu), stdout=subprocess.PIPE)
        self._spinners.append(spinner)
        assert spinner.stdout is not None
        with spinner.stdout as told:
            if not told.read(1):
                raise PlacementError("CPU %d is not kept awake: its spinner ended with code %s" % (cpu, spinner.wait()))

    def _stop(self) -> None:
        for spinner in self._spinners:
            spinner.kill()
            spinner.wait()
