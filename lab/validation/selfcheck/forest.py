"""The figure of the accuracy: every operation's ratio with its 90 % interval over the zone it has to lie in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lab.report.drawing import theme
from lab.report.drawing.save import save

NAME = "accuracy"
NARROWEST, WIDEST = (0.88, 1.12), (0.5, 2.0)  # what the axis shows at least and at most
BESIDE = 0.01  # of room, so that the end of an interval is seen as one
ROW_INCHES, MARGIN_INCHES, WIDTH_INCHES = 0.3, 1.1, 8.0
STYLES = {
    "equivalent": theme.Style(theme.GREEN, "o"),
    "different": theme.Style(theme.VERMILLION, "X"),
    "cannot tell": theme.Style(theme.MUTED, "s"),
}
Row = Mapping[str, Any]


def draw(rows: Sequence[Row], folder: Path) -> str:
    """Save the figure of these rows of accuracy.csv into ``folder``; the SVG's text, empty where there is no ratio."""
    known = [row for row in rows if row["ratio"] is not None and row["ci90_low"] is not None]
    if not known:
        return ""
    folder.mkdir(parents=True, exist_ok=True)
    with mpl.rc_context(theme.RC):  # type: ignore[arg-type]  # the stubs list all names
        figure = Figure(figsize=(WIDTH_INCHES, MARGIN_INCHES + ROW_INCHES * len(known)), layout="constrained")
        panel = figure.subplots()
        for place, row in enumerate(reversed(known)):
            _branch(panel, place, row)
        panel.set_xlim(*_limits(known))
        panel.axvline(1.0, color=theme.INK, linewidth=0.8)
        panel.set_yticks(range(len(known)), [row["operation"] for row in reversed(known)])
        panel.grid(visible=False, axis="y")
        panel.set_xlabel("time in the lab / in the bare loop, with its 90 % interval; band: the zone to lie in")
        for verdict, style in STYLES.items():
            panel.plot([], [], linestyle="none", marker=style.marker, color=style.colour, label=verdict)
        figure.legend(loc="outside upper left", ncols=len(STYLES), frameon=False)
        return save(figure, folder, NAME)


def _limits(rows: Sequence[Row]) -> tuple[float, float]:
    """The ends of the axis: all intervals are in it, unless one is so wide that the others could not be seen."""
    low = min(NARROWEST[0], *(row["ci90_low"] for row in rows))
    high = max(NARROWEST[1], *(row["ci90_high"] for row in rows))
    return max(low - BESIDE, WIDEST[0]), min(high + BESIDE, WIDEST[1])


def _branch(panel: Axes, place: int, row: Row) -> None:
    style = STYLES[row["verdict"]]
    zone = [row["zone_low"], row["zone_high"]]
    panel.fill_betweenx([place - 0.4, place + 0.4], *zone, color=theme.SKY, alpha=0.3, linewidth=0)
    reach = [[row["ratio"] - row["ci90_low"]], [row["ci90_high"] - row["ratio"]]]
    panel.errorbar([row["ratio"]], [place], xerr=reach, fmt=style.marker, color=style.colour, capsize=2.5)
