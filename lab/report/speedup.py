"""Speed-up of ``pool.scaling``: the serial time of the same target over the time of the job, paired by round."""

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
    """How many times the serial speed one way of sharing the job out reaches."""

    target: Target
    row: Row
    workers: int
    value: Estimate

    @property
    def line(self) -> tuple[str, str | None]:
        """Executor and start method."""
        return self.row.executor or "", self.row.start_method

    @property
    def cpus(self) -> float | None:
        """The CPUs that bound it; None for waiting, which needs none."""
        return None if self.row.work == "waiting" else self.target.cpus

    @property
    def ideal(self) -> float:
        """What the limit allows at most."""
        return ideal(self.workers, self.cpus)

    @property
    def efficiency(self) -> Estimate:
        """The share of the ideal that is reached."""
        return self.value.scaled(1 / self.ideal)


def ideal(workers: float, cpus: float | None) -> float:
    """The most that so many workers can gain over the serial job under the same limit.

    On C whole CPUs that is min(workers, C). Under a quota below one CPU the serial job already spends all of it, so
    that no number of workers gains anything: min(workers, C) / min(1, C) = 1.
    """
    if not cpus:
        return workers
    return min(workers, cpus) / min(1.0, cpus)


def speedups(data: RunData) -> list[Speedup]:
    """All of them, in the order of targets and then executors; a target without a serial time has none."""
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
    """Known kinds of work in their order, then the others."""
    return (list(WORKS).index(work) if work in WORKS else len(WORKS)), work


def line_order(line: tuple[str, str | None]) -> tuple[int, str]:
    """Threads before processes before what is measured as capacity."""
    executor, start_method = line
    return ORDER.index(executor) if executor in ORDER else len(ORDER), start_method or ""


def lines(found: Iterable[Speedup]) -> list[tuple[str, str | None]]:
    """The executors with their start methods, the capacity left out."""
    return sorted({item.line for item in found if item.row.executor != "independent"}, key=line_order)
