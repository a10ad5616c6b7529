"""Efficiency of a pool by CPUs and workers, as a heat map."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matplotlib.colors import Normalize

from lab.report import labels
from lab.report.drawing.drawing import Drawing, Figure, Missing, notes
from lab.report.drawing.heat import Map, draw_heat
from lab.report.drawing.layout import Text
from lab.report.speedup import SCENARIO, speedups, work_order

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lab.report.data import RunData
    from lab.report.speedup import Speedup

NOTE = "The map shows estimates; their intervals are in the figure pool_efficiency. Hatched: not measured."
Grid = dict[tuple[float, float], float]  # (CPUs, workers) -> efficiency


def draw(data: RunData) -> Drawing | Missing:
    """One row of panels per kind of work, one panel per version, place and kind of pool."""
    found = with_several_limits(
        [item for item in speedups(data) if item.row.executor != "independent" and item.target.cpus]
    )
    if not found:
        return Missing(f"{SCENARIO} was not measured under two limits")
    text = Text(
        title="Which pool fits which number of CPUs?",
        subtitle="Efficiency: speed-up / min(workers, CPUs). Darker is better.",
        notes=notes(data, [item.row for item in found], NOTE, quota_note(found), bars=False),
    )
    of = Map(
        x="workers",
        y="CPUs",
        across={workers: str(workers) for workers in sorted({item.workers for item in found})},
        up={limit: f"{limit:g}" for limit in sorted({item.target.cpus or 0.0 for item in found})},
        norm=Normalize(0, 1, clip=True),
        show="{:.2f}".format,
    )
    groups = [panels(found, work) for work in sorted({item.row.work or "" for item in found}, key=work_order)]
    return Drawing(draw_heat(groups, text, of), alternative(found))


def quota_note(found: Sequence[Speedup]) -> str:
    """Which rows are quotas; empty where there are none."""
    quotas = sorted({item.target.cpus or 0.0 for item in found if item.target.cpu_mode == "quota"})
    return f"Quotas, not whole CPUs: {', '.join(f'{limit:g}' for limit in quotas)}." if quotas else ""


def with_several_limits(found: Sequence[Speedup]) -> list[Speedup]:
    """The speed-ups of panels with at least two limits; a panel of one row would not be a map."""
    limits: dict[tuple[object, ...], set[float]] = {}
    for item in found:
        limits.setdefault(panel_key(item), set()).add(item.target.cpus or 0.0)
    return [item for item in found if len(limits[panel_key(item)]) > 1]


def panel_key(item: Speedup) -> tuple[object, ...]:
    """The key of the panel that shows a speed-up."""
    return item.row.work, item.line, item.target.version, item.target.place, item.target.host


def panels(found: Sequence[Speedup], work: str) -> dict[str, Grid]:
    """Title -> grid of each panel of one kind of work."""
    grids: dict[str, Grid] = {}
    for item in found:
        if item.row.work == work:
            kind = labels.executor(item.row.executor, item.row.start_method)
            machine = f", {item.target.host}" if item.target.host else ""
            title = f"{labels.work(work)}\n{kind}\nPython {item.target.version}\n{item.target.place}{machine}"
            grids.setdefault(title, {})[item.target.cpus or 0.0, item.workers] = item.efficiency.value
    return grids


def alternative(found: Sequence[Speedup]) -> str:
    """The alternative text: the highest and the lowest efficiency."""
    first, last = (
        f"{item.efficiency.value:.2f} with {labels.counted(item.workers, item.row.executor)} ({item.target.id})"
        for item in (pick(found, key=lambda item: item.efficiency.value) for pick in (max, min))
    )
    return f"Efficiency by CPUs and workers: from {first} down to {last}."


FIGURES = (Figure(name="pool_heat_map", section="Pool scaling", place=12, draw=draw, scenario=SCENARIO),)
