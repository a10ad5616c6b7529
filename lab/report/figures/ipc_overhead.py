"""What Python's objects add to the system call below them: each over the raw mechanism, paired by round."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab.report import labels
from lab.report.drawing import theme
from lab.report.drawing.dots import Axis, Dot, draw_dots
from lab.report.drawing.drawing import Drawing, Missing, distinct, notes
from lab.report.drawing.layout import Text
from lab.report.figures.ipc_round_trip import SCENARIO, placements, series, shown

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lab.report.data import Row, RunData
    from lab.stats.ratios import Estimate

# Python's object, and what it calls.
PAIRS = (
    ("pipe", "os_pipe"),
    ("simple_queue", "os_pipe"),
    ("queue", "os_pipe"),
    ("duplex_pipe", "unix_socket"),
    ("listener_client", "unix_socket"),
)
NOTE = "1 is the raw call's own time: os.pipe with os.read and os.write, or a UNIX socket; both called from Python."


@dataclass(frozen=True, kw_only=True)
class Overhead:
    """One of Python's objects over its raw mechanism."""

    row: Row
    raw: Row
    value: Estimate


def draw(data: RunData) -> Drawing | Missing:
    """A panel a placement and limit, a line a pair and size."""
    found = overheads(data)
    if not found:
        return Missing("no object of multiprocessing was timed beside the system call below it")
    rows = [item.row for item in found]
    styles = theme.versions(data.targets[row.target] for row in rows)
    text = Text(
        title="What does Python add to the system call?",
        subtitle="Round trip through Python's object over the one through the raw mechanism, same size, same target.",
        notes=notes(data, rows, NOTE, ratios=True),
    )
    most = max(found, key=lambda item: item.value.value)
    return Drawing(
        draw_dots(
            [dot(data, item) for item in found],
            distinct(name(item) for item in sorted(found, key=order)),
            text,
            Axis(label="times the raw call (log)", mark=1.0),
            styles,
        ),
        f"Python's objects over the system call; most is added by {name(most)}: "
        f"{labels.number(most.value.value)} times ({most.row.target}).",
    )


def overheads(data: RunData) -> list[Overhead]:
    """Every pair at the smallest and the largest size that both have, where both sides have a fixed place."""
    rows = [row for row in data.pick(SCENARIO, "round_trip") if row.payload_bytes and not series(row)[1]]
    targets = {target.id for target in shown(data, rows)}
    cells = {(row.target, row.placement, row.mechanism, row.payload_bytes): row for row in rows if row.placement}
    found = []
    for placement in placements(rows):
        for target in data.targets:
            for upper, lower in PAIRS:
                if target in targets and placement != "free":
                    found += pair(data, cells, (target, placement), (upper, lower))
    return found


def pair(
    data: RunData,
    cells: Mapping[tuple[str, str, str | None, int | None], Row],
    where: tuple[str, str],
    names: tuple[str, str],
) -> list[Overhead]:
    """One pair at one place, at the ends of the sizes they share."""
    upper, lower = ({key[3] or 0: row for key, row in cells.items() if key[:3] == (*where, name)} for name in names)
    sizes = sorted(set(upper) & set(lower))
    ratios = {size: data.per_round.ratio(upper[size].key, lower[size].key) for size in {*sizes[:1], *sizes[-1:]}}
    return [Overhead(row=upper[size], raw=lower[size], value=value) for size, value in sorted(ratios.items()) if value]


def order(item: Overhead) -> tuple[int, int]:
    """Small sizes first, then as the pairs stand."""
    return item.row.payload_bytes or 0, PAIRS.index((item.row.mechanism or "", item.raw.mechanism or ""))


def name(item: Overhead) -> str:
    """``pipe / os pipe, 64 B``."""
    raw = labels.plain(item.raw.mechanism).replace("unix socket", "socket")
    upper = labels.plain(item.row.mechanism).replace("listener client", "listener")
    return f"{upper} / {raw}, {labels.size(item.row.payload_bytes or 0)}"


def dot(data: RunData, item: Overhead) -> Dot:
    """One pair on one target."""
    target = data.targets[item.row.target]
    where = labels.placed(item.row.placement)
    return Dot(panel=f"{target.panel}\n{where}", name=name(item), version=target.version, value=item.value)
