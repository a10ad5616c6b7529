"""Start and join of a process by start method and version."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.report import theme
from lab.report.figures.dots import Axis, Dot, draw_dots, version_legend
from lab.report.figures.drawing import Drawing, Missing, as_estimate, distinct, notes
from lab.report.labels import duration, plain
from lab.report.sheet import Legend, Text, entry

if TYPE_CHECKING:
    from lab.report.data import Row, RunData

SCENARIO = "process.start"
METHODS = ("fork", "forkserver", "spawn", "default")
MS = 1e-6
FREE_NOTE = "Where the scheduler was free to place both sides, panels must not be compared with each other."


def draw(data: RunData) -> Drawing | Missing:
    """A panel a limit (and placement); filled: a process like the tenth, hollow: the first of its parent."""
    rows = [row for row in data.pick(SCENARIO) if row.operation in ("start_join", "first_start_join")]
    if not rows:
        return Missing("no start method was timed")
    targets = list(data.targets)
    rows.sort(key=lambda row: (targets.index(row.target), row.placement or "", method_order(row)))
    styles = theme.versions(data.targets[row.target] for row in rows)
    several = len({row.placement for row in rows}) > 1
    names = distinct(row.start_method or "" for row in sorted(rows, key=method_order))
    dots = [dot(data, row, several=several) for row in rows]
    kinds = [
        entry("start() and join(), repeated", theme.MUTED, "o"),
        entry("the first of its parent (forkserver starts its server then)", theme.MUTED, "o", hollow=True),
    ]
    free = any(row.placement == "free" for row in rows)
    text = Text(
        title="What does starting a process cost?",
        subtitle="Time from start() until join() has returned, of a process that does nothing. Lower is better.",
        notes=notes(data, rows, FREE_NOTE if free else ""),
        legends=(version_legend(styles), Legend("Shown", kinds)),
    )
    repeated = [row for row in rows if row.operation == "start_join"] or rows
    low, high = (pick(repeated, key=lambda row: row.estimate or 0.0) for pick in (min, max))
    return Drawing(
        draw_dots(dots, names, text, Axis(label="ms a process (log)"), styles),
        f"Start and join by start method: from {duration(low.estimate or 0)} ({low.start_method}, {low.target}) "
        f"to {duration(high.estimate or 0)} ({high.start_method}, {high.target}).",
    )


def method_order(row: Row) -> int:
    """Known methods first, the interpreter's own choice last."""
    return METHODS.index(row.start_method) if row.start_method in METHODS else len(METHODS)


def dot(data: RunData, row: Row, *, several: bool) -> Dot:
    """One method on one target."""
    target = data.targets[row.target]
    return Dot(
        panel=target.panel + (f"\n{plain(row.placement)}" if several else ""),
        name=row.start_method or "",
        version=target.version,
        value=as_estimate(row, MS),
        hollow=row.operation == "first_start_join",
    )
