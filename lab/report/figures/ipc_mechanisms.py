"""Round trip of one small message through every mechanism."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.report import labels
from lab.report.drawing import theme
from lab.report.drawing.dots import Axis, Dot, draw_dots
from lab.report.drawing.drawing import Drawing, Missing, as_estimate, distinct, least, most, notes
from lab.report.drawing.layout import Text
from lab.report.figures.ipc_round_trip import FREE_NOTE, SCENARIO, described, placements, series, shown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lab.report.data import Row, RunData

SMALL_BYTES = 64
NATURAL_NOTE = "The queues pickle what they carry, the others carry bytes; a signal carries nothing."
US = 1e-3


def draw(data: RunData) -> Drawing | Missing:
    """A panel a placement and limit, the cheapest mechanism of the newest version on top."""
    rows = chosen(data)
    if not rows:
        return Missing(f"no round trip of {SMALL_BYTES} B was timed")
    targets = {target.id for target in shown(data, rows)}
    rows = [row for row in rows if row.target in targets]
    styles = theme.versions(data.targets[row.target] for row in rows)
    text = Text(
        title="What does a small round trip cost through each mechanism?",
        subtitle=f"Latency of one message of {SMALL_BYTES} B there and back. Lower is better.",
        notes=notes(data, rows, NATURAL_NOTE, FREE_NOTE if any(row.placement == "free" for row in rows) else ""),
    )
    ordered = [row for name in placements(rows) for row in rows if row.placement == name]
    low, high = least(rows), most(rows)
    return Drawing(
        draw_dots([dot(data, row) for row in ordered], names(data, ordered), text, Axis(label="µs (log)"), styles),
        f"Small round trips from {described(low)} to {described(high)}.",
    )


def chosen(data: RunData) -> list[Row]:
    """Those of 64 bytes as the mechanism carries them by nature, and the signal."""
    rows = [row for row in data.pick(SCENARIO, "round_trip") if row.mechanism and row.placement]
    small = [row for row in rows if row.payload_bytes == SMALL_BYTES or row.mechanism == "signal"]
    return [row for row in small if not series(row)[1]]


def names(data: RunData, rows: Sequence[Row]) -> list[str]:
    """The mechanisms, by their time on the newest version and in the first placement that has them."""
    known = list(labels.PLACEMENTS)

    def rank(row: Row) -> tuple[int, float]:
        placement = known.index(row.placement) if row.placement in known else len(known)
        return placement, row.estimate or 0.0

    newest = max((row.target for row in rows), key=lambda name: data.targets[name].version_order)
    first = [row for row in rows if row.target == newest]
    rest = [row for row in rows if row.target != newest]
    return distinct(labels.plain(row.mechanism) for part in (first, rest) for row in sorted(part, key=rank))


def dot(data: RunData, row: Row) -> Dot:
    """One mechanism on one target."""
    target = data.targets[row.target]
    return Dot(
        panel=f"{target.panel}\n{labels.placed(row.placement)}",
        name=labels.plain(row.mechanism),
        version=target.version,
        value=as_estimate(row, US),
    )
