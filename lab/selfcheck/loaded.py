"""A machine that is loaded on purpose: the lab must name it, and must say nothing there that the quiet one contradicts.

The same cells run on two arms of each target, in one run: as the machine is, and with a busy loop on one of the cell's
CPUs (``lab.selfcheck.neighbour``). So both halves see the same minutes, and differ by the neighbour alone. Cells are of
several families, on one CPU and on two, and feed claims.
"""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase

from lab import plan
from lab.agent.scenario import discover
from lab.plan import Cell, Target
from lab.profiles import profile
from lab.selfcheck.bench import Bench
from lab.selfcheck.neighbour import LoadedRunner
from lab.selfcheck.session import Arm, Session, Size, carry_out

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
