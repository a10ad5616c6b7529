"""Bytes a second one way against the size of the message, by mechanism."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.report import labels
from lab.report.drawing.direct_labels import write_names
from lab.report.drawing.drawing import Drawing, Missing, notes
from lab.report.drawing.layout import Shape, Text, sheet
from lab.report.figures.crossings import CROSSING_NOTE, Crossing, crossings, mark, spoken
from lab.report.figures.ipc_round_trip import (
    FREE_NOTE,
    HEIGHT,
    bounds,
    can_all_be_named,
    ends,
    fill,
    finish,
    is_drawn,
    kinds_of,
    legends,
    line_ends,
    lines,
    panels,
    placements,
    shown,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lab.report.data import Row, RunData

SCENARIO = "ipc.throughput"
MIB = 2.0**-20


def draw(data: RunData) -> Drawing | Missing:
    """A line of panels for each placement, a panel for each version and kind of mechanism."""
    rows = lines([row for row in data.pick(SCENARIO, "transfer", "throughput") if is_wanted(row)])
    if not rows:
        return Missing("no mechanism's throughput was measured at two sizes or more")
    kinds = kinds_of(rows)
    targets = shown(data, rows) if len(kinds) == 1 else ends(shown(data, rows))
    rows = [row for row in rows if row.target in {target.id for target in targets}]
    few = [targets] if len(kinds) == 1 else [[target] for target in targets]
    groups = [panels(placement, some, rows, kinds) for placement in placements(rows) for some in few]
    groups = [group for group in groups if group]
    limits = bounds(rows, MIB)
    direct = can_all_be_named(groups, limits, MIB)
    text = Text(
        title="How many bytes a second go one way?",
        subtitle="Payload received, one process sending to another, kernel buffers as they are. Higher is better.",
        notes=notes(data, rows, FREE_NOTE if any(row.placement == "free" for row in rows) else "", CROSSING_NOTE),
        legends=legends(rows, named=direct),
    )
    figure, axes = sheet(text, [list(group) for group in groups], Shape(height=HEIGHT))
    sizes = sorted({row.payload_bytes or 0 for row in rows})
    marked: list[Crossing] = []
    for group, places in zip(groups, axes, strict=True):
        for mine, place in zip(group.values(), places, strict=True):
            fill(place, mine, MIB)
            crossed = crossings(data, mine, best="most")
            mark(place, crossed)
            marked += crossed
            finish(place, sizes, limits)
            if direct:
                write_names(place, line_ends(mine, MIB))
        places[0].set_ylabel("MiB/s (log)")
    return Drawing(figure, alternative(rows) + spoken(marked))


def is_wanted(row: Row) -> bool:
    """As the mechanism carries it, through buffers of their usual size."""
    usual = row.variant.get("buffer_bytes") in (None, "default")
    return bool(row.mechanism and row.payload_bytes and row.placement and usual and is_drawn(row))


def alternative(rows: Sequence[Row]) -> str:
    """The highest rate in words."""
    best = max(rows, key=lambda row: row.estimate or 0.0)
    return (
        f"Throughput against message size; the highest is {labels.number((best.estimate or 0) * MIB)} MiB/s "
        f"({labels.plain(best.mechanism)}, {labels.size(best.payload_bytes or 0)}, {best.target})."
    )
