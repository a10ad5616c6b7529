"""What a message costs through one queue with many at one end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.report import labels, theme
from lab.report.figures.dots import Axis, Dot, draw_dots, version_legend
from lab.report.figures.drawing import Drawing, Missing, as_estimate, distinct, notes
from lab.report.figures.ipc_round_trip import FREE_NOTE, PLACEMENTS, shown
from lab.report.sheet import Text

if TYPE_CHECKING:
    from lab.report.data import Row, RunData

SCENARIO = "ipc.fan"
US = 1e-3
NOTE = "The time of the whole exchange over its messages, all of them received."


def draw(data: RunData) -> Drawing | Missing:
    """A panel a limit, placement and size; a line a queue, direction and number at the other end."""
    rows = [row for row in data.pick(SCENARIO, "message") if row.mechanism and row.workers]
    targets = {target.id for target in shown(data, rows)} if rows else set()
    rows = sorted((row for row in rows if row.target in targets), key=order)
    if not rows:
        return Missing("no queue with many at one end was timed")
    styles = theme.versions(data.targets[row.target] for row in rows)
    free = any(row.placement == "free" for row in rows)
    text = Text(
        title="What does a message cost with many at one end of a queue?",
        subtitle="Time a message, many producers with one consumer and one producer with many. Lower is better.",
        notes=notes(data, rows, NOTE, FREE_NOTE if free else ""),
        legends=(version_legend(styles),),
    )
    low, high = (pick(rows, key=lambda row: row.estimate or 0.0) for pick in (min, max))
    return Drawing(
        draw_dots(
            [dot(data, row) for row in rows],
            distinct(name(row) for row in rows),
            text,
            Axis(label="µs a message (log)"),
            styles,
        ),
        f"A message through a shared queue: from {labels.duration(low.estimate or 0)} ({name(low)}, {low.target}) to "
        f"{labels.duration(high.estimate or 0)} ({name(high)}, {high.target}).",
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
    where = PLACEMENTS.get(row.placement or "", labels.plain(row.placement))
    size = labels.size(row.payload_bytes or 0)
    return Dot(
        panel=f"{target.panel}\n{size}, {where}", name=name(row), version=target.version, value=as_estimate(row, US)
    )
