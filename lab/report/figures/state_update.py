"""What reading, writing and updating a shared number costs, by what holds it and how many do it at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.report import labels
from lab.report.drawing.dots import Axis, Dot, draw_rows
from lab.report.drawing.drawing import Drawing, Missing, as_estimate, from_to, notes
from lab.report.drawing.layout import Text
from lab.report.figures.ipc_round_trip import shown

if TYPE_CHECKING:
    from lab.report.data import Row, RunData

SCENARIO = "state.update"
OPERATIONS = ("read", "write", "update")
CONTAINERS = ("value", "array", "raw_value", "shared_memory", "shareable_list")
US = 1e-3
NOTE = (
    "Value and Array take their own lock for each operation, an update of a ShareableList a Lock beside it; RawValue "
    "and SharedMemory go without, and lose updates when several write."
)


def draw(data: RunData) -> Drawing | Missing:
    """A panel a limit and operation; a line a container and number of processes."""
    rows = [row for row in data.pick(SCENARIO) if row.operation in OPERATIONS and row.workers]
    targets = {target.id for target in shown(data, rows)} if rows else set()
    places = list(data.targets)
    rows = sorted(
        (row for row in rows if row.target in targets),
        key=lambda row: (places.index(row.target), OPERATIONS.index(row.operation), order(row)),
    )
    if not rows:
        return Missing("no shared number was read or written")
    text = Text(
        title="What does a shared number cost?",
        subtitle="Time of one operation of each process, all of them at it at once. Lower is better.",
        notes=notes(data, rows, NOTE),
    )
    return Drawing(
        draw_rows(data, rows, dot, order=order, text=text, axis=Axis(label="µs an operation (log)")),
        f"A shared number: {from_to(rows, lambda row: f'{row.operation}, {name(row)}')}.",
    )


def container(row: Row) -> str:
    """What holds the number."""
    return str(row.variant.get("container"))


def order(row: Row) -> tuple[int, int]:
    """With a lock first; fewer processes first."""
    known = CONTAINERS.index(container(row)) if container(row) in CONTAINERS else len(CONTAINERS)
    return known, row.workers or 0


def name(row: Row) -> str:
    """``shared memory, 2 processes``."""
    return f"{labels.plain(container(row))}, {labels.counted(row.workers, 'processes')}"


def dot(data: RunData, row: Row) -> Dot:
    """One container on one target."""
    target = data.targets[row.target]
    return Dot(
        panel=f"{target.panel}\n{row.operation}", name=name(row), version=target.version, value=as_estimate(row, US)
    )
