"""What one trivial task costs through each way of handing it to a pool."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from lab.report.drawing.dots import Axis, Dot, draw_rows
from lab.report.drawing.drawing import Drawing, Missing, as_estimate, from_to, notes
from lab.report.drawing.layout import Text
from lab.text import plural

if TYPE_CHECKING:
    from lab.report.data import Row, RunData

SCENARIO = "pool.api"
CALLS = ("apply", "apply_async", "map", "map_async", "starmap", "imap", "imap_unordered")
EXECUTOR_NOTE = "executor_…: concurrent.futures.ProcessPoolExecutor; the others: multiprocessing.Pool."
CHUNK_NOTE = "map, map_async and starmap hand over chunks of tasks, the other calls one task at a time."
US = 1e-3


def draw(data: RunData) -> Drawing | Missing:
    """A panel a limit and start method, with as many workers as CPUs."""
    rows = chosen(data)
    if not rows:
        return Missing("no call of a pool was timed")
    text = Text(
        title="What does one trivial task cost through each call of a pool?",
        subtitle="Time of 100 tasks that only return their argument, divided by 100. Lower is better.",
        notes=notes(data, rows, f"{CHUNK_NOTE} {EXECUTOR_NOTE}"),
    )
    return Drawing(
        draw_rows(data, rows, dot, order=call_order, text=text, axis=Axis(label="µs a task (log)")),
        f"Cost of one trivial task by call: {from_to(rows, lambda row: row.operation)}.",
    )


def chosen(data: RunData) -> list[Row]:
    """Of each target the worker count nearest to its CPUs, in the order of targets and calls."""
    rows = data.pick(SCENARIO)
    best: dict[str, int] = {}
    for row in rows:
        wanted = math.ceil(data.targets[row.target].cpus or 1)
        workers = row.workers or 0
        if abs(workers - wanted) < abs(best.get(row.target, -1000) - wanted):
            best[row.target] = workers
    places = list(data.targets)
    mine = [row for row in rows if (row.workers or 0) == best[row.target]]
    return sorted(mine, key=lambda row: (places.index(row.target), row.start_method or "", call_order(row)))


def call_order(row: Row) -> tuple[int, str]:
    """The pool's calls in their usual order, then the executor's."""
    return CALLS.index(row.operation) if row.operation in CALLS else len(CALLS), row.operation


def dot(data: RunData, row: Row) -> Dot:
    """One call on one target."""
    target = data.targets[row.target]
    return Dot(
        panel=f"{target.panel}\n{plural(row.workers, 'worker')}, {row.start_method}",
        name=row.operation,
        version=target.version,
        value=as_estimate(row, US),
    )
