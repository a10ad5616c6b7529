"""The distribution of the batches of bimodal cells, which an average would hide."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lab.report import labels
from lab.report.drawing import theme
from lab.report.drawing.drawing import Drawing, Figure, Missing, notes
from lab.report.drawing.layout import Legend, Shape, Text, entry, panel_figure
from lab.text import plural

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from lab.report.data import Row, RunData

MOST = 12  # panels; the other cells are in the table
TITLE_CHARACTERS = 46


def draw(data: RunData) -> Drawing | Missing:
    """One panel per cell: the distribution of all batches, and the batches of each round as points on a thin line."""
    rows = [row for row in data.rows if row.stable == "bimodal" and row.unit == "ns" and row.metric == "wall_time"]
    rows = [row for row in rows if data.batches(row.key)]
    if not rows:
        return Missing("no cell is bimodal (the test needs eight rounds)")
    drawn = rows[:MOST]
    text = Text(
        title="How are the times of bimodal cells distributed?",
        subtitle="Share of batches that took at most this time. Two steps are two states, and the mean is in neither. "
        "A round whose points are close together was in one state; a round whose points are apart changed its state.",
        notes=notes(
            data,
            drawn,
            f"The table of all numbers has {len(rows) - MOST} more bimodal cells." if len(rows) > MOST else "",
            bars=False,
        ),
        legends=[
            Legend(
                "Line",
                [
                    entry("all batches", theme.BLUE, line="-"),
                    entry("one round, the first at the bottom", theme.MUTED, ".", "-"),
                ],
            )
        ],
    )
    figure, axes = panel_figure(text, [[title(row) for row in drawn]], Shape(columns=3, width=2.9, height=1.9))
    for row, place in zip(drawn, axes[0], strict=True):
        fill(place, data.batches(row.key))
        if place.get_position().x0 == axes[0][0].get_position().x0:
            place.set_ylabel("share of batches")
    cells = plural(len(drawn), "cell")
    return Drawing(figure, f"Distributions of {cells} with bimodal times, the first of them {title(rows[0])}.")


def title(row: Row) -> str:
    """Scenario, operation, case and target of the cell; a long case is cut."""
    name = f"{row.scenario} {row.operation}"
    case = row.case if len(row.case) <= TITLE_CHARACTERS else row.case[: TITLE_CHARACTERS - 1] + "…"
    return f"{name}\n{case}\n{row.target}"


def fill(place: Axes, batches: dict[int, list[float]]) -> None:
    """Draw one panel; ``batches`` maps each round to its times in ns. The unit suits the largest time."""
    together = [value for values in batches.values() for value in values]
    factor, unit = next((pair for pair in labels.TIMES if max(together) >= pair[0]), labels.TIMES[-1])
    for index, values in enumerate(batches.values()):
        ordered = np.sort(np.asarray(values)) / factor
        height = (index + 0.5) / len(batches)
        place.plot(ordered, [height] * len(ordered), color=theme.MUTED, linewidth=0.7, marker=".", markersize=4)
    steps(place, together, factor, color=theme.BLUE, linewidth=1.8)
    place.set_ylim(0, 1.02)
    place.set_xlabel(f"{unit} per operation")


def steps(place: Axes, values: list[float], factor: float, **look: object) -> None:
    """Draw the empirical distribution function of the values, divided by ``factor``."""
    ordered = np.sort(np.asarray(values)) / factor
    shares = np.arange(1, len(ordered) + 1) / len(ordered)
    place.step(ordered, shares, where="post", **look)  # type: ignore[arg-type]  # names of a line's properties


FIGURES = (Figure(name="bimodal", section="Bimodal cells", place=0, draw=draw),)
