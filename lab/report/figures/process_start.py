"""Start and join of a process by start method and version."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from lab.report.drawing import theme
from lab.report.drawing.dots import Axis, Dot, draw_rows
from lab.report.drawing.drawing import Drawing, Missing, as_estimate, from_to, notes
from lab.report.drawing.layout import Legend, Text, entry
from lab.report.labels import plain

if TYPE_CHECKING:
    from lab.report.data import Row, RunData

SCENARIO = "process.start"
METHODS = ("fork", "forkserver", "spawn", "default")
MS = 1e-6
FREE_NOTE = "Where the scheduler was free to place both sides, panels must not be compared with each other."


PYC_NOTE = "no .pyc: each child compiles what it imports, as in official slim images with a read-only root."


def draw(data: RunData) -> Drawing | Missing:
    """A panel a limit (and placement); filled: a process like the tenth, hollow: the first of its parent."""
    rows = [row for row in data.pick(SCENARIO) if row.operation in ("start_join", "first_start_join")]
    rows = [row for row in rows if is_plain(row) or row.operation == "start_join"]
    if not rows:
        return Missing("no start method was timed")
    targets = list(data.targets)
    rows.sort(key=lambda row: (targets.index(row.target), row.placement or "", method_order(row)))
    several = len({row.placement for row in rows}) > 1
    kinds = [
        entry("start() and join(), repeated", theme.MUTED, "o"),
        entry("the first of its parent (forkserver starts its server then)", theme.MUTED, "o", hollow=True),
    ]
    free = any(row.placement == "free" for row in rows)
    text = Text(
        title="What does starting a process cost?",
        subtitle="Time from start() until join() has returned, of a process that does nothing. Lower is better.",
        notes=notes(data, rows, FREE_NOTE if free else "", PYC_NOTE if any(map(is_shipped, rows)) else ""),
        legends=(Legend("Shown", kinds),),
    )
    repeated = [row for row in rows if row.operation == "start_join" and is_plain(row)] or rows
    return Drawing(
        draw_rows(
            data,
            rows,
            partial(dot, several=several),
            order=method_order,
            text=text,
            axis=Axis(label="ms a process (log)"),
        ),
        f"Start and join by start method: {from_to(repeated, lambda row: row.start_method)}.",
    )


def method_order(row: Row) -> tuple[int, str]:
    """Known methods first, the interpreter's own choice last; of each the plain start first."""
    known = METHODS.index(row.start_method) if row.start_method in METHODS else len(METHODS)
    return known, "" if is_plain(row) else row.case


def is_plain(row: Row) -> bool:
    """A main program without imports, from cached bytecode."""
    return row.variant.get("imports", "none") == "none" and not is_shipped(row)


def is_shipped(row: Row) -> bool:
    """Without cached bytecode."""
    return bool(row.variant.get("bytecode") == "shipped")


def name(row: Row) -> str:
    """The start method, and what else is not as usual."""
    parts = [row.start_method or ""]
    if row.variant.get("imports", "none") != "none":
        parts.append(f"{row.variant['imports']} imports")
    if is_shipped(row):
        parts.append("no .pyc")
    return ", ".join(parts)


def dot(data: RunData, row: Row, *, several: bool) -> Dot:
    """One method on one target."""
    target = data.targets[row.target]
    return Dot(
        panel=target.panel + (f"\n{plain(row.placement)}" if several else ""),
        name=name(row),
        version=target.version,
        value=as_estimate(row, MS),
        hollow=row.operation == "first_start_join",
    )
