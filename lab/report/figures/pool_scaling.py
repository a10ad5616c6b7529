"""Speed-up of a fixed job against workers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.report.figures.drawing import Drawing, Missing, notes
from lab.report.figures.pool_lines import Look, draw_panels
from lab.report.labels import counted
from lab.report.sheet import Text
from lab.report.speedup import SCENARIO, ideal, speedups

if TYPE_CHECKING:
    from lab.report.data import RunData

QUOTA_NOTE = (
    "Under a quota below one CPU the serial job spends the whole quota too, so the ideal is 1: more workers share the "
    "same time. A speed-up there compares with the serial job under the same quota, not with a whole CPU."
)


def draw(data: RunData) -> Drawing | Missing:
    """A panel a limit and work; the serial job of the same target is 1."""
    found = speedups(data)
    if not found:
        return Missing(f"no {SCENARIO} job was measured together with its serial time")
    quota = any(item.target.cpu_mode == "quota" for item in found)
    text = Text(
        title="How much faster does a fixed job get with more workers?",
        subtitle="Speed-up over the serial job of the same target (= 1), paired within rounds. Higher is better.",
        notes=notes(data, [item.row for item in found], QUOTA_NOTE if quota else ""),
        legends=(),
    )
    figure = draw_panels(found, text, Look(lambda item: item.value, ideal, "speed-up (times serial)"))
    pools = [item for item in found if item.row.executor != "independent"] or found
    best = max(pools, key=lambda item: item.value.value)
    return Drawing(
        figure,
        f"Speed-up against workers for {len({item.target.id for item in found})} targets; the highest is "
        f"{best.value.value:.2f} with {counted(best.workers, best.row.executor)} ({best.target.id}).",
    )
