"""A busy neighbour: a process of ours that takes all it gets of one CPU, for a machine that is loaded on purpose.

It watches its standard input, which closes when the lab ends in whatever way, so that it never outlives the lab: not
after Ctrl-C, and not after a kill that no ``finally`` sees.

A machine that is loaded on purpose: the lab must name it, and must say nothing there that the quiet one contradicts.

The same cells run on two arms of each target, in one run: as the machine is, and with a busy loop on one of the cell's
CPUs (``lab.validation.selfcheck.loaded``). So both halves see the same minutes, and differ by the neighbour alone.
Cells are of several families, on one CPU and on two, and feed claims.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Container, Iterator, Sequence
from fnmatch import fnmatchcase

import psutil

from lab.agent.scenario import discover
from lab.model import Cell, RunWith, Target
from lab.planning import cells as plan
from lab.planning.profiles import profile
from lab.targets import Runner, Running
from lab.targets.request import Request
from lab.validation.selfcheck.session import Arm, Session, Size, carry_out
from lab.validation.selfcheck.setup import Bench

BUSY = """
import os, sys, threading
def end_with_the_lab():
    sys.stdin.buffer.read()
    os._exit(0)
sys.stdin.buffer.readline()
threading.Thread(target=end_with_the_lab, daemon=True).start()
print("busy", flush=True)
while True:
    pass
"""


@contextlib.contextmanager
def busy_neighbour(cpu: int | None) -> Iterator[int]:
    """A busy loop on this CPU while the context lasts (None: wherever the system puts it); its process id."""
    process = subprocess.Popen(
        [sys.executable, "-I", "-c", BUSY], stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
    )
    try:
        if cpu is not None:
            psutil.Process(process.pid).cpu_affinity([cpu])
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(b"go\n")  # bound before it begins: no other CPU sees any of its load
        process.stdin.flush()
        process.stdout.readline()
        yield process.pid
    finally:
        process.kill()
        process.communicate()


class LoadedRunner:
    """A runner that puts the neighbour beside some of its targets, and beside no other."""

    def __init__(self, runner: Runner, loaded: Container[str]) -> None:
        """``loaded``: ids of the targets that have a neighbour."""
        self._runner = runner
        self._loaded = loaded

    @contextlib.contextmanager
    def start(self, target: Target, cpus: list[int] | None, request: Request) -> Iterator[Running]:
        """As the runner does; the neighbour, on the first of the target's CPUs, is there before and gone after it."""
        with contextlib.ExitStack() as around:
            if target.id in self._loaded:
                around.enter_context(busy_neighbour(cpus[0] if cpus else None))
            yield around.enter_context(self._runner.start(target, cpus, request))

    def cpus_for(self, target: Target, round_number: int) -> list[int] | None:
        """The runner's."""
        return self._runner.cpus_for(target, round_number)

    def remove_leftovers(self, run_id: str) -> int:
        """The runner's."""
        return self._runner.remove_leftovers(run_id)

    def describe(self, target: Target) -> RunWith:
        """The runner's."""
        return self._runner.describe(target)


NAME = "loaded"
FEW = (
    "ipc.round_trip/pipe-64-*_cpu",
    "process.start/fork-same_cpu",
    "pool.scaling/pure_python-serial-1",
    "pool.scaling/pure_python-processes-fork-2",
    "state.update/value-write-1",
    "sync.primitives/lock-uncontended-processes",
)
CELLS = (
    *FEW,
    "ipc.round_trip/duplex_pipe-64-same_cpu-object",
    "ipc.round_trip/queue-64-same_cpu",
    "process.start/spawn-same_cpu",
    "process.switch/*-semaphore",
    "pool.scaling/pure_python-threads-2",
    "pool.scaling/pure_python-processes-fork-1",
    "state.manager/value-set-same_cpu",
)


def arms_of(bench: Bench) -> tuple[Arm, ...]:
    """One CPU and two (where there are two), each as it is and loaded; the loaded one follows the one as it is."""
    return tuple(
        Arm(target=bench.target(cpus, "-loaded" if loaded else "-quiet"), loaded=loaded)
        for cpus in range(1, min(2, bench.cpus) + 1)
        for loaded in (False, True)
    )


def chosen_cells(target: Target, patterns: Sequence[str]) -> list[Cell]:
    """The cells of these patterns that the profile ``quick`` has on a target; none that needs more CPUs than it has."""
    every = plan.cells(discover().values(), [target], profile("quick"))
    return [
        cell
        for cell in every
        if any(fnmatchcase(cell.case_key, pattern) for pattern in patterns)
        and (target.limit.cpus > 1 or "cross_cpu" not in dict(cell.values).values())
    ]


def measure(bench: Bench, arms: Sequence[Arm], size: Size, patterns: Sequence[str] = CELLS) -> Session:
    """Run both halves, interleaved, in ``folder/loaded``."""
    cells = [cell for arm in arms for cell in chosen_cells(arm.target, patterns)]
    runner = LoadedRunner(bench.runner(), {arm.target.id for arm in arms if arm.loaded})
    return carry_out(bench, NAME, arms, cells, size, runner=runner)
