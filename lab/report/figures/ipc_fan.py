"""What a message costs through one queue with many at one end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.report import labels
from lab.report.drawing import theme
from lab.report.drawing.dots import Axis, Dot, draw_rows
from lab.report.drawing.drawing import Drawing, Missing, as_estimate, from_to, notes
from lab.report.drawing.layout import Text
from lab.report.figures.ipc_round_trip import FREE_NOTE, placements, shown

if TYPE_CHECKING:
    from lab.report.data import Row, RunData

SCENARIO = "ipc.fan"
US = 1e-3
NOTE = "The time of the whole exchange over its messages, all of them received."


def draw(data: RunData) -> Drawing | Missing:
    """A panel a limit, placement and size; a line a queue, direction and number at the other end."""
    rows = [row for row in data.pick(SCENARIO, "message") if row.mechanism and row.workers]
    targets = {target.id for target in shown(data, rows)} if rows else set()
    sides = placements(rows)
    rows = [row for row in rows if row.target in targets]
    rows = sorted(rows, key=lambda row: (sides.index(row.placement or ""), order(row)))
    if not rows:
        return Missing("no queue with many at one end was timed")
    free = any(row.placement == "free" for row in rows)
    text = Text(
        title="What does a message cost with many at one end of a queue?",
        subtitle="Time a message, many producers with one consumer and one producer with many. Lower is better.",
        notes=notes(data, rows, NOTE, FREE_NOTE if free else ""),
    )
    return Drawing(
        draw_rows(data, rows, dot, order=order, text=text, axis=Axis(label="µs a message (log)")),
        f"A message through a shared queue: {from_to(rows, name)}.",
    )


def order(row: Row) -> tuple[str, tuple[int, str], int, int, str]:
    """By direction, then as mechanisms stand everywhere."""
    direction = str(row.variant.get("direction"))
    return direction, theme.mechanism_order(row.mechanism or ""), row.workers or 0, row.payload_bytes or 0, row.target


def name(row: Row) -> str:
    """``queue, 4 to one``."""
    many = row.workers
    ends = f"{many} to one" if row.variant.get("direction") == "many_to_one" else f"one to {many}"
    return f"{labels.plain(row.mechanism)}, {ends}"


def dot(data: RunData, row: Row) -> Dot:
    """One queue on one target."""
    target = data.targets[row.target]
    where = labels.placed(row.placement)
    size = labels.size(row.payload_bytes or 0)
    return Dot(
        panel=f"{target.panel}\n{size}, {where}", name=name(row), version=target.version, value=as_estimate(row, US)
    )
