"""Forest plots of ratios: one row per comparison with its interval, the worst on top, split into legible pages."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, MaxNLocator, NullLocator

from lab.report.drawing import text_metrics, theme
from lab.report.drawing.drawing import draw_horizontal
from lab.report.drawing.layout import Legend, Shape, Text, entry, panel_figure
from lab.report.drawing.text_metrics import width_inches
from lab.stats.rounds import Estimate

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ROWS_PER_PAGE = 60
ROW_ROOM, NAME_SIZE, NAME_MARGIN = 0.17, 8, 0.35  # inches per row, points, inches left and right of the names
WIDTH = 4.2  # inches of the panel
DECADE = 6.0  # from this ratio of the axis limits on, ticks are at 1, 2 and 5
STYLES = {
    "slower": theme.Style(theme.VERMILLION, "v"),
    "faster": theme.Style(theme.BLUE, "^"),
    "same": theme.Style(theme.GREEN, "o"),
    "inconclusive": theme.Style(theme.MUTED, "s"),
}


@dataclass(frozen=True, kw_only=True)
class Branch:
    """One row: the name of the comparison, the ratio with its interval, and the verdict."""

    name: str
    value: Estimate
    verdict: str


def draw_pages(branches: Sequence[Branch], text: Text, threshold: float) -> list[Figure]:
    """Draw one figure per ``ROWS_PER_PAGE`` rows, in the given order; each figure has its own axis limits."""
    starts = range(0, len(branches), ROWS_PER_PAGE)
    return [
        draw_page(branches[start : start + ROWS_PER_PAGE], page_text(text, number, len(starts)), threshold)
        for number, start in enumerate(starts, 1)
    ]


def page_text(text: Text, number: int, count: int) -> Text:
    """The text of one page: the title names the page where there are several; the verdicts get a legend."""
    legend = Legend("Verdict", [entry(name, style.colour, style.marker) for name, style in STYLES.items()])
    page = f" ({number} of {count}; each page has its own axis)" if count > 1 else ""
    return Text(title=text.title + page, subtitle=text.subtitle, notes=text.notes, legends=[*text.legends, legend])


def draw_page(branches: Sequence[Branch], text: Text, threshold: float) -> Figure:
    """Draw one panel: names on the left, ratios on a logarithmic axis, the threshold as a band around 1."""
    left = NAME_MARGIN + max(width_inches(branch.name, NAME_SIZE) for branch in branches)
    height = max(0.6, ROW_ROOM * len(branches))
    figure, axes = panel_figure(text, [[""]], Shape(columns=1, width=WIDTH, height=height, left=left))
    panel = axes[0][0]
    panel.axvspan(1 / (1 + threshold), 1 + threshold, color=theme.GRID, zorder=0, linewidth=0)
    panel.axvline(1.0, color=theme.MUTED, linewidth=0.9)
    for verdict, style in STYLES.items():
        at = [place for place, branch in enumerate(branches) if branch.verdict == verdict]
        if at:
            look = {"color": style.colour, "marker": style.marker, "markersize": 4.5}
            draw_horizontal(panel, [branches[place].value for place in at], [float(place) for place in at], **look)
    panel.set_yticks(range(len(branches)), [branch.name for branch in branches], fontsize=NAME_SIZE)
    panel.set_ylim(len(branches) - 0.5, -0.5)
    panel.tick_params(axis="y", length=0)
    panel.set_xlabel("cost of NEW over cost of BASE (above 1 is worse)")
    ratio_axis(panel, branches, threshold)
    return figure


def few_ticks(low: float, high: float) -> list[float]:
    """Evenly spaced ticks and always 1, the reference; ticks too close to 1 are left out."""
    apart = math.log(high / low) / 14
    even = MaxNLocator(6).tick_values(low, high)
    return [1.0, *(float(tick) for tick in even if tick > 0 and abs(math.log(tick)) > apart)]


def ratio_axis(panel: Axes, branches: Sequence[Branch], threshold: float) -> None:
    """Make the x axis logarithmic with plain numbers, wide enough for all intervals, 1 and the threshold."""
    ends = [end for branch in branches for end in (branch.value.value, branch.value.low, branch.value.high) if end]
    low, high = min(*ends, 1 / (1 + threshold)), max(*ends, 1 + threshold)
    pad = 1.05 * math.log(high / low) / 20
    panel.set_xscale("log")
    panel.set_xlim(low * math.exp(-pad), high * math.exp(pad))
    wide = high / low > DECADE
    locator = LogLocator(base=10, subs=(1.0, 2.0, 5.0), numticks=12) if wide else FixedLocator(few_ticks(low, high))
    panel.xaxis.set_major_locator(locator)
    panel.xaxis.set_minor_locator(NullLocator())
    panel.xaxis.set_major_formatter(FuncFormatter(text_metrics.four_digits))
