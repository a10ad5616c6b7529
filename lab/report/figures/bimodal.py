"""The distribution of the batches of bimodal cells, which an average would hide."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.report.drawing.distributions import draw_distributions
from lab.report.drawing.drawing import Drawing, Figure, Missing, notes
from lab.report.drawing.layout import Text
from lab.text import plural

if TYPE_CHECKING:
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
    )
    figure = draw_distributions([(title(row), data.batches(row.key)) for row in drawn], text)
    cells = plural(len(drawn), "cell")
    return Drawing(figure, f"Distributions of {cells} with bimodal times, the first of them {title(rows[0])}.")


def title(row: Row) -> str:
    """Scenario, operation, case and target of the cell; a long case is cut."""
    name = f"{row.scenario} {row.operation}"
    case = row.case if len(row.case) <= TITLE_CHARACTERS else row.case[: TITLE_CHARACTERS - 1] + "…"
    return f"{name}\n{case}\n{row.target}"


FIGURES = (Figure(name="bimodal", section="Bimodal cells", place=0, draw=draw),)
