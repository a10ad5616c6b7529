"""A finding, and what finders share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab.report.targets import largest

if TYPE_CHECKING:
    from lab.report.data import Row, RunData
    from lab.report.targets import Target


@dataclass(frozen=True)
class Finding:
    """One answer in words, with the figure that shows it; a count has no interval."""

    text: str
    figure: str | None
    counted: bool = False


def best_target(data: RunData, rows: Sequence[Row]) -> Target | None:
    """Of the targets that have these rows the one that stands for the run."""
    measured = {row.target for row in rows}
    return largest([target for target in data.targets.values() if target.id in measured])


def of_target(rows: Sequence[Row], target: Target) -> list[Row]:
    """The rows of one target."""
    return [row for row in rows if row.target == target.id]


def nearest_workers(rows: Sequence[Row], cpus: float | None) -> int:
    """The measured worker count nearest to the CPUs: fixed beforehand, not picked for its time."""
    wanted = cpus or 1
    return min((row.workers or 1 for row in rows), key=lambda count: (abs(count - wanted), count))
