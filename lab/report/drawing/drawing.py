"""The types of a figure and of its drawing, and the notes and axes that all figures share."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

from lab.report.drawing import text_metrics, theme
from lab.stats.intervals import MIN_ROUNDS
from lab.stats.rounds import Estimate
from lab.text import plural

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Picture

    from lab.report.data import Row, RunData

TICK_ROOM = {"x": 0.36, "y": 0.26}  # inches, room of a tick label along its axis
FEW_DECADES = 0.7  # a shorter logarithmic axis would have only one or two ticks at 1, 2 and 5
TICK_GAP = 0.08  # inches between two tick labels
MODES_NOTE = ", of order statistics where a time is bimodal"
FREE_NOTE = "Placed by the scheduler: do not compare these times between targets."


@dataclass(frozen=True)
class Drawing:
    """A figure and its alternative text, for readers who cannot see it."""

    figure: Picture
    alternative: str


@dataclass(frozen=True)
class Missing:
    """The reason why a figure could not be drawn."""

    reason: str


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One figure of the report: the name of its files, its section, and the function that draws it.

    ``section`` is one of ``lab.report.figures.SECTIONS``; ``place`` orders the figures within it. ``scenario`` is the
    scenario that is shown, or empty where the figure shows several.
    """

    name: str
    section: str
    place: int
    draw: Callable[[RunData], Drawing | Missing]
    scenario: str = ""


def machine_line(data: RunData) -> str:
    """The machine in one line: processor, CPUs, system, engine and profile."""
    manifest = data.manifest
    host, engine = manifest.host, manifest.engine
    parts = [
        host.cpu_model,
        f"{plural(host.cpus, 'CPU')} in all" if host.cpus else None,
        " ".join(filter(None, (host.os, host.kernel))),
        " ".join(filter(None, (engine.name, engine.version))) if engine else None,
        f"profile {manifest.profile}" if manifest.profile else None,
    ]
    return "Machine: " + (" · ".join(filter(None, parts)) or "not recorded") + "."


def count_line(rows: Iterable[Row]) -> str:
    """How many rounds and batches each point rests on."""
    found = list(rows)
    rounds = count_range({row.rounds for row in found})
    batches = count_range({row.n // row.rounds for row in found if row.rounds})
    nouns = [
        noun if count == "1" else f"{noun}{ending}"
        for count, noun, ending in ((rounds, "round", "s"), (batches, "batch", "es"))
    ]
    return f"n: {rounds} {nouns[0]} of {batches} {nouns[1]} per point."


def count_range(counts: set[int]) -> str:
    """The counts as text: ``5``, ``3 to 5``, or ``no``."""
    return f"{min(counts)}" if len(counts) == 1 else f"{min(counts)} to {max(counts)}" if counts else "no"


def interval_line(rows: Iterable[Row], *, ratios: bool = False) -> str:
    """What the error bars show, or why there are none.

    ``ratios``: the bars belong to ratios that are paired by round, so order statistics of the rows are not used.
    """
    found = list(rows)
    rounds = {row.rounds for row in found}
    if rounds and max(rounds) < MIN_ROUNDS:
        most = max(rounds)
        return f"No intervals: one needs {MIN_ROUNDS} rounds; this has {most}."
    two_modes = not ratios and any(row.stable == "bimodal" for row in found)
    partly = f" (from {MIN_ROUNDS} rounds on)" if rounds and min(rounds) < MIN_ROUNDS else ""
    return (
        f"Bars: 95% t-intervals over rounds{partly}{MODES_NOTE if two_modes else ''}; they hold for this session only."
    )


def notes(data: RunData, rows: Sequence[Row], *more: str, bars: bool = True, ratios: bool = False) -> list[str]:
    """The notes below a figure, with ``more`` in the middle.

    ``bars`` is False where the figure draws points without intervals; ``ratios`` is passed to ``interval_line``.
    """
    slowed = data.manifest.inject_slowdown_percent or 0
    warning = f"SLOWED ON PURPOSE by {slowed}% (--inject-slowdown)." if slowed else ""
    counts = f"{count_line(rows)} {interval_line(rows, ratios=ratios)}" if bars else count_line(rows)
    free = FREE_NOTE if any(row.placement == "free" for row in rows) else ""
    return [warning, counts, *more, free, machine_line(data)]


def distinct(items: Iterable[Any]) -> list[Any]:
    """The items without duplicates, in the order of their first appearance."""
    return list(dict.fromkeys(items))


def draw_vertical(panel: Axes, at: Sequence[float], found: Sequence[Estimate], **style: Any) -> None:  # noqa: ANN401 -- passed to Matplotlib
    """Draw points with vertical error bars; ``at`` are the values of x."""
    panel.errorbar(at, [item.value for item in found], yerr=error_bars(found), capsize=2.5, elinewidth=1.1, **style)


def draw_horizontal(panel: Axes, found: Sequence[Estimate], at: Sequence[float], **style: Any) -> None:  # noqa: ANN401
    """Draw points with horizontal error bars; ``at`` are the values of y."""
    style = {"linestyle": "none", **style}
    panel.errorbar([item.value for item in found], at, xerr=error_bars(found), capsize=2.5, elinewidth=1.1, **style)


def error_bars(found: Sequence[Estimate]) -> list[list[float]] | None:
    """Lengths of the bars below and above each value, NaN for a value without an interval; None if none has one."""
    if not any(item.has_interval for item in found):
        return None
    low = [math.nan if item.low is None else max(0.0, item.value - item.low) for item in found]
    high = [math.nan if item.high is None else max(0.0, item.high - item.value) for item in found]
    return [low, high]


def dodge(index: int, count: int, width: float) -> float:
    """The offset of item ``index`` of ``count``, centred on zero, so that no interval hides another."""
    return 0.0 if count < 2 else (index - (count - 1) / 2) * width / (count - 1)  # noqa: PLR2004


def as_estimate(row: Row, factor: float = 1.0) -> Estimate:
    """A row's estimate with its interval, multiplied by ``factor`` to change the unit."""
    return Estimate(row.estimate or 0.0, row.ci_low, row.ci_high, row.rounds).scaled(factor)


def axis_limits(found: Iterable[Estimate], *, log: bool) -> tuple[float, float]:
    """Axis limits that include all values and their intervals; a linear axis includes 0."""
    ends = [end for item in found for end in (item.value, item.low, item.high) if end is not None]
    if not log:
        top = 1.08 * max(ends) if max(ends) > 0 else 1.0
        return (0.0 if min(ends) > 0 else min(ends) - 0.03 * top), top  # the marker at 0 is not cut off
    low, high = (math.log10(pick([end for end in ends if end > 0] or [1.0])) for pick in (min, max))
    pad = max(0.06 * (high - low), 0.12)
    return 10 ** (low - pad), 10 ** (high + pad)


def plain_ticks(panel: Axes, axis: str, positions: Sequence[float], names: Sequence[str]) -> None:
    """Set ticks with these labels and no minor ticks; along x, only those whose labels fit."""
    which = panel.xaxis if axis == "x" else panel.yaxis
    kept = ticks_that_fit(panel, positions, names) if axis == "x" else range(len(names))
    which.set_ticks([positions[index] for index in kept], [names[index] for index in kept])
    which.set_minor_locator(NullLocator())


def ticks_that_fit(panel: Axes, positions: Sequence[float], names: Sequence[str]) -> list[int]:
    """Indices of the labels that fit without overlap; the first and the last have priority.

    The panel must have its final limits and scale.
    """
    to_axis: Callable[[float], float] = math.log10 if panel.get_xscale() == "log" else float
    low, high = map(to_axis, panel.get_xlim())
    inches = panel_size(panel)[0] / ((high - low) or 1.0)
    centres = [to_axis(position) * inches for position in positions]
    half_widths = [(text_metrics.width_inches(name, theme.RC["xtick.labelsize"]) + TICK_GAP) / 2 for name in names]
    kept: list[int] = []
    last = len(names) - 1
    for index in distinct([0, last, *range(1, last)]):
        if all(abs(centres[index] - centres[other]) >= half_widths[index] + half_widths[other] for other in kept):
            kept.append(index)
    return sorted(kept)


def panel_size(panel: Axes) -> tuple[float, float]:
    """Width and height of a panel in inches."""
    box, (width, height) = panel.get_position(), panel.figure.get_size_inches()  # type: ignore[union-attr]  # a panel of ours has a figure
    return box.width * width, box.height * height


def log_axis(panel: Axes, axis: str) -> None:
    """Make an axis logarithmic with plain numbers; ticks at 2 and 5, or at 3, are added where their labels fit."""
    if axis == "x":
        panel.set_xscale("log")
    else:
        panel.set_yscale("log")
    which = panel.xaxis if axis == "x" else panel.yaxis
    low, high = sorted(panel.get_xlim() if axis == "x" else panel.get_ylim())
    room = panel_size(panel)[axis == "y"]
    decades = math.log10(high / max(low, 1e-12))
    widest = max(text_metrics.width_inches(f"{end:,.0f}", theme.RC["xtick.labelsize"]) for end in (low, high))
    least = max(TICK_ROOM[axis], widest + TICK_GAP) if axis == "x" else TICK_ROOM[axis]
    steps = labelled_steps(room / max(1e-3, decades), least)
    few = decades < FEW_DECADES
    which.set_major_locator(MaxNLocator(4) if few else LogLocator(base=10, subs=steps, numticks=20))
    which.set_minor_locator(NullLocator())
    which.set_major_formatter(FuncFormatter(text_metrics.all_digits))


def labelled_steps(decade: float, least: float) -> tuple[float, ...]:
    """The multiples of a power of ten that get a tick.

    ``decade`` is the length of one decade, ``least`` the room that a tick label needs, both in inches.
    """
    steps = ((1.0, 2.0, 5.0), (1.0, 3.0))
    narrowest = {found: min(math.log10(b / a) for a, b in pairwise((*found, 10.0))) for found in steps}
    return next((found for found, share in narrowest.items() if share * decade >= least), (1.0,))
