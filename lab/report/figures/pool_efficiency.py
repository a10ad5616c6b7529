"""Efficiency of the same job: the share of what the limit allows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.report.drawing.drawing import Drawing, Missing, notes
from lab.report.drawing.layout import Text
from lab.report.figures.pool_lines import Look, draw_panels
from lab.report.figures.pool_scaling import QUOTA_NOTE
from lab.report.labels import counted
from lab.report.speedup import SCENARIO, speedups

if TYPE_CHECKING:
    from lab.report.data import RunData


def draw(data: RunData) -> Drawing | Missing:
    """A panel a limit and work; 1 is all that the CPUs could give to so many workers."""
    found = speedups(data)
    if not found:
        return Missing(f"no {SCENARIO} job was measured together with its serial time")
    quota = any(item.target.cpu_mode == "quota" for item in found)
    text = Text(
        title="How much of the CPUs does the pool turn into speed?",
        subtitle="Efficiency: speed-up / min(workers, CPUs), so 1 is the ideal. Above 1: the serial job ran slower "
        "than a share of it does in a worker.",
        notes=notes(data, [item.row for item in found], QUOTA_NOTE if quota else "", ratios=True),
        legends=(),
    )
    look = Look(lambda item: item.efficiency, lambda _workers, _cpus: 1.0, "efficiency (share of ideal)")
    lowest = min(found, key=lambda item: item.efficiency.value)
    return Drawing(
        draw_panels(found, text, look),
        f"Efficiency against workers; the lowest is {lowest.efficiency.value:.2f} with "
        f"{counted(lowest.workers, lowest.row.executor)} ({lowest.target.id}).",
    )
