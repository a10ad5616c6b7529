"""Efficiency of a pool over CPUs and workers, as a map: where workers and limit fit together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matplotlib.colors import Normalize

from lab.report import labels
from lab.report.drawing.drawing import Drawing, Missing, notes
from lab.report.drawing.heat import CELL, fill, ticks
from lab.report.drawing.layout import Shape, Text, sheet
from lab.report.figures.pool_lines import work_order
from lab.report.speedup import SCENARIO, speedups

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lab.report.data import RunData
    from lab.report.speedup import Speedup

NOTE = "Points, not intervals, are shown; the figure of efficiency has them. Hatched: not measured."
Grid = dict[tuple[float, float], float]  # (CPUs, workers) -> efficiency


def draw(data: RunData) -> Drawing | Missing:
    """A line of panels for each work, a panel for each version, place and kind of pool."""
    found = mapped([item for item in speedups(data) if item.row.executor != "independent" and item.target.cpus])
    if not found:
        return Missing(f"{SCENARIO} was not measured under two limits")
    groups = [panels(found, work) for work in sorted({item.row.work or "" for item in found}, key=work_order)]
    limits = sorted({item.target.cpus or 0.0 for item in found})
    workers = sorted({item.workers for item in found})
    text = Text(
        title="Which pool fits which number of CPUs?",
        subtitle="Efficiency: speed-up / min(workers, CPUs). The darker, the more of the CPUs is turned into speed.",
        notes=notes(data, [item.row for item in found], NOTE, quota_note(found), bars=False),
        legends=(),
    )
    shape = Shape(width=max(1.7, 1.3 * CELL * len(workers)), height=max(0.7, CELL * len(limits)), left=0.95)
    figure, axes = sheet(text, [list(group) for group in groups], shape)
    for group, places in zip(groups, axes, strict=True):
        for grid, place in zip(group.values(), places, strict=True):
            fill(place, grid, across=workers, up=limits, norm=Normalize(0, 1, clip=True), show="{:.2f}".format)
            ticks(place, [str(count) for count in workers], [f"{limit:g}" for limit in limits])
            place.set_xlabel("workers")
        places[0].set_ylabel("CPUs")
    return Drawing(figure, alternative(found))


def quota_note(found: Sequence[Speedup]) -> str:
    """Which lines are quotas and no whole CPUs; empty where none is."""
    quotas = sorted({item.target.cpus or 0.0 for item in found if item.target.cpu_mode == "quota"})
    return f"Quotas, not whole CPUs: {', '.join(f'{limit:g}' for limit in quotas)}." if quotas else ""


def mapped(found: Sequence[Speedup]) -> list[Speedup]:
    """Those measured under two limits or more: one line is no map."""
    limits: dict[tuple[object, ...], set[float]] = {}
    for item in found:
        limits.setdefault(panel_key(item), set()).add(item.target.cpus or 0.0)
    return [item for item in found if len(limits[panel_key(item)]) > 1]


def panel_key(item: Speedup) -> tuple[object, ...]:
    """What one panel holds."""
    return item.row.work, item.line, item.target.version, item.target.place, item.target.host


def panels(found: Sequence[Speedup], work: str) -> dict[str, Grid]:
    """Title and grid of each version, place and kind of pool for one work."""
    grids: dict[str, Grid] = {}
    for item in found:
        if item.row.work == work:
            kind = labels.executor(item.row.executor, item.row.start_method)
            machine = f", {item.target.host}" if item.target.host else ""
            title = f"{labels.work(work)}\n{kind}\nPython {item.target.version}\n{item.target.place}{machine}"
            grids.setdefault(title, {})[item.target.cpus or 0.0, item.workers] = item.efficiency.value
    return grids


def alternative(found: Sequence[Speedup]) -> str:
    """The two ends in words."""
    ends = [pick(found, key=lambda item: item.efficiency.value) for pick in (max, min)]
    told = [
        f"{item.efficiency.value:.2f} with {labels.counted(item.workers, item.row.executor)} ({item.target.id})"
        for item in ends
    ]
    return f"Efficiency by CPUs and workers: from {told[0]} down to {told[1]}."
