"""Memory of a waiting worker by start method and version: its share of everything, and what is its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.report import theme
from lab.report.figures.dots import Axis, Dot, draw_dots, version_legend
from lab.report.figures.drawing import Drawing, Missing, as_estimate, distinct, notes
from lab.report.figures.process_start import method_order, name
from lab.report.labels import size
from lab.report.sheet import Legend, Text, entry
from lab.report.targets import plural

if TYPE_CHECKING:
    from lab.report.data import Row, RunData

SCENARIO = "process.memory"
OPERATION = "worker_memory"
MIB = 2.0**-20
NOTE = "A forked worker shares with its parent until one of them writes; a spawned one has loaded everything itself."


def draw(data: RunData) -> Drawing | Missing:
    """A panel a limit and number of workers; filled: proportional set size, hollow: unique set size."""
    shared, own = data.pick(SCENARIO, OPERATION, "pss"), data.pick(SCENARIO, OPERATION, "uss")
    if not shared:
        return Missing("no worker's memory was looked at")
    targets = list(data.targets)
    rows = sorted([*shared, *own], key=lambda row: (targets.index(row.target), row.workers or 0, method_order(row)))
    styles = theme.versions(data.targets[row.target] for row in rows)
    kinds = [
        entry("PSS: its own pages and its share of shared ones", theme.MUTED, "o"),
        entry("USS: what its end would free", theme.MUTED, "o", hollow=True),
    ]
    text = Text(
        title="How much memory does a worker take?",
        subtitle="A process that has been started and waits, looked at from outside. Lower is better.",
        notes=notes(data, rows, NOTE),
        legends=(version_legend(styles), Legend("Shown", kinds)),
    )
    names = distinct(name(row) for row in sorted(rows, key=method_order))
    low, high = (pick(shared, key=lambda row: row.estimate or 0.0) for pick in (min, max))
    axis = Axis(label="MiB a worker", logarithmic=False)
    return Drawing(
        draw_dots([dot(data, row) for row in rows], names, text, axis, styles),
        f"Memory of a waiting worker (PSS): from {size(low.estimate or 0)} ({name(low)}, {low.target}) "
        f"to {size(high.estimate or 0)} ({name(high)}, {high.target}).",
    )


def dot(data: RunData, row: Row) -> Dot:
    """One start method on one target."""
    target = data.targets[row.target]
    return Dot(
        panel=f"{target.panel}\n{plural(row.workers, 'worker')}",
        name=name(row),
        version=target.version,
        value=as_estimate(row, MIB),
        hollow=row.metric == "uss",
    )
