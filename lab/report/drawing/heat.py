"""Heat maps: a colour and the number in each cell; what was not measured is hatched, and never looks like a value."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from matplotlib.colors import LinearSegmentedColormap, Normalize
from matplotlib.patches import Rectangle

from lab.report.drawing import theme
from lab.report.drawing.drawing import plain_ticks
from lab.report.drawing.layout import Shape, Text, sheet

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    Grid = Mapping[tuple[float, float], float]  # (line, column) -> value

CELL, NUMBER = 0.46, 8  # inches per line, points of a number in it
NARROW = (16, 0.3, 6.5)  # from so many columns on they have so many inches, and numbers so many points
WIDEST = 11.0  # inches of the panels of one line together
SEQUENCE = LinearSegmentedColormap.from_list("pale to deep", ["#F4F8FB", theme.SKY, theme.BLUE, "#08263F"])
WHITE_FROM = 0.42  # of the colours' range; from there on white letters are readable


@dataclass(frozen=True, kw_only=True)
class Map:
    """The axes of all panels of a heat map: label, values and their names; how values are coloured and written."""

    x: str
    y: str
    across: Mapping[float, str]
    up: Mapping[float, str]
    norm: Normalize
    show: Callable[[float], str]


def draw_heat(groups: Sequence[Mapping[str, Grid]], text: Text, of: Map) -> Figure:
    """A line of panels per group, a panel per title: one column and one line per value, whatever their distance."""
    many, narrow, _ = NARROW
    cell = 1.3 * CELL if len(of.across) < many else narrow
    width = max(1.6, cell * len(of.across))
    shape = Shape(
        columns=max(1, min(4, int(WIDEST / width))), width=width, height=max(0.7, CELL * len(of.up)), left=0.95
    )
    figure, axes = sheet(text, [list(group) for group in groups], shape)
    for group, places in zip(groups, axes, strict=True):
        for index, (grid, place) in enumerate(zip(group.values(), places, strict=True)):
            fill(place, grid, of)
            plain_ticks(place, "x", range(len(of.across)), list(of.across.values()))
            plain_ticks(place, "y", range(len(of.up)), list(of.up.values()))
            place.set_xlabel(of.x)
            place.set_gid(f"panel-{index}")
            if place.get_position().x0 == places[0].get_position().x0:
                place.set_ylabel(of.y)
    return figure


def fill(place: Axes, values: Grid, of: Map) -> None:
    """The cells of one panel."""
    many, _, small = NARROW
    table = [[values.get((line, column), math.nan) for column in of.across] for line in of.up]
    place.imshow(table, cmap=SEQUENCE, norm=of.norm, aspect="auto", origin="lower")
    place.grid(visible=False)
    place.tick_params(length=0)
    for y, line in enumerate(of.up):
        for x, column in enumerate(of.across):
            value = values.get((line, column))
            if value is None:
                place.add_patch(Rectangle((x - 0.5, y - 0.5), 1, 1, fill=False, hatch="////", edgecolor=theme.GRID))
                continue
            colour = theme.ON_DEEP if float(of.norm(value)) > WHITE_FROM else theme.ON_PALE
            size = NUMBER if len(of.across) < many else small
            place.text(x, y, of.show(value), ha="center", va="center", size=size, color=colour)
