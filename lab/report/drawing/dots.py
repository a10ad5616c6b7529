"""Dot plots: one row per name, one dot with its interval per Python version, one panel per limit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lab.report.drawing import theme
from lab.report.drawing.drawing import axis_limits, distinct, dodge, draw_horizontal, log_axis, plain_ticks
from lab.report.drawing.layout import Legend, Shape, Text, entry, panel_figure
from lab.report.drawing.text_metrics import width_inches

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from lab.stats.rounds import Estimate

NAME_MARGIN = 0.3  # inches left and right of the names
DOT_ROOM, NAME_ROOM = 0.13, 0.22  # inches: height of one dot's lane, and the space between two names
LANES = 0.8  # share of a name's band that its dots take
NOT_MEASURED_NOTE = "A row without a dot: not measured there."


@dataclass(frozen=True, kw_only=True)
class Dot:
    """One dot: its panel, row, version and value. A hollow dot shows a second quantity of the same row."""

    panel: str
    name: str
    version: str
    value: Estimate
    hollow: bool = False


@dataclass(frozen=True, kw_only=True)
class Axis:
    """The value axis; ``mark`` is a reference value, drawn as a line."""

    label: str
    log: bool = True
    mark: float | None = None


def draw_dots(
    dots: Sequence[Dot], names: Sequence[str], text: Text, axis: Axis, styles: Mapping[str, theme.Style]
) -> Figure:
    """Draw all panels on the same axis limits; ``names`` are the rows from top to bottom.

    The legend of the versions comes before those of ``text``.
    """
    panels = distinct(dot.panel for dot in dots)
    incomplete = len({(dot.panel, dot.name) for dot in dots}) < len(panels) * len(names)
    foot = [*text.notes[:-1], NOT_MEASURED_NOTE, *text.notes[-1:]] if incomplete else text.notes
    text = replace(text, legends=(version_legend(styles), *text.legends), notes=foot)
    lanes = [(version, hollow) for version in styles for hollow in sorted({dot.hollow for dot in dots})]
    height = max(1.0, len(names) * (NAME_ROOM + DOT_ROOM * len(lanes)))
    left = NAME_MARGIN + max(width_inches(name, theme.RC["ytick.labelsize"]) for name in names)
    figure, axes = panel_figure(text, [panels], Shape(width=2.0, height=height, left=left))
    limits = axis_limits((dot.value for dot in dots), log=axis.log)
    for index, (title, panel) in enumerate(zip(panels, axes[0], strict=True)):
        fill(panel, [dot for dot in dots if dot.panel == title], names, styles, lanes)
        first = panel.get_position().x0 == axes[0][0].get_position().x0
        plain_ticks(panel, "y", range(len(names)), names if first else [""] * len(names))
        panel.set_ylim(len(names) - 0.5, -0.5)
        panel.set_xlim(*limits)
        panel.tick_params(axis="y", length=0)
        panel.set_xlabel(axis.label)
        if axis.log:
            log_axis(panel, "x")
        if axis.mark is not None:
            panel.axvline(axis.mark, color=theme.MUTED, linewidth=0.9, zorder=1)
        panel.set_gid(f"panel-{index}")
    return figure


def fill(
    panel: Axes,
    dots: Sequence[Dot],
    names: Sequence[str],
    styles: Mapping[str, theme.Style],
    lanes: Sequence[tuple[str, bool]],
) -> None:
    """Draw the dots of one panel; within a row the oldest version is on top, and hollow dots are below filled ones."""
    for position, (version, hollow) in enumerate(lanes):
        mine = [dot for dot in dots if dot.version == version and dot.hollow == hollow]
        if mine:
            style = styles[version]
            at = [names.index(dot.name) + dodge(position, len(lanes), LANES * (1 - 1 / len(lanes))) for dot in mine]
            face = "white" if hollow else style.colour
            look = {"color": style.colour, "marker": style.marker, "markerfacecolor": face}
            draw_horizontal(panel, [dot.value for dot in mine], at, **look)
    for edge in range(1, len(names)):
        panel.axhline(edge - 0.5, color=theme.GRID, linewidth=0.8)
    panel.grid(visible=False, axis="y")


def version_legend(styles: Mapping[str, theme.Style]) -> Legend:
    """The legend of the Python versions: colour and marker of each."""
    return Legend("Python", [entry(name, style.colour, style.marker) for name, style in styles.items()])
