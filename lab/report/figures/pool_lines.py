"""The panels that speed-up and efficiency share: a line a Python version, executor and start method."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import TYPE_CHECKING

from lab.report import labels
from lab.report.drawing import theme
from lab.report.drawing.drawing import distinct, dodge, plain_ticks, upright
from lab.report.drawing.layout import Legend, Shape, Text, entry, sheet
from lab.report.speedup import Speedup, lines

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from lab.stats.ratios import Estimate

MOST_LINES = 8  # more in one panel cannot be told apart; then each executor gets panels of its own
LINEAR_UP_TO = 16  # workers; above, the axis is logarithmic
CAPACITY = "independent"
HOLLOW = {"threads": "o", "processes": "", "interpreters": ""}  # the markers of threads are not filled


@dataclass(frozen=True)
class Panel:
    """What one panel shows."""

    title: str
    items: Sequence[Speedup]
    cpus: float | None


@dataclass(frozen=True)
class Fit:
    """A fitted law over workers, with the ends of its band; NaN where there is none."""

    at: Sequence[float]
    value: Sequence[float]
    low: Sequence[float]
    high: Sequence[float]


def no_fit(_first: Speedup, _workers: Sequence[float]) -> Fit | None:
    """Nothing is fitted."""
    return None


@dataclass(frozen=True)
class Look:
    """What is drawn of each speed-up, the ideal beside it, and the axis."""

    value: Callable[[Speedup], Estimate]
    ideal: Callable[[float, float | None], float]
    axis: str
    fit: Callable[[Speedup, Sequence[float]], Fit | None] = no_fit


def draw_panels(found: Sequence[Speedup], text: Text, look: Look) -> Figure:
    """One panel a limit and work; the measured capacity is a pale broad line, the ideal a thin grey one."""
    styles = theme.versions(item.target for item in found)
    groups = grouped(found)
    text = replace(text, legends=legends(found, styles))
    figure, axes = sheet(text, [[panel.title for panel in group] for group in groups], Shape(height=2.3))
    top = 1.12 * max(max(highest(look, item), look_ideal(look, item)) for item in found)
    for group, row in zip(groups, axes, strict=True):
        for panel, place in zip(group, row, strict=True):
            draw_ideal(place, panel, look)
            draw_lines(place, panel.items, styles, look)
            place.set_ylim(0, top)
            workers_axis(place, sorted({item.workers for item in panel.items}))
            if place.get_position().x0 == row[0].get_position().x0:
                place.set_ylabel(look.axis)
    return figure


def highest(look: Look, item: Speedup) -> float:
    """The upper end of what is drawn of it; the measured capacity is drawn without its interval."""
    value = look.value(item)
    return value.value if item.row.executor == CAPACITY else value.high or value.value


def look_ideal(look: Look, item: Speedup) -> float:
    """The ideal at this point."""
    return look.ideal(item.workers, item.cpus)


def grouped(found: Sequence[Speedup]) -> list[list[Panel]]:
    """A group of panels for each work, a panel for each limit; a crowded one is one for each executor instead."""
    groups = []
    for work in sorted({item.row.work or "" for item in found}, key=work_order):
        panels = []
        for limit in distinct(item.target.panel for item in found):
            items = [item for item in found if item.row.work == work and item.target.panel == limit]
            panels += panels_of(f"{limit}\n{labels.work(work)}", items)
        groups.append(panels)
    return groups


def work_order(work: str) -> tuple[int, str]:
    """Known kinds of work in their order, then the others."""
    return (list(labels.WORKS).index(work) if work in labels.WORKS else len(labels.WORKS)), work


def panels_of(title: str, items: Sequence[Speedup]) -> list[Panel]:
    """All that was measured of one work under one limit, in as many panels as it takes to be told apart."""
    if not items:
        return []
    cpus = items[0].cpus
    if len({(item.target.id, item.line) for item in items if item.row.executor != CAPACITY}) <= MOST_LINES:
        return [Panel(title, items, cpus)]
    return [
        Panel(
            f"{title}\n{labels.executor(*line)}",
            [item for item in items if item.line == line or item.row.executor == CAPACITY],
            cpus,
        )
        for line in lines(items)
    ]


def draw_ideal(place: Axes, panel: Panel, look: Look) -> None:
    """The ideal, with its knee where workers and CPUs are equal."""
    workers = {float(item.workers) for item in panel.items}
    knee = {panel.cpus} if panel.cpus and min(workers) < panel.cpus < max(workers) else set()
    at = sorted(workers | knee)
    values = [look.ideal(count, panel.cpus) for count in at]
    mark = "_" if len(at) == 1 else ""
    place.plot(at, values, color=theme.IDEAL, linewidth=1.2, linestyle=(0, (5, 3)), marker=mark, zorder=2.5)


def draw_lines(place: Axes, items: Sequence[Speedup], styles: dict[str, theme.Style], look: Look) -> None:
    """Every line of the panel, side by side by a little, each point with its interval."""
    by_line = [list(group) for _, group in groupby(items, key=lambda item: (item.target.id, item.line))]
    for index, line in enumerate(by_line):
        ordered = sorted(line, key=lambda item: item.workers)
        first = ordered[0]
        style = styles[first.target.version]
        capacity = first.row.executor == CAPACITY
        spread = 0.04 * len(by_line) * max(1, max(item.workers for item in items) / 4)
        shift = 0 if capacity else dodge(index, len(by_line), min(spread, 0.4))
        at = [item.workers + shift for item in ordered]
        if capacity:
            draw_capacity(place, at, [look.value(item).value for item in ordered], style.colour)
            continue
        line_style = theme.executor_line(*first.line)
        face = "white" if first.row.executor == "threads" else style.colour
        look_alike = {"color": style.colour, "marker": style.marker, "markerfacecolor": face, "zorder": 4}
        fit = look.fit(first, [item.workers for item in ordered])
        if fit:
            draw_fit(place, fit, style.colour, line_style)
            line_style = "none"
        upright(place, at, [look.value(item) for item in ordered], linestyle=line_style, **look_alike)


def draw_fit(place: Axes, fit: Fit, colour: str, line: theme.Line) -> None:
    """The law as its executor's line among the points, its band behind it; neither reaches beyond what was measured."""
    place.fill_between(fit.at, fit.low, fit.high, color=colour, alpha=0.13, linewidth=0, zorder=1.5)
    place.plot(fit.at, fit.value, color=colour, linestyle=line, linewidth=1.3, zorder=3)


def draw_capacity(place: Axes, at: Sequence[float], heights: Sequence[float], colour: str) -> None:
    """What the CPUs give without a pool: broad and pale, so that it is never taken for a pool."""
    place.plot(at, heights, color=colour, linewidth=6, alpha=0.22, zorder=2, solid_capstyle="round")
    place.plot(at, heights, color=colour, linestyle="none", marker="_", markersize=11, alpha=0.6, zorder=2)


def workers_axis(place: Axes, counts: Sequence[int]) -> None:
    """Whole workers only."""
    if counts[-1] > LINEAR_UP_TO:
        place.set_xscale("log", base=2)
        place.set_xlim(counts[0] / 1.3, counts[-1] * 1.3)
    else:
        place.set_xlim(min(counts[0], 1) - 0.4, max(counts[-1], 2) + 0.4)
    plain_ticks(place, "x", counts, [str(count) for count in counts])
    place.set_xlabel("workers")


def legends(found: Sequence[Speedup], styles: dict[str, theme.Style]) -> list[Legend]:
    """Colour and marker say the version, the line says the executor."""
    shown = lines(found)
    by_version = [entry(name, style.colour, style.marker) for name, style in styles.items()]
    by_line = [
        entry(labels.executor(*line), theme.MUTED, HOLLOW.get(line[0], ""), theme.executor_line(*line), hollow=True)
        for line in shown
    ]
    bounds = [entry("ideal", theme.IDEAL, line=(0, (5, 3)))]
    if any(item.row.executor == CAPACITY for item in found):
        broad = entry("measured capacity: independent processes, no pool", theme.MUTED, line="-")
        broad.set(linewidth=6, alpha=0.3)
        bounds.append(broad)
    return [Legend("Python", by_version), Legend("Workers are", by_line), Legend("Bounds", bounds)]
