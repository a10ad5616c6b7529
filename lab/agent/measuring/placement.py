"""Placement: the CPU that each side of a measurement runs on.

On a virtual machine a round trip of 64 bytes takes 10 to 15 us on one CPU and about 50 us across two, because a halted
CPU must be woken. So placement is an axis, and unbound processes are labelled ``free``.
"""

from __future__ import annotations

import os

from lab.agent import interpreter
from lab.agent.facts import cgroup, topology
from lab.agent.measuring import affinity, cores

TYPE_CHECKING = False
if TYPE_CHECKING:
    import subprocess
    from types import TracebackType
    from typing import List, Optional, Set, Tuple, Type

PLACEMENTS = ("same_cpu", "cross_cpu", "free", "cross_cpu_awake", "smt_siblings")


class PlacementError(RuntimeError):
    """A placement is not possible on this target. The message is the reason that users read."""


def allowed_cpus() -> Optional[List[int]]:
    """CPU numbers that this process may use, sorted; None if the system has no such interface."""
    return affinity.allowed()


def pin(cpus: Optional[List[int]]) -> None:
    """Bind this process to ``cpus`` (None: leave it unbound). Call it before starting threads, which inherit this."""
    if cpus is not None:
        affinity.bind(cpus)


def pin_thread(cpus: Optional[List[int]]) -> None:
    """Bind the calling thread alone to ``cpus`` (None: leave it unbound)."""
    if cpus is not None:
        affinity.bind_thread(cpus)


def pin_every_thread(cpus: List[int]) -> None:
    """Bind all existing threads of this process, and the threads that they will start."""
    if os.path.isdir("/proc/self/task") and hasattr(os, "sched_setaffinity"):
        for task in os.listdir("/proc/self/task"):
            os.sched_setaffinity(int(task), cpus)
    else:
        affinity.bind(cpus)  # Windows binds the process as a whole


def sides(placement: str, round_number: int) -> Tuple[Optional[List[int]], Optional[List[int]]]:
    """CPUs of the parent's side and of the child's side; None means unbound.

    The pair alternates by round, so that no CPU always serves the same side.

    Raises:
        PlacementError: the target has too few CPUs, or processes cannot be bound.
    """
    if placement == "free":
        return None, None
    cpus = allowed_cpus()
    if cpus is None:
        raise PlacementError("this system has no interface to bind a process to a CPU")
    if placement == "cross_cpu_awake" and not hasattr(os, "SCHED_IDLE"):
        raise PlacementError("keeping a CPU awake needs the scheduling class SCHED_IDLE, which only Linux has")
    if placement != "same_cpu" and len(cpus) == 1:
        raise PlacementError("%s needs two CPUs, but this target has one" % placement)
    found = cores.pairs(placement, balanced(cpus), topology.cpu_locations(cpus))
    if not found:
        needed = "two threads of one core" if placement == "smt_siblings" else "two cores of one kind and NUMA node"
        raise PlacementError("%s needs %s, which the CPUs %s of this target do not have" % (placement, needed, cpus))
    mine, theirs = found[round_number % len(found)]
    return [mine], [theirs]


def team_cpus() -> Optional[List[int]]:
    """CPUs for the members of a team in turn, one thread per core first; None if processes cannot be bound."""
    cpus = allowed_cpus()
    return None if cpus is None else cores.spread(balanced(cpus), topology.cpu_locations(cpus))


def balanced(cpus: List[int]) -> List[int]:
    """The CPUs without isolated ones."""
    return cores.without_isolated(cpus, topology.isolated_cpus())


def are_cores_known(cpus: List[int]) -> bool:
    """Whether the system says which of the CPUs are threads of one core; otherwise each counts as a core."""
    return all("core" in place for place in topology.cpu_locations(cpus).values())


def last_cpus(pids: Set[int]) -> List[int]:
    """CPU numbers that the processes last ran on (field 39 of ``/proc/PID/stat``), sorted; empty if unknown."""
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
    """A context that keeps CPUs from halting, with one SCHED_IDLE process per CPU that spins and yields to any other.

    Entering it waits until each spinner is in its scheduling class, because until then it competes like any process.

    Raises:
        PlacementError: a spinner could not be started, or did not run until the end.
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
            raise PlacementError("a process that should keep a CPU awake did not run until the end")

    def _start(self, cpu: int) -> None:
        import subprocess

        spinner = subprocess.Popen(interpreter.command("-S", "-c", SPINNER % cpu), stdout=subprocess.PIPE)
        self._spinners.append(spinner)
        assert spinner.stdout is not None
        with spinner.stdout as output:
            if not output.read(1):
                raise PlacementError("CPU %d is not kept awake: its spinner ended with code %s" % (cpu, spinner.wait()))

    def _stop(self) -> None:
        for spinner in self._spinners:
            spinner.kill()
            spinner.wait()
