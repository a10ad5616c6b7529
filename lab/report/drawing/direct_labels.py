"""Names at the ends of lines, instead of a legend, where there are few lines and their ends are apart."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from lab.report.drawing import theme
from lab.report.drawing.text_metrics import width_inches

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_LINES = 5
LINE_HEIGHT = 0.15  # inches, height of a name at SIZE
SIZE = 8  # points
OFFSET = 9  # points to the right of the last marker


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
    if len(ends) > MOST_LINES or high <= low or len({end.at for end in ends}) > 1:
        return False
    places = sorted((scale(end.value) - low) / (high - low) * height for end in ends)
    return all(after - before >= LINE_HEIGHT for before, after in pairwise(places))


def write_names(panel: Axes, ends: Sequence[LineEnd]) -> None:
    """Write each name to the right of its line's end, and extend the x axis to make room."""
    room = max(width_inches(end.name, SIZE) for end in ends) + (OFFSET + 4) / 72
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
            xytext=(OFFSET, 0),
            textcoords="offset points",
            color=theme.INK,  # a line's own colour has too little contrast for letters
            size=SIZE,
            va="center",
            ha="left",
        )
