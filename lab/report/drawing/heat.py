"""Heat maps: a colour and the number in each cell. A cell that was not measured is hatched."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from matplotlib.colors import LinearSegmentedColormap, Normalize
from matplotlib.patches import Rectangle

from lab.report.drawing import theme
from lab.report.drawing.drawing import plain_ticks
from lab.report.drawing.layout import Shape, Text, panel_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    Grid = Mapping[tuple[float, float], float]  # (row, column) -> value

CELL, NUMBER = 0.46, 8  # height of a row in inches, font size of a number in points
NARROW = (16, 0.3, 6.5)  # number of columns from which on a column has 0.3 inches and a number 6.5 points
WIDEST = 11.0  # inches, all panels of one row together
SEQUENCE = LinearSegmentedColormap.from_list("pale to deep", ["#F4F8FB", theme.SKY, theme.BLUE, "#08263F"])
WHITE_FROM = 0.42  # share of the colours' range from which on white text has more contrast


@dataclass(frozen=True, kw_only=True)
class Map:
    """The axes of all panels of a heat map, and how values are coloured and written.

    ``x`` and ``y`` are labels. ``across`` and ``up`` map each value of an axis to its tick label.
    """

    x: str
    y: str
    across: Mapping[float, str]
    up: Mapping[float, str]
    norm: Normalize
    show: Callable[[float], str]


def draw_heat(groups: Sequence[Mapping[str, Grid]], text: Text, of: Map) -> Figure:
    """Draw one row of panels per group and one panel per title; columns and rows are equally spaced."""
    many, narrow, _ = NARROW
    cell = 1.3 * CELL if len(of.across) < many else narrow
    width = max(1.6, cell * len(of.across))
    shape = Shape(
        columns=max(1, min(4, int(WIDEST / width))), width=width, height=max(0.7, CELL * len(of.up)), left=0.95
    )
    figure, axes = panel_figure(text, [list(group) for group in groups], shape)
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
    """Draw the cells of one panel."""
    many, _, small = NARROW
    table = [[values.get((row, column), math.nan) for column in of.across] for row in of.up]
    place.imshow(table, cmap=SEQUENCE, norm=of.norm, aspect="auto", origin="lower")
    place.grid(visible=False)
    place.tick_params(length=0)
    for y, row in enumerate(of.up):
        for x, column in enumerate(of.across):
            value = values.get((row, column))
            if value is None:
                place.add_patch(Rectangle((x - 0.5, y - 0.5), 1, 1, fill=False, hatch="////", edgecolor=theme.GRID))
                continue
            colour = theme.ON_DEEP if float(of.norm(value)) > WHITE_FROM else theme.ON_PALE
            size = NUMBER if len(of.across) < many else small
            place.text(x, y, of.show(value), ha="center", va="center", size=size, color=colour)
