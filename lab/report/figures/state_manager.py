"""What reading and writing through a Manager costs, one item or a hundred a call, here and over a network."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.report import labels
from lab.report.drawing.dots import Axis, Dot, draw_rows
from lab.report.drawing.drawing import Drawing, Missing, as_estimate, from_to, notes
from lab.report.drawing.layout import Text
from lab.report.figures.ipc_round_trip import FREE_NOTE, placements, shown

if TYPE_CHECKING:
    from lab.report.data import Row, RunData

SCENARIO = "state.manager"
REMOTE = "state.manager_remote"
OPERATIONS = ("get", "set", "get_batch", "set_batch")
US = 1e-3
NOTE = "batch: a hundred items in one call, time an item. remote: a dict of a Manager reached by its address."


def draw(data: RunData) -> Drawing | Missing:
    """A panel a limit and placement; a line a container and call."""
    rows = [row for scenario in (SCENARIO, REMOTE) for row in data.pick(scenario) if row.operation in OPERATIONS]
    targets = {target.id for target in shown(data, rows)} if rows else set()
    rows = [row for row in rows if row.target in targets and row.placement]
    rows = [row for name in placements(rows) for row in rows if row.placement == name]
    if not rows:
        return Missing("no call to a Manager was timed")
    text = Text(
        title="What does a call to a Manager cost?",
        subtitle="Time of one item through a proxy, from call to answer. Lower is better.",
        notes=notes(data, rows, NOTE, FREE_NOTE if any(row.placement == "free" for row in rows) else ""),
    )
    return Drawing(
        draw_rows(data, rows, dot, order=order, text=text, axis=Axis(label="µs an item (log)")),
        f"Calls to a Manager: {from_to(rows, name)}.",
    )


def order(row: Row) -> tuple[bool, int, str]:
    """Local calls first, single items before batches."""
    return row.scenario == REMOTE, OPERATIONS.index(row.operation), name(row)


def name(row: Row) -> str:
    """``dict, get``; ``remote, set, private network``."""
    what = "remote" if row.scenario == REMOTE else str(row.variant.get("container"))
    reach = f", {labels.plain(str(row.variant['reach']))}" if row.variant.get("reach") else ""
    return f"{what}, {labels.plain(row.operation)}{reach}"


def dot(data: RunData, row: Row) -> Dot:
    """One call on one target."""
    target = data.targets[row.target]
    where = labels.placed(row.placement)
    return Dot(panel=f"{target.panel}\n{where}", name=name(row), version=target.version, value=as_estimate(row, US))
