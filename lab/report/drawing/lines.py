"""Line plots: a point with its interval at each measured value; all panels have the same axes.

Where there are few lines and their ends are apart, names at the ends replace the legend.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

from lab.report.drawing import theme
from lab.report.drawing.drawing import axis_limits, dodge, draw_vertical, log_axis, plain_ticks
from lab.report.drawing.layout import Legend, Shape, Text, panel_figure
from lab.report.drawing.text_metrics import width_inches

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from lab.report.drawing.theme import Style
    from lab.stats.rounds import Estimate

MOST_LINES = 6  # in one panel; more are hard to distinguish
LINEAR_UP_TO = 16  # largest x on a linear axis; with larger values the axis is logarithmic
HEIGHT = 2.5  # inches
MOST_NAMES = 5  # written at the ends of lines, where these are apart; more get a legend
NAME_HEIGHT = 0.15  # inches, height of a name at NAME_SIZE
NAME_SIZE = 8  # points
NAME_OFFSET = 9  # points to the right of the last marker
OFFSET = 0.012  # share of the axis between two lines, so that no interval hides another


@dataclass(frozen=True, kw_only=True)
class Line:
    """One line: its name, its style and its points; a ``hollow`` line shows a second quantity.

    ``joined``: whether the points are connected. They are not where a fitted law is drawn instead.
    """

    name: str
    style: Style
    at: Sequence[float]
    values: Sequence[Estimate]
    hollow: bool = False
    joined: bool = True


@dataclass(frozen=True, kw_only=True)
class Panel:
    """One panel: its title and lines; ``below`` draws the background under the lines."""

    title: str
    lines: Sequence[Line]
    below: Callable[[Axes], None] | None = None


@dataclass(frozen=True, kw_only=True)
class Scales:
    """Labels and scales of both axes; ``name`` gives the tick label of an x, ``top`` is the least upper limit of y."""

    x: str
    y: str
    name: Callable[[float], str]
    log: bool = True
    top: float = 0.0


def draw_lines(
    groups: Sequence[Sequence[Panel]], text: Text, scales: Scales, identity: Sequence[Legend], *, offset: bool = True
) -> Figure:
    """Draw one row of panels per group. Names are at the lines' ends where they fit, else in the ``identity`` legends.

    ``offset``: whether lines with the same x are moved apart a little, so that no interval hides another.
    """
    lines = [line for group in groups for panel in group for line in panel.lines]
    low, high = axis_limits((value for line in lines for value in line.values), log=scales.log)
    high = max(high, scales.top)
    ends = [[line_end(line) for line in panel.lines if not line.hollow] for group in groups for panel in group]
    named = all(can_be_named(few, (low, high), HEIGHT, log=scales.log) for few in ends)
    legends = [*([] if named else identity), *text.legends]
    text = Text(title=text.title, subtitle=text.subtitle, notes=text.notes, legends=legends)
    figure, axes = panel_figure(text, [[panel.title for panel in group] for group in groups], Shape(height=HEIGHT))
    ticks = sorted({at for line in lines for at in line.at})
    for group, places in zip(groups, axes, strict=True):
        for panel, place in zip(group, places, strict=True):
            value_axis(place, ticks, scales)
            place.set_ylim(low, high)
            if scales.log:
                log_axis(place, "y")
            if panel.below:
                panel.below(place)
            drawn = [
                offset_line(place, panel.lines, index) if offset else line for index, line in enumerate(panel.lines)
            ]
            for line in drawn:
                draw_line(place, line)
            if named:
                write_names(place, [line_end(line) for line in drawn if not line.hollow])
            # After write_names, which extends the axis: fewer tick labels may fit then.
            plain_ticks(place, "x", ticks, [scales.name(tick) for tick in ticks])
            if place.get_position().x0 == places[0].get_position().x0:
                place.set_ylabel(scales.y)
    return figure


def offset_line(place: Axes, lines: Sequence[Line], index: int) -> Line:
    """Line ``index``, moved along x by its share of ``OFFSET``."""
    low, high = place.get_xlim()
    share = dodge(index, len(lines), OFFSET * len(lines))
    log = place.get_xscale() == "log"
    at = [x * (high / low) ** share if log else x + (high - low) * share for x in lines[index].at]
    return replace(lines[index], at=at)


def draw_line(place: Axes, line: Line) -> None:
    """Draw one line with its intervals."""
    draw_vertical(
        place,
        line.at,
        line.values,
        color=line.style.colour,
        marker=line.style.marker,
        markerfacecolor="white" if line.hollow else line.style.colour,
        linestyle=line.style.line if line.joined else "none",
        linewidth=1.1 if line.hollow else 1.6,
        zorder=4,
    )


def value_axis(place: Axes, values: Sequence[float], scales: Scales) -> None:
    """Set limits, scale and label of the x axis; it is logarithmic above ``LINEAR_UP_TO``."""
    first, last = values[0], values[-1]
    if last > LINEAR_UP_TO and first > 0:
        place.set_xscale("log", base=2)
        pad = max(1.3, (last / first) ** 0.05)
        place.set_xlim(first / pad, last * pad)
    else:
        place.set_xlim(min(first, 1) - 0.4, max(last, 2) + 0.4)
    place.set_xlabel(scales.x + (" (log scale)" if place.get_xscale() == "log" else ""))


def line_end(line: Line) -> LineEnd:
    """The point with the largest x."""
    last = max(range(len(line.at)), key=lambda index: line.at[index])
    return LineEnd(name=line.name, at=line.at[last], value=line.values[last].value)


@dataclass(frozen=True, kw_only=True)
class LineEnd:
    """The last point of a line and its name."""

    name: str
    at: float
    value: float


def can_be_named(ends: Sequence[LineEnd], limits: tuple[float, float], height: float, *, log: bool = False) -> bool:
    """Whether the names fit without overlap; all lines must end at the same x. ``height`` of the axis is in inches."""
    scale = math.log10 if log else float
    low, high = (scale(end) for end in limits)
    if len(ends) > MOST_NAMES or high <= low or len({end.at for end in ends}) > 1:
        return False
    places = sorted((scale(end.value) - low) / (high - low) * height for end in ends)
    return all(after - before >= NAME_HEIGHT for before, after in pairwise(places))


def write_names(panel: Axes, ends: Sequence[LineEnd]) -> None:
    """Write each name to the right of its line's end, and extend the x axis to make room."""
    room = max(width_inches(end.name, NAME_SIZE) for end in ends) + (NAME_OFFSET + 4) / 72
    width = panel.get_position().width * panel.figure.get_figwidth()  # type: ignore[union-attr]  # a panel has one
    left, _ = panel.get_xlim()
    to_axis, to_data = (math.log10, lambda x: 10**x) if panel.get_xscale() == "log" else (float, float)
    last = max(to_axis(end.at) for end in ends)
    share = max(0.3, 1 - room / width)
    panel.set_xlim(left, to_data(to_axis(left) + (last - to_axis(left)) / share))
    for end in ends:
        panel.annotate(
            end.name,
            (end.at, end.value),
            xytext=(NAME_OFFSET, 0),
            textcoords="offset points",
            color=theme.INK,  # a line's own colour has too little contrast for text
            size=NAME_SIZE,
            va="center",
            ha="left",
        )
