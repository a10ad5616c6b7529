"""Round trip of one message against its size, by mechanism."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from lab.report import labels
from lab.report.drawing import theme
from lab.report.drawing.direct_labels import LineEnd, can_be_named, write_names
from lab.report.drawing.drawing import Drawing, Missing, as_estimate, least, log_axis, most, notes, plain_ticks, upright
from lab.report.drawing.layout import Legend, Shape, Text, entry, sheet
from lab.report.figures.crossings import CROSSING_NOTE, Crossing, crossings, mark, spoken
from lab.report.targets import largest

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from matplotlib.axes import Axes

    from lab.report.data import Row, RunData
    from lab.report.targets import Target

SCENARIO = "ipc.round_trip"
FREE_NOTE = "Placed by the scheduler: not to be compared between targets."
PICKLED_NOTE = "Queues pickle all they carry; pipes are shown with bytes (send_bytes) and with pickled objects (send)."
ONE_SIZE_NOTE = "What was timed at one size only is no line: it stands in the figure of small round trips."
PICKLED_LINE = (0, (3, 1.6))
US = 1e-3
HEIGHT = 2.6
MOST_SIZES = 4  # tick labels that fit side by side
MOST_LINES = 6  # mechanisms that can be told apart in one panel
KINDS = {
    "Pipes": ("os_pipe", "pipe", "duplex_pipe", "fifo"),
    "Queues": ("queue", "simple_queue", "joinable_queue", "manager_queue"),
    "Sockets": ("unix_socket", "tcp_socket", "listener_client"),
    "Memory and message queues": ("shared_memory", "mmap", "eventfd", "posix_mq", "sysv_mq"),
}


def draw(data: RunData) -> Drawing | Missing:
    """A line of panels for each placement, a panel for each Python version."""
    rows = data.pick(SCENARIO, "round_trip")
    timed = [row for row in rows if row.mechanism and row.payload_bytes and row.placement and is_drawn(row)]
    rows = lines(timed)
    if not rows:
        return Missing("no mechanism's round trip was timed at two sizes or more")
    kinds = kinds_of(rows)
    targets = shown(data, rows) if len(kinds) == 1 else ends(shown(data, rows))
    one_size = len(rows) < len(timed)
    left_out = sorted({row.target for row in rows} - {target.id for target in targets})
    rows = [row for row in rows if row.target in {target.id for target in targets}]
    groups = [
        panels(placement, few, rows, kinds)
        for placement in placements(rows)
        for few in ([targets] if len(kinds) == 1 else [[target] for target in targets])
    ]
    groups = [group for group in groups if group]
    limits = bounds(rows)
    direct = can_all_be_named(groups, limits)
    text = Text(
        title="What does a round trip between two processes cost as the message grows?",
        subtitle="Latency of one message there and back; the other side has received it whole before it answers. "
        "Lower is better.",
        notes=notes(
            data,
            rows,
            PICKLED_NOTE if any(series(row)[1] for row in rows) else "",
            FREE_NOTE if any(row.placement == "free" for row in rows) else "",
            ONE_SIZE_NOTE if one_size else "",
            CROSSING_NOTE,
            f"In the summary table, not drawn: {', '.join(left_out)}." if left_out else "",
        ),
        legends=legends(rows, named=direct),
    )
    figure, axes = sheet(text, [list(group) for group in groups], Shape(height=HEIGHT))
    marked = list[Crossing]()
    for group, places in zip(groups, axes, strict=True):
        for mine, place in zip(group.values(), places, strict=True):
            fill(place, mine)
            crossed = crossings(data, mine)
            mark(place, crossed)
            marked += crossed
            finish(place, sorted({row.payload_bytes or 0 for row in rows}), limits)
            if direct:
                write_names(place, line_ends(mine))
        places[0].set_ylabel("µs a round trip (log)")
    low, high = least(rows), most(rows)
    return Drawing(figure, f"Round trips from {described(low)} to {described(high)}.{spoken(marked)}")


def shown(data: RunData, rows: Sequence[Row]) -> list[Target]:
    """For each version, in containers and natively, the target with the most CPUs; no quota."""
    measured = {row.target for row in rows}
    found = [target for target in data.targets.values() if target.id in measured and target.cpu_mode != "quota"]
    found = found or [target for target in data.targets.values() if target.id in measured]
    by_kind = sorted(found, key=lambda item: (item.host, item.place, item.version_order))
    groups = [list(group) for _, group in groupby(by_kind, key=lambda item: (item.host, item.place, item.version))]
    best = [largest(group) for group in groups]
    return [target for target in found if target in best]


def placements(rows: Sequence[Row]) -> list[str]:
    """Those that were measured, in their order."""
    known = list(labels.PLACEMENTS)
    found = {row.placement or "" for row in rows}
    return sorted(found, key=lambda name: (known.index(name) if name in known else len(known), name))


def panels(
    placement: str, targets: Sequence[Target], rows: Sequence[Row], kinds: Mapping[str, Collection[str]]
) -> dict[str, list[Row]]:
    """Title and rows of one placement's panels, one a target and kind of mechanism; what was not measured has none."""
    found: dict[str, list[Row]] = {}
    for target in targets:
        for kind, members in kinds.items():
            mine = [row for row in rows if row.target == target.id and row.placement == placement]
            mine = [row for row in mine if row.mechanism in members]
            words = labels.placed(placement)
            if mine:
                found["\n".join(part for part in (kind, f"Python {target.version}", target.panel, words) if part)] = (
                    mine
                )
    return found


def is_drawn(row: Row) -> bool:
    """Bytes, and the same bytes pickled; other objects have another length and are in the summary table."""
    return row.variant.get("payload") in (None, "bytes", "object")


def lines(rows: Sequence[Row]) -> list[Row]:
    """Rows of mechanisms that have several sizes there: the others are in the figure of all mechanisms."""
    sizes: dict[tuple[str | None, ...], set[int]] = {}
    for row in rows:
        sizes.setdefault((row.target, row.placement, row.mechanism), set()).add(row.payload_bytes or 0)
    return [row for row in rows if len(sizes[row.target, row.placement, row.mechanism]) > 1]


def kinds_of(rows: Sequence[Row]) -> dict[str, Collection[str]]:
    """Kind -> mechanisms: few stand in one panel, many in a panel a kind."""
    names = {row.mechanism or "" for row in rows}
    if len(names) <= MOST_LINES:
        return {"": names}
    known = {name for members in KINDS.values() for name in members}
    found = {kind: names & set(members) for kind, members in KINDS.items()}
    return {kind: members for kind, members in {**found, "Others": names - known}.items() if members}


def ends(targets: Sequence[Target]) -> list[Target]:
    """The oldest and the newest version in the first place that there is; all others are in the summary table."""
    first = [target for target in targets if target.place == targets[0].place]
    by_age = sorted(first, key=lambda target: target.version_order)
    return by_age if len(by_age) == 1 else [by_age[0], by_age[-1]]


def fill(place: Axes, rows: Sequence[Row], factor: float = US) -> None:
    """A line a mechanism; pickled objects lighter and dashed where bytes could have been sent."""
    ordered = sorted(rows, key=lambda row: (theme.mechanism_order(row.mechanism or ""), series(row)))
    for (mechanism, pickled), group in groupby(ordered, key=series):
        line = sorted(group, key=lambda row: row.payload_bytes or 0)
        style = theme.mechanism(mechanism)
        look = {
            "color": style.colour,
            "marker": style.marker,
            "markerfacecolor": "white" if pickled else style.colour,
            "linestyle": PICKLED_LINE if pickled else "-",
            "linewidth": 1.1 if pickled else 1.6,
            "alpha": 0.75 if pickled else 1.0,
        }
        upright(place, [row.payload_bytes or 0 for row in line], [as_estimate(row, factor) for row in line], **look)


def series(row: Row) -> tuple[str, bool]:
    """Mechanism, and whether it pickles although it need not."""
    payload = row.variant.get("payload")
    by_nature = payload in (None, "bytes") or (payload == "object" and "queue" in (row.mechanism or ""))
    return row.mechanism or "", not by_nature


def finish(place: Axes, sizes: Sequence[int], limits: tuple[float, float]) -> None:
    """Sizes in bytes with binary prefixes; the same axes in all panels."""
    place.set_xscale("log", base=2)
    place.set_xlim(sizes[0] / 2, sizes[-1] * 2)
    place.set_ylim(*limits)
    log_axis(place, "y")
    ticks = named(sizes)
    plain_ticks(place, "x", ticks, [labels.size(size) for size in ticks])
    place.set_xlabel("message size (log)")


def named(sizes: Sequence[int]) -> list[int]:
    """The sizes that are named below the axis: powers of two, as many as fit."""
    even = [size for size in sizes if size & (size - 1) == 0] or list(sizes)
    return even[:: -(-len(even) // MOST_SIZES)]


def bounds(rows: Sequence[Row], factor: float = US) -> tuple[float, float]:
    """Room for every interval."""
    values = [as_estimate(row, factor) for row in rows]
    return min(item.low or item.value for item in values) / 1.4, max(item.high or item.value for item in values) * 1.4


def line_ends(rows: Sequence[Row], factor: float = US) -> list[LineEnd]:
    """The last point of each mechanism's line, as it carries messages by nature."""
    last = {row.mechanism: row for row in sorted(rows, key=lambda row: row.payload_bytes or 0) if not series(row)[1]}
    return [
        LineEnd(
            name=labels.plain(name),
            colour=theme.mechanism(name or "").colour,
            at=row.payload_bytes or 0,
            value=(row.estimate or 0) * factor,
        )
        for name, row in last.items()
    ]


def can_all_be_named(
    groups: Sequence[Mapping[str, Sequence[Row]]], limits: tuple[float, float], factor: float = US
) -> bool:
    """Whether the lines of all panels can carry their names; a line that ends early would be written over."""
    ends = [line_ends(mine, factor) for group in groups for mine in group.values()]
    return all(
        len({end.at for end in few}) == 1 and can_be_named([end.value for end in few], limits, HEIGHT, log=True)
        for few in ends
    )


def legends(rows: Sequence[Row], *, named: bool = False) -> list[Legend]:
    """Colour and marker say the mechanism, unless the lines are named; the line says how it is carried."""
    names = sorted({row.mechanism or "" for row in rows}, key=theme.mechanism_order)
    by_mechanism = [
        entry(labels.plain(name), theme.mechanism(name).colour, theme.mechanism(name).marker, "-") for name in names
    ]
    kinds = [
        entry("its natural payload", theme.MUTED, line="-"),
        entry("pickled objects where bytes would do", theme.MUTED, "o", PICKLED_LINE, hollow=True),
    ]
    pickled = any(series(row)[1] for row in rows)
    return [
        *([] if named else [Legend("Mechanism", by_mechanism)]),
        *([Legend("Message", kinds)] if pickled else []),
    ]


def described(row: Row) -> str:
    """For the alternative text."""
    where = f"{labels.plain(row.mechanism)}, {labels.size(row.payload_bytes or 0)}, {labels.plain(row.placement)}"
    return f"{labels.duration(row.estimate or 0)} ({where}, {row.target})"
