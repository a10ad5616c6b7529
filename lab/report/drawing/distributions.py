"""Distributions: all batches of a cell as a step function, and each round's batches as points on a line of its own."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from lab.report import labels
from lab.report.drawing import theme
from lab.report.drawing.layout import Legend, Shape, Text, entry, panel_figure

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def draw_distributions(panels: Sequence[tuple[str, Mapping[int, Sequence[float]]]], text: Text) -> Figure:
    """Draw one panel per title; its batches are given by round, in ns. The legend comes before those of ``text``."""
    kinds = [
        entry("all batches", theme.BLUE, line="-"),
        entry("one round, the first at the bottom", theme.MUTED, ".", "-"),
    ]
    text = replace(text, legends=[Legend("Line", kinds), *text.legends])
    figure, axes = panel_figure(text, [[title for title, _ in panels]], Shape(columns=3, width=2.9, height=1.9))
    for (_, batches), panel in zip(panels, axes[0], strict=True):
        fill(panel, batches)
        if panel.get_position().x0 == axes[0][0].get_position().x0:
            panel.set_ylabel("share of batches")
    return figure


def fill(panel: Axes, batches: Mapping[int, Sequence[float]]) -> None:
    """Draw one panel; the unit suits the largest time."""
    together = np.sort([value for values in batches.values() for value in values])
    factor, unit = next((pair for pair in labels.TIMES if together[-1] >= pair[0]), labels.TIMES[-1])
    for index, values in enumerate(batches.values()):
        height = (index + 0.5) / len(batches)
        ordered = np.sort(np.asarray(values)) / factor
        panel.plot(ordered, [height] * len(ordered), color=theme.MUTED, linewidth=0.7, marker=".", markersize=4)
    shares = np.arange(1, len(together) + 1) / len(together)
    panel.step(together / factor, shares, where="post", color=theme.BLUE, linewidth=1.8)
    panel.set_ylim(0, 1.02)
    panel.set_xlabel(f"{unit} per operation")
