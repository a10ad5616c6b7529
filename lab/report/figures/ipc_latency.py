"""How late the slowest round trips are: median and 99.9th percentile of single operations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.report import labels
from lab.report.drawing import theme
from lab.report.drawing.dots import Axis, Dot, draw_rows
from lab.report.drawing.drawing import Drawing, Missing, as_estimate, notes
from lab.report.drawing.layout import Legend, Text, entry
from lab.report.figures.ipc_round_trip import FREE_NOTE, placements, series, shown

if TYPE_CHECKING:
    from lab.report.data import Row, RunData

SCENARIO = "ipc.latency"
TAIL = "latency_p999"
SMALL_BYTES = 64
US = 1e-3
CLOCK_NOTE = 'Each operation is timed alone, so the clock\'s own cost is in it; it stands in the table as "clock".'


def draw(data: RunData) -> Drawing | Missing:
    """A panel a placement and limit; filled: the median, hollow: one in a thousand is later."""
    rows = chosen(data)
    if not rows:
        return Missing("no single round trips were timed")
    targets = {target.id for target in shown(data, rows)}
    rows = [row for row in rows if row.target in targets]
    rows = [row for name in placements(rows) for row in rows if row.placement == name]
    kinds = [
        entry("median", theme.MUTED, "o"),
        entry("99.9th percentile: one in a thousand is later", theme.MUTED, "o", hollow=True),
    ]
    text = Text(
        title="How late are the slowest round trips?",
        subtitle=f"Single round trips of {SMALL_BYTES} B. Lower is better; what matters is the distance of the two.",
        notes=notes(data, rows, CLOCK_NOTE, FREE_NOTE if any(row.placement == "free" for row in rows) else ""),
        legends=(Legend("Shown", kinds),),
    )
    late = max((row for row in rows if row.metric == TAIL), key=lambda row: row.estimate or 0.0, default=rows[0])
    return Drawing(
        draw_rows(data, rows, dot, order=lambda row: row.estimate or 0.0, text=text, axis=Axis(label="µs (log)")),
        f"Median and 99.9th percentile of round trips; the latest is {labels.duration(late.estimate or 0)} "
        f"({labels.plain(late.mechanism)}, {labels.plain(late.placement)}, {late.target}).",
    )


def chosen(data: RunData) -> list[Row]:
    """Small messages as each mechanism carries them by nature, and the signal."""
    rows = [
        row for metric in ("latency_p50", TAIL) for row in data.pick(SCENARIO, "round_trip", metric) if row.mechanism
    ]
    rows = [row for row in rows if row.payload_bytes == SMALL_BYTES or row.mechanism == "signal"]
    return [row for row in rows if row.placement and not series(row)[1]]


def dot(data: RunData, row: Row) -> Dot:
    """One percentile of one mechanism on one target."""
    target = data.targets[row.target]
    return Dot(
        panel=f"{target.panel}\n{labels.placed(row.placement)}",
        name=labels.plain(row.mechanism),
        version=target.version,
        value=as_estimate(row, US),
        hollow=row.metric == TAIL,
    )
