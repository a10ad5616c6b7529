"""Lines over an axis: a point with its interval at each value that was measured, all panels on the same axes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lab.report.drawing.direct_labels import LineEnd, can_be_named, write_names
from lab.report.drawing.drawing import bounds, dodge, log_axis, plain_ticks, upright
from lab.report.drawing.layout import Legend, Shape, Text, sheet

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from lab.report.drawing.theme import Style
    from lab.stats.rounds import Estimate

MOST_LINES = 6  # in one panel; more cannot be told apart
LINEAR_UP_TO = 16  # values of x; where they reach further, the axis is logarithmic
HEIGHT = 2.5  # inches
ASIDE = 0.012  # of the axis between two lines, so that no interval hides another


@dataclass(frozen=True, kw_only=True)
class Line:
    """One line: its name, its look, and its points; a ``hollow`` one is another quantity of the same thing.

    ``joined``: whether its points are; not where a fitted law stands in the place of the line.
    """

    name: str
    style: Style
    at: Sequence[float]
    values: Sequence[Estimate]
    hollow: bool = False
    joined: bool = True


@dataclass(frozen=True, kw_only=True)
class Panel:
    """What one panel shows; ``below`` draws what lies under the lines."""

    title: str
    lines: Sequence[Line]
    below: Callable[[Axes], None] | None = None


@dataclass(frozen=True, kw_only=True)
class Scales:
    """Labels and scales of both axes; ``name`` is what stands at a value of x, ``top`` what y has to reach."""

    x: str
    y: str
    name: Callable[[float], str]
    log: bool = True
    top: float = 0.0


def draw_lines(
    groups: Sequence[Sequence[Panel]], text: Text, scales: Scales, identity: Sequence[Legend], *, aside: bool = True
) -> Figure:
    """A line of panels per group. Lines carry their names where those have room, else ``identity`` names them.

    ``aside``: whether lines that share an x stand beside each other by a little.
    """
    lines = [line for group in groups for panel in group for line in panel.lines]
    low, high = bounds((value for line in lines for value in line.values), log=scales.log)
    high = max(high, scales.top)
    ends = [[end_of(line) for line in panel.lines if not line.hollow] for group in groups for panel in group]
    named = all(can_be_named(few, (low, high), HEIGHT, log=scales.log) for few in ends)
    legends = [*([] if named else identity), *text.legends]
    text = Text(title=text.title, subtitle=text.subtitle, notes=text.notes, legends=legends)
    figure, axes = sheet(text, [[panel.title for panel in group] for group in groups], Shape(height=HEIGHT))
    ticks = sorted({at for line in lines for at in line.at})
    for group, places in zip(groups, axes, strict=True):
        for panel, place in zip(group, places, strict=True):
            value_axis(place, ticks, scales)
            place.set_ylim(low, high)
            if scales.log:
                log_axis(place, "y")
            if panel.below:
                panel.below(place)
            drawn = [beside(place, panel.lines, index) if aside else line for index, line in enumerate(panel.lines)]
            for line in drawn:
                draw_line(place, line)
            if named:
                write_names(place, [end_of(line) for line in drawn if not line.hollow])
            # After the names have taken their room: a tick's name may have lost its own.
            plain_ticks(place, "x", ticks, [scales.name(tick) for tick in ticks])
            if place.get_position().x0 == places[0].get_position().x0:
                place.set_ylabel(scales.y)
    return figure


def beside(place: Axes, lines: Sequence[Line], index: int) -> Line:
    """One of the lines, moved by its share of the axis."""
    low, high = place.get_xlim()
    share = dodge(index, len(lines), ASIDE * len(lines))
    log = place.get_xscale() == "log"
    at = [x * (high / low) ** share if log else x + (high - low) * share for x in lines[index].at]
    return replace(lines[index], at=at)


def draw_line(place: Axes, line: Line) -> None:
    """One line with its intervals."""
    upright(
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
    """The axis of x with room beside its ends: logarithmic where the values reach far."""
    first, last = values[0], values[-1]
    if last > LINEAR_UP_TO and first > 0:
        place.set_xscale("log", base=2)
        pad = max(1.3, (last / first) ** 0.05)
        place.set_xlim(first / pad, last * pad)
    else:
        place.set_xlim(min(first, 1) - 0.4, max(last, 2) + 0.4)
    place.set_xlabel(scales.x + (" (log scale)" if place.get_xscale() == "log" else ""))


def end_of(line: Line) -> LineEnd:
    """Its last point."""
    last = max(range(len(line.at)), key=lambda index: line.at[index])
    return LineEnd(name=line.name, at=line.at[last], value=line.values[last].value)
