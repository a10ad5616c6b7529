"""Which chunk size is best for which length of tasks: how much slower than the best chunk each other one is."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from matplotlib.colors import LogNorm

from lab.report.drawing.drawing import Drawing, Missing, notes
from lab.report.drawing.heat import CELL, fill, ticks
from lab.report.drawing.layout import Shape, Text, sheet
from lab.report.figures.ipc_round_trip import shown
from lab.report.labels import duration, number

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lab.report.data import Row, RunData

SCENARIO = "pool.chunksize"
CALLS = ("map", "imap")
WORST = 20.0  # the colours' end
NOTE = (
    "A task is given one length by counted steps of pure Python, gauged in each cell. "
    "Points, not intervals, are shown. Hatched: not measured."
)
Grid = dict[tuple[int, int], float]  # (task_ns, chunksize) -> ns a task


def draw(data: RunData) -> Drawing | Missing:
    """A panel a target and call; in each row of it, one task length, the best chunk is 1."""
    rows = [row for row in data.pick(SCENARIO) if row.task_ns and row.chunksize and row.operation in CALLS]
    found = {title: grid for title, grid in panels(data, rows).items() if len({chunk for _, chunk in grid}) > 1}
    if not found:
        return Missing("no two chunk sizes were timed on one target")
    lengths = sorted({length for grid in found.values() for length, _ in grid})
    chunks = sorted({chunk for grid in found.values() for _, chunk in grid})
    text = Text(
        title="Which chunk size is best for which length of tasks?",
        subtitle="Time a task over the best of its row (1.00): the darker, the slower than with the best chunk.",
        notes=notes(data, rows, NOTE, bars=False),
        legends=(),
    )
    shape = Shape(width=max(1.6, 1.3 * CELL * len(chunks)), height=max(0.6, CELL * len(lengths)), left=0.95)
    figure, axes = sheet(text, [list(found)], shape)
    for index, (place, grid) in enumerate(zip(axes[0], found.values(), strict=True)):
        fill(place, slower(grid), across=chunks, up=lengths, norm=LogNorm(1, WORST, clip=True), show=number)
        ticks(place, [str(chunk) for chunk in chunks], [duration(length) for length in lengths])
        place.set_xlabel("chunk size")
        place.set_gid(f"panel-{index}")
    axes[0][0].set_ylabel("length of a task")
    worst = max(ratio for grid in found.values() for ratio in slower(grid).values())
    return Drawing(figure, f"Chunk size against task length: the worst chunk takes {number(worst)} times the best.")


def panels(data: RunData, rows: Sequence[Row]) -> dict[str, Grid]:
    """Title and grid of each target and call."""
    found: dict[str, Grid] = {}
    for target in shown(data, rows):
        for row in sorted(rows, key=lambda row: CALLS.index(row.operation)):
            if row.target == target.id and row.task_ns and row.chunksize and row.estimate:
                title = f"Python {target.version}\n{target.panel}\n{row.operation}"
                found.setdefault(title, {})[row.task_ns, row.chunksize] = row.estimate
    return found


def slower(grid: Mapping[tuple[int, int], float]) -> Grid:
    """Each time over the best of its task length."""
    best: dict[int, float] = {}
    for (length, _), value in grid.items():
        best[length] = min(value, best.get(length, math.inf))
    return {(length, chunk): value / best[length] for (length, chunk), value in grid.items()}
