"""Speed-up of a fixed job against workers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from lab.report.drawing.drawing import Drawing, Missing, notes
from lab.report.drawing.layout import Text
from lab.report.figures.pool_lines import Fit, Look, draw_panels
from lab.report.labels import counted
from lab.report.speedup import SCENARIO, Speedup, ideal, speedups
from lab.stats.laws import fitted_curve
from lab.text import plural

if TYPE_CHECKING:
    from lab.report.data import RunData

QUOTA_NOTE = (
    "Under a quota below one CPU the serial job spends the whole quota too, so the ideal is 1: more workers share the "
    "same time. A speed-up there compares with the serial job under the same quota, not with a whole CPU."
)
FIT_NOTE = (
    "Line with a band: not the points joined, but the law of scaling.csv that the data support (Universal Scalability "
    "Law or Amdahl's). The band has all coefficients at their ends at once, so it is wider than 95 %."
)
STEPS = 40
CURVES = ("usl", "amdahl")  # the fraction of Karp and Flatt belongs to one worker count
Key = tuple[str, str, str, str]


def draw(data: RunData) -> Drawing | Missing:
    """A panel a limit and work; the serial job of the same target is 1."""
    found = speedups(data)
    if not found:
        return Missing(f"no {SCENARIO} job was measured together with its serial time")
    quota = any(item.target.cpu_mode == "quota" for item in found)
    text = Text(
        title="How much faster does a fixed job get with more workers?",
        subtitle="Speed-up over the serial job of the same target (= 1), paired within rounds. Higher is better.",
        notes=notes(
            data,
            [item.row for item in found],
            QUOTA_NOTE if quota else "",
            FIT_NOTE if has_law(data) else "",
            ratios=True,
        ),
        legends=(),
    )
    laws = {law_key(row): row for row in data.scaling}
    look = Look(lambda item: item.value, ideal, "speed-up (times serial)", partial(fitted, laws))
    figure = draw_panels(found, text, look)
    pools = [item for item in found if item.row.executor != "independent"] or found
    best = max(pools, key=lambda item: item.value.value)
    return Drawing(
        figure,
        f"Speed-up against workers for {plural(len({item.target.id for item in found}), 'target')}; the highest is "
        f"{best.value.value:.2f} with {counted(best.workers, best.row.executor)} ({best.target.id}).",
    )


def law_key(row: Mapping[str, Any]) -> Key:
    """What a law was fitted to."""
    names = ("target", "work", "executor", "start_method")
    target, work, executor, method = (str(row.get(name) or "") for name in names)
    return target, work, executor, method


def has_law(data: RunData) -> bool:
    """Whether a law with a curve was fitted to anything."""
    return any(row.get("model") in CURVES and row.get("serial_throughput") for row in data.scaling)


def fitted(laws: Mapping[Key, Mapping[str, Any]], first: Speedup, workers: Sequence[float]) -> Fit | None:
    """The law's speed-up from the smallest to the largest worker count that was measured."""
    row = laws.get((first.target.id, first.row.work or "", first.row.executor or "", first.row.start_method or ""))
    if row is None or row.get("model") not in CURVES or not row.get("serial_throughput"):
        return None
    at = np.linspace(workers[0], min(workers[-1], row.get("largest_workers") or workers[-1]), STEPS)
    value, low, high = (part / row["serial_throughput"] for part in fitted_curve(row, at.tolist()))
    return Fit(at.tolist(), value.tolist(), low.tolist(), high.tolist())
