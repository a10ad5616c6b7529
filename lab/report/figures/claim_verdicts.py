"""Every claim on every target: the verdict as colour and symbol, the measured value, and the threshold."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

from matplotlib.patches import Patch, Rectangle

from lab.claims import all_claims
from lab.report import labels
from lab.report.drawing import theme
from lab.report.drawing.drawing import Drawing, Figure, Missing, distinct, machine_line, plain_ticks
from lab.report.drawing.layout import Legend, Shape, Text, entry, panel_figure
from lab.text import plural

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes

    from lab.report.data import RunData

    Claimed = Mapping[str, Any]  # a row of claims.csv

MOST_TARGETS = 12
CELL_WIDTH, LINE_HEIGHT, NAME_CHARS, HEAD_CHARS = 0.88, 0.3, 46, 11  # inches, inches, characters, characters
HEAD_LINES = 4
LEFT = 3.5  # inches for the names
# Colour, text colour and symbol. The colours differ in lightness too, so colour-blind readers can distinguish them.
LOOKS = {
    "holds": ("#0B6E4F", theme.ON_DEEP, "✓"),
    "fails": ("#B5470B", theme.ON_DEEP, "✗"),
    "inconclusive": ("#CBD2DA", theme.ON_PALE, "?"),
}
UNMEASURED = "not measured"


def draw(data: RunData) -> Drawing | Missing:
    """One row per claim, one column per target."""
    claimed = [row for row in data.claims if row.get("target") in data.targets]
    if not claimed:
        return Missing("no claim was judged on a target of this run")
    columns = [target for target in data.targets if any(row["target"] == target for row in claimed)]
    shown = columns[:MOST_TARGETS]
    names = distinct(str(row["claim"]) for row in claimed)
    left_out = f" Shown: {len(shown)} of {len(columns)} targets." if len(shown) < len(columns) else ""
    text = Text(
        title="Which claims hold here?",
        subtitle="Each cell shows the measured value. The threshold follows the claim's name, with the side on which "
        f"the claim holds. Values without a unit are ratios or counts.{left_out}",
        notes=[
            "Holds or fails: the whole 95% interval, or every round of a count, is on one side of the threshold.",
            "Intervals and reasons are in claims.csv and in the table of each claim.",
            "Empty cell: the claim does not apply to this target.",
            f"n: {plural(data.rounds, 'round')}. {machine_line(data)}",
        ],
        legends=[Legend("Verdict", legend())],
    )
    height = LINE_HEIGHT * (len(names) + HEAD_LINES / 2 + 0.2)
    figure, axes = panel_figure(text, [[""]], Shape(columns=1, width=CELL_WIDTH * len(shown), height=height, left=LEFT))
    place = axes[0][0]
    for row in claimed:
        if row["target"] in shown:
            fill(place, shown.index(row["target"]), names.index(str(row["claim"])), row)
    write_headings(place, [heading(data, target) for target in shown])
    plain_ticks(place, "y", range(len(names)), [claim_label(name, claimed) for name in names])
    clear_frame(place, len(shown), len(names))
    return Drawing(figure, alternative(claimed))


def fill(place: Axes, column: int, line: int, row: Claimed) -> None:
    """Draw one cell; a claim that was not measured is hatched."""
    corner = (column - 0.46, line - 0.44)
    look = LOOKS.get(str(row["verdict"]))
    if look is None:
        place.add_patch(Rectangle(corner, 0.92, 0.88, fill=False, hatch="////", edgecolor=theme.GRID))
        return
    colour, text_colour, symbol = look
    place.add_patch(Rectangle(corner, 0.92, 0.88, facecolor=colour, edgecolor="none"))
    value = labels.quantity(row.get("value"), str(row.get("unit") or ""))
    place.text(column, line, f"{symbol} {value}", ha="center", va="center", size=8, color=text_colour)


def write_headings(place: Axes, headings: Sequence[str]) -> None:
    """Write the heading of each column above the cells."""
    for column, words in enumerate(headings):
        place.text(column, -0.6, words, ha="center", va="bottom", size=8, linespacing=1.15)


def clear_frame(place: Axes, columns: int, lines: int) -> None:
    """Set the limits, with room for the headings, and remove grid, ticks and edges."""
    place.set_xlim(-0.5, columns - 0.5)
    place.set_ylim(lines - 0.5, -0.5 - HEAD_LINES / 2 - 0.2)
    place.set_xticks([])
    place.tick_params(length=0)
    place.grid(visible=False)
    for side in ("left", "bottom"):
        place.spines[side].set_visible(False)


def heading(data: RunData, target: str) -> str:
    """Version, place, limit and machine of a target, each on a line of its own."""
    found = data.targets[target]
    parts = [found.version, found.place, found.limit, found.host]
    lines = [line for part in parts if part for line in textwrap.wrap(part, HEAD_CHARS)]
    return "\n".join(lines[: HEAD_LINES + 1])


def claim_label(name: str, claimed: Sequence[Claimed]) -> str:
    """The claim's name as words, the side on which it holds, and the threshold."""
    known = next((claim for claim in all_claims() if claim.name == name), None)
    rows = [row for row in claimed if row["claim"] == name]
    limit = labels.quantity(rows[0].get("threshold"), str(rows[0].get("unit") or ""))
    sides = {test.holds for test in known.tests} if known else set()
    sign = {"above": ">", "below": "<"}.get(sides.pop(), "") if len(sides) == 1 else ""
    return (
        f"{textwrap.shorten(labels.plain(name), NAME_CHARS)}  {sign} {limit}".rstrip() if sign else labels.plain(name)
    )


def legend() -> list[Any]:
    """The legend of the verdicts: colour and symbol."""
    found = [entry(f"{symbol} {verdict}", colour, "s") for verdict, (colour, _, symbol) in LOOKS.items()]
    return [*found, Patch(fill=False, hatch="//////", edgecolor=theme.IDEAL, linewidth=0.5, label=UNMEASURED)]


def alternative(claimed: Sequence[Claimed]) -> str:
    """The alternative text: how often each verdict occurs."""
    counts: dict[str, int] = {}
    for row in claimed:
        counts[str(row["verdict"])] = counts.get(str(row["verdict"]), 0) + 1
    words = ", ".join(f"{count} {verdict}" for verdict, count in sorted(counts.items(), key=lambda item: -item[1]))
    claims = plural(len({row["claim"] for row in claimed}), "claim")
    return f"Of {plural(len(claimed), 'verdict')} on {claims}: {words}."


FIGURES = (Figure(name="claim_verdicts", section="Claims at a glance", place=0, draw=draw),)
