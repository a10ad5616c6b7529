"""One job by each model of concurrency, compute-bound and I/O-bound."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.report.drawing import theme
from lab.report.drawing.dots import Axis, Dot, draw_rows
from lab.report.drawing.drawing import Drawing, Missing, as_estimate, from_to, notes
from lab.report.drawing.layout import Legend, Text, entry
from lab.report.labels import counted

if TYPE_CHECKING:
    from lab.report.data import Row, RunData

SCENARIO = "model.compare"
MS = 1e-6
EXECUTORS = ("serial", "threads", "asyncio", "interpreters", "processes")
SHORT = {"pure_python": "Python", "hashing": "hashing", "io": "I/O"}
IO_NOTE = "I/O: each task is a connection of its own to a server on loopback that answers after 2 ms."


def draw(data: RunData) -> Drawing | Missing:
    """A panel a limit; filled: the workers are there, hollow: started and ended with the job."""
    places = list(data.targets)
    rows = [row for row in data.pick(SCENARIO) if row.operation in ("job", "job_with_start")]
    if not rows:
        return Missing("no models of concurrency were compared")
    rows.sort(key=lambda row: (places.index(row.target), order(row)))
    kinds = [
        entry("the workers are there", theme.MUTED, "o"),
        entry("the workers are started and ended with the job", theme.MUTED, "o", hollow=True),
    ]
    text = Text(
        title="Threads, processes, interpreters or asyncio?",
        subtitle=f"Time of one job of {rows[0].tasks} tasks, by kind of work and model. Lower is better.",
        notes=notes(data, rows, IO_NOTE),
        legends=(Legend("Shown", kinds),),
    )
    return Drawing(
        draw_rows(data, rows, dot, order=order, text=text, axis=Axis(label="ms a job (log)")),
        f"Time of one job: {from_to(rows, name)}.",
    )


def order(row: Row) -> tuple[str, int, int]:
    """By kind of work, I/O last; within, serial first."""
    known = EXECUTORS.index(row.executor) if row.executor in EXECUTORS else len(EXECUTORS)
    return "~" if row.work == "io" else row.work or "", known, row.workers or 0


def name(row: Row) -> str:
    """``I/O, 8 threads``."""
    if row.executor in ("serial", "asyncio"):
        at_once = f", {row.workers} at once" if row.executor == "asyncio" and row.work == "io" else ""
        words = f"{row.executor}{at_once}"
    else:
        words = counted(row.workers, row.executor)
    return f"{SHORT.get(row.work or '', row.work)}, {words}"


def dot(data: RunData, row: Row) -> Dot:
    """One model on one target."""
    target = data.targets[row.target]
    return Dot(
        panel=target.panel,
        name=name(row),
        version=target.version,
        value=as_estimate(row, MS),
        hollow=row.operation == "job_with_start",
    )
