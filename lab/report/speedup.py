"""Speed-ups of ``pool.scaling``: serial time of the same target over the time of the job, paired by round."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab.report.labels import WORKS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lab.report.data import Row, RunData
    from lab.report.targets import Target
    from lab.stats.rounds import Estimate

SCENARIO = "pool.scaling"
ORDER = ("threads", "processes", "interpreters", "independent")


@dataclass(frozen=True, kw_only=True)
class Speedup:
    """The speed-up of one executor with one number of workers."""

    target: Target
    row: Row
    workers: int
    value: Estimate

    @property
    def line(self) -> tuple[str, str | None]:
        """Executor and start method: the line of a figure that the speed-up belongs to."""
        return self.row.executor or "", self.row.start_method

    @property
    def cpus(self) -> float | None:
        """The CPUs that limit the speed-up; None for waiting, which needs no CPU."""
        return None if self.row.work == "waiting" else self.target.cpus

    @property
    def ideal(self) -> float:
        """The largest speed-up that the CPU limit allows."""
        return ideal(self.workers, self.cpus)

    @property
    def efficiency(self) -> Estimate:
        """The speed-up over the ideal."""
        return self.value.scaled(1 / self.ideal)


def ideal(workers: float, cpus: float | None) -> float:
    """The ideal speed-up over the serial job under the same limit: min(workers, C) / min(1, C) on C CPUs.

    On whole CPUs this is min(workers, C). Under a quota below one CPU the serial job already uses the whole quota, so
    the ideal is 1 for any number of workers.
    """
    if not cpus:
        return workers
    return min(workers, cpus) / min(1.0, cpus)


def speedups(data: RunData) -> list[Speedup]:
    """All speed-ups by target, work and executor; a target without a serial time has none."""
    rows = data.pick(SCENARIO, "job")
    serial = {(row.target, row.work): row for row in rows if row.executor == "serial"}
    found = []
    for row in rows:
        base = serial.get((row.target, row.work))
        if row.executor == "serial" or base is None or row.workers is None:
            continue
        value = data.per_round.ratio(base.key, row.key)
        if value is not None:
            found.append(Speedup(target=data.targets[row.target], row=row, workers=row.workers, value=value))
    places = {name: place for place, name in enumerate(data.targets)}
    return sorted(found, key=lambda item: (places[item.row.target], item.row.work or "", *line_order(item.line)))


def work_order(work: str) -> tuple[int, str]:
    """Sort key: known kinds of work in their order, then the others by name."""
    return (list(WORKS).index(work) if work in WORKS else len(WORKS)), work


def line_order(line: tuple[str, str | None]) -> tuple[int, str]:
    """Sort key: executors as in ``ORDER``, then by start method."""
    executor, start_method = line
    return ORDER.index(executor) if executor in ORDER else len(ORDER), start_method or ""


def lines(found: Iterable[Speedup]) -> list[tuple[str, str | None]]:
    """Executors with their start methods, without the measured capacity."""
    return sorted({item.line for item in found if item.row.executor != "independent"}, key=line_order)
