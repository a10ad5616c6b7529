"""Heat maps: a colour and the number in each cell; what was not measured is hatched, and never looks like a value."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from matplotlib.colors import Colormap, LinearSegmentedColormap, Normalize
from matplotlib.patches import Rectangle

from lab.report.drawing import theme
from lab.report.drawing.drawing import plain_ticks

if TYPE_CHECKING:
    from matplotlib.axes import Axes

CELL = 0.46  # inches
SEQUENCE = LinearSegmentedColormap.from_list("pale to deep", ["#F4F8FB", theme.SKY, theme.BLUE, "#08263F"])
WHITE_FROM = 0.42  # of the colours' range; from there on white letters are readable


def fill(
    place: Axes,
    values: Mapping[tuple[int, int], float] | Mapping[tuple[float, float], float],
    *,
    across: Sequence[float],
    up: Sequence[float],
    norm: Normalize,
    show: Callable[[float], str],
    colours: Colormap = SEQUENCE,
) -> None:
    """Draw ``values``, keyed by (up, across); one column and one line a step, whatever their distance."""
    known: Mapping[tuple[float, float], float] = dict(values)  # type: ignore[arg-type]  # whole numbers are numbers
    table = [[known.get((line, column), math.nan) for column in across] for line in up]
    place.imshow(table, cmap=colours, norm=norm, aspect="auto", origin="lower")
    place.grid(visible=False)
    place.tick_params(length=0)
    for y, line in enumerate(up):
        for x, column in enumerate(across):
            value = known.get((line, column))
            if value is None:
                place.add_patch(Rectangle((x - 0.5, y - 0.5), 1, 1, fill=False, hatch="////", edgecolor=theme.GRID))
                continue
            colour = theme.ON_DEEP if float(norm(value)) > WHITE_FROM else theme.ON_PALE
            place.text(x, y, show(value), ha="center", va="center", size=8, color=colour)


def ticks(place: Axes, across: Sequence[str], up: Sequence[str]) -> None:
    """The names of columns and lines."""
    plain_ticks(place, "x", range(len(across)), across)
    plain_ticks(place, "y", range(len(up)), up)
