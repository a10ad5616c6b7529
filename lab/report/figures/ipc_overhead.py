"""Overhead of Python's communication objects over the system calls they use, paired by round."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab.report import labels
from lab.report.drawing import theme
from lab.report.drawing.dots import Axis, Dot, draw_dots
from lab.report.drawing.drawing import Drawing, Figure, Missing, distinct, notes
from lab.report.drawing.layout import Text
from lab.report.drawing.shown import largest_of_each

if TYPE_CHECKING:
    from lab.report.data import Row, RunData
    from lab.stats.rounds import Estimate

SCENARIO = "ipc.round_trip"
# Python's object, and the raw mechanism that it uses.
PAIRS = (
    ("pipe", "os_pipe"),
    ("simple_queue", "os_pipe"),
    ("queue", "os_pipe"),
    ("duplex_pipe", "unix_socket"),
    ("listener_client", "unix_socket"),
)
PLACEMENTS = ("same_cpu", "cross_cpu", "cross_cpu_awake")  # both sides are pinned
NOTE = "1 is the time of the raw call from Python: os.read and os.write on an os.pipe, or a UNIX socket."


@dataclass(frozen=True, kw_only=True)
class Overhead:
    """One of Python's objects, its raw mechanism, and the ratio of their times."""

    row: Row
    raw: Row
    value: Estimate

    @property
    def name(self) -> str:
        """``pipe / os pipe, 64 B``."""
        raw = labels.plain(self.raw.mechanism).replace("unix socket", "socket")
        upper = labels.plain(self.row.mechanism).replace("listener client", "listener")
        return f"{upper} / {raw}, {labels.size(self.row.payload_bytes or 0)}"


def draw(data: RunData) -> Drawing | Missing:
    """One panel per placement and limit, one row per pair and size."""
    found = overheads(data)
    if not found:
        return Missing("no object of multiprocessing was measured together with its system call")
    rows = [item.row for item in found]
    text = Text(
        title="What does Python add to the system call?",
        subtitle="Round trip through Python's object over round trip through the raw mechanism, with the same size on "
        "the same target. Lower is better.",
        notes=notes(data, rows, NOTE, ratios=True),
    )
    dots = [
        Dot(
            panel=f"{data.targets[row.target].panel}\n{labels.placed(row.placement)}",
            name=item.name,
            version=data.targets[row.target].version,
            value=item.value,
        )
        for item, row in zip(found, rows, strict=True)
    ]
    names = distinct(item.name for item in sorted(found, key=lambda item: item.row.payload_bytes or 0))
    most = max(found, key=lambda item: item.value.value)
    return Drawing(
        draw_dots(
            dots,
            names,
            text,
            Axis(label="times the raw call (log scale)", mark=1.0),
            theme.versions(data.targets[row.target] for row in rows),
        ),
        f"Times of Python's objects over the raw calls. The largest ratio is {labels.number(most.value.value)} "
        f"for {most.name} ({most.row.target}).",
    )


def overheads(data: RunData) -> list[Overhead]:
    """Every pair at the smallest and the largest size that both were measured with."""
    rows = [row for row in data.pick(SCENARIO, "round_trip") if row.payload_bytes and not row.pickled and row.is_fresh]
    cells = {(row.placement, row.target, row.mechanism, row.payload_bytes or 0): row for row in rows}
    found = []
    for placement in PLACEMENTS:
        for target in largest_of_each(data, rows):
            for pair in PAIRS:
                upper, lower = (
                    {key[3]: row for key, row in cells.items() if key[:3] == (placement, target.id, name)}
                    for name in pair
                )
                sizes = sorted(set(upper) & set(lower))
                for size in distinct([*sizes[:1], *sizes[-1:]]):
                    value = data.per_round.ratio(upper[size].key, lower[size].key)
                    if value is not None:
                        found.append(Overhead(row=upper[size], raw=lower[size], value=value))
    return found


FIGURES = (Figure(name="ipc_overhead", section="IPC cost", place=30, draw=draw, scenario=SCENARIO),)
