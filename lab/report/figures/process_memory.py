"""Memory of a waiting worker by start method and version: its share of everything, and what is its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.report.drawing import theme
from lab.report.drawing.dots import Axis, Dot, draw_rows
from lab.report.drawing.drawing import Drawing, Missing, as_estimate, from_to, notes
from lab.report.drawing.layout import Legend, Text, entry
from lab.report.figures.process_start import method_order, name
from lab.report.labels import size
from lab.text import plural

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
    kinds = [
        entry("PSS: its own pages and its share of shared ones", theme.MUTED, "o"),
        entry("USS: what its end would free", theme.MUTED, "o", hollow=True),
    ]
    text = Text(
        title="How much memory does a worker take?",
        subtitle="A process that has been started and waits, looked at from outside. Lower is better.",
        notes=notes(data, rows, NOTE),
        legends=(Legend("Shown", kinds),),
    )
    return Drawing(
        draw_rows(data, rows, dot, order=method_order, text=text, axis=Axis(label="MiB a worker", logarithmic=False)),
        f"Memory of a waiting worker (PSS): {from_to(shared, name, size)}.",
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
