"""A finding, and the selection of targets and cells that all of them use."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab.report.targets import largest
from lab.text import plural

if TYPE_CHECKING:
    from lab.report.data import Row, RunData
    from lab.report.targets import Target


NAMED = 3  # cells that are named where several cannot be distinguished


@dataclass(frozen=True)
class Finding:
    """One answer in words, with the figure that shows it; a count has no interval."""

    text: str
    figure: str | None
    counted: bool = False


def best_target(data: RunData, rows: Sequence[Row]) -> Target | None:
    """Return, of the targets that have these rows, the one that represents the run."""
    measured = {row.target for row in rows}
    return largest([target for target in data.targets.values() if target.id in measured])


def of_target(rows: Sequence[Row], target: Target) -> list[Row]:
    """Return the rows of one target."""
    return [row for row in rows if row.target == target.id]


@dataclass(frozen=True, kw_only=True)
class Extremes:
    """The fastest and the slowest of some cells; ``open``: those that cannot be distinguished from the fastest."""

    fastest: Row
    slowest: Row
    open: tuple[Row, ...]


def extremes(data: RunData, rows: Sequence[Row]) -> Extremes:
    """Return the fastest of these rows by ``lab.stats.best``, and the slowest by its estimate."""
    (found,) = data.standings(rows)
    low = min(rows, key=lambda row: (row.key not in found or not found[row.key].fastest, row.estimate or 0.0))
    others = [row for row in rows if row is not low]
    unconfirmed = tuple(row for row in others if row.key in found and not found[row.key].slower)
    return Extremes(fastest=low, slowest=max(rows, key=lambda row: row.estimate or 0.0), open=unconfirmed)


def standing_words(found: Extremes, name: Callable[[Row], str]) -> str:
    """Return what the fastest cannot be distinguished from: `` (estimate; not distinguishable from fifo, mmap)``."""
    names = [name(row) for row in found.open]
    listed = ", ".join(names) if len(names) <= NAMED else plural(len(names), "other")
    return f" (estimate; not distinguishable from {listed})" if names else ""


def nearest_workers(rows: Sequence[Row], cpus: float | None) -> int:
    """Return the measured worker count nearest to the CPUs: fixed beforehand, not selected for its time."""
    wanted = cpus or 1
    return min((row.workers or 1 for row in rows), key=lambda count: (abs(count - wanted), count))
