"""What a figure is, what its function gives back, and the notes and axes that every figure has."""

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

TICK_ROOM = {"x": 0.36, "y": 0.26}  # inches that the name of a tick takes along its axis
FEW_DECADES = 0.7  # on a logarithmic axis: ticks at 1, 2 and 5 alone would be one or two
BESIDE = 0.08  # inches between the names of two ticks
MODES_NOTE = ", of order statistics where a time is bimodal"
FREE_NOTE = "Placed by the scheduler: not to be compared between targets."


@dataclass(frozen=True)
class Drawing:
    """A figure and the text that stands for it where it cannot be seen."""

    figure: Picture
    alternative: str


@dataclass(frozen=True)
class Missing:
    """Why there is no figure."""

    reason: str


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One figure of the report: the name of its files, where it stands, and how it is drawn.

    ``section`` is one of ``lab.report.figures.SECTIONS``, ``place`` orders the figures within it. ``scenario`` is the
    one that is shown, empty where there are several.
    """

    name: str
    section: str
    place: int
    draw: Callable[[RunData], Drawing | Missing]
    scenario: str = ""


def machine_line(data: RunData) -> str:
    """The machine in a line: processor, CPUs, system, engine; the limits stand above the panels."""
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
    """How many rounds and batches stand behind a point."""
    found = list(rows)
    rounds = spread({row.rounds for row in found})
    batches = spread({row.n // row.rounds for row in found if row.rounds})
    nouns = [
        noun if count == "1" else f"{noun}{ending}"
        for count, noun, ending in ((rounds, "round", "s"), (batches, "batch", "es"))
    ]
    return f"n: {rounds} {nouns[0]} of {batches} {nouns[1]} per point; the replicate is the round."


def spread(counts: set[int]) -> str:
    """``5``, or ``3 to 5``."""
    return f"{min(counts)}" if len(counts) == 1 else f"{min(counts)} to {max(counts)}" if counts else "no"


def interval_line(rows: Iterable[Row], *, ratios: bool = False) -> str:
    """What the bars are, or why there are none; of ``ratios`` they are paired by round, whatever the rows' own are."""
    found = list(rows)
    rounds = {row.rounds for row in found}
    if rounds and max(rounds) < MIN_ROUNDS:
        most = max(rounds)
        verdict = "One round decides nothing." if most == 1 else f"{plural(most, 'round')} decide nothing."
        return f"No intervals: below {MIN_ROUNDS} rounds none is drawn. {verdict}"
    two_modes = not ratios and any(row.stable == "bimodal" for row in found)
    partly = f" (none below {MIN_ROUNDS} rounds)" if rounds and min(rounds) < MIN_ROUNDS else ""
    return f"Bars: 95% t-intervals over rounds{partly}{MODES_NOTE if two_modes else ''}; they hold for this session."


def notes(data: RunData, rows: Sequence[Row], *more: str, bars: bool = True, ratios: bool = False) -> list[str]:
    """The foot of a figure; ``bars`` is False where it draws points alone and says so itself, ``ratios`` as above."""
    slowed = data.manifest.inject_slowdown_percent or 0
    warning = f"SLOWED ON PURPOSE by {slowed}% (--inject-slowdown)." if slowed else ""
    counts = f"{count_line(rows)} {interval_line(rows, ratios=ratios)}" if bars else count_line(rows)
    free = FREE_NOTE if any(row.placement == "free" for row in rows) else ""
    return [warning, counts, *more, free, machine_line(data)]


def distinct(items: Iterable[Any]) -> list[Any]:
    """Each once, in the order of their first appearance."""
    return list(dict.fromkeys(items))


def upright(panel: Axes, at: Sequence[float], found: Sequence[Estimate], **style: Any) -> None:  # noqa: ANN401 -- handed on to Matplotlib
    """Points with their intervals upright, where they have one."""
    panel.errorbar(at, [item.value for item in found], yerr=reach(found), capsize=2.5, elinewidth=1.1, **style)


def lying(panel: Axes, found: Sequence[Estimate], at: Sequence[float], **style: Any) -> None:  # noqa: ANN401
    """Points with their intervals lying."""
    style = {"linestyle": "none", **style}
    panel.errorbar([item.value for item in found], at, xerr=reach(found), capsize=2.5, elinewidth=1.1, **style)


def reach(found: Sequence[Estimate]) -> list[list[float]] | None:
    """How far each interval reaches down and up; not a number where there is none."""
    if not any(item.has_interval for item in found):
        return None
    low = [math.nan if item.low is None else max(0.0, item.value - item.low) for item in found]
    high = [math.nan if item.high is None else max(0.0, item.high - item.value) for item in found]
    return [low, high]


def dodge(index: int, count: int, width: float) -> float:
    """Side by side around zero, so that no interval hides another."""
    return 0.0 if count < 2 else (index - (count - 1) / 2) * width / (count - 1)  # noqa: PLR2004


def as_estimate(row: Row, factor: float = 1.0) -> Estimate:
    """A row's estimate with its interval, in another unit."""
    return Estimate(row.estimate or 0.0, row.ci_low, row.ci_high, row.rounds).scaled(factor)


def bounds(found: Iterable[Estimate], *, log: bool) -> tuple[float, float]:
    """The ends of an axis with room for all values and their intervals; a linear one has its 0."""
    ends = [end for item in found for end in (item.value, item.low, item.high) if end is not None]
    if not log:
        top = 1.08 * max(ends) if max(ends) > 0 else 1.0
        return (0.0 if min(ends) > 0 else min(ends) - 0.03 * top), top  # so that the marker at 0 is whole
    low, high = (math.log10(pick([end for end in ends if end > 0] or [1.0])) for pick in (min, max))
    pad = max(0.06 * (high - low), 0.12)
    return 10 ** (low - pad), 10 ** (high + pad)


def plain_ticks(panel: Axes, axis: str, positions: Sequence[float], names: Sequence[str]) -> None:
    """Ticks with these names and no minor ones; along x those alone whose names have room."""
    which = panel.xaxis if axis == "x" else panel.yaxis
    kept = with_room(panel, positions, names) if axis == "x" else range(len(names))
    which.set_ticks([positions[index] for index in kept], [names[index] for index in kept])
    which.set_minor_locator(NullLocator())


def with_room(panel: Axes, positions: Sequence[float], names: Sequence[str]) -> list[int]:
    """Which names have room, the first before the last and all others; the panel has its limits and its scale."""
    to_axis: Callable[[float], float] = math.log10 if panel.get_xscale() == "log" else float
    low, high = map(to_axis, panel.get_xlim())
    inches = panel_size(panel)[0] / ((high - low) or 1.0)
    centres = [to_axis(position) * inches for position in positions]
    halves = [text_metrics.width_inches(name, theme.RC["xtick.labelsize"]) / 2 + BESIDE / 2 for name in names]
    kept: list[int] = []
    last = len(names) - 1
    for index in distinct([0, last, *range(1, last)]):
        if all(abs(centres[index] - centres[other]) >= halves[index] + halves[other] for other in kept):
            kept.append(index)
    return sorted(kept)


def panel_size(panel: Axes) -> tuple[float, float]:
    """Width and height of a panel in inches."""
    box, (width, height) = panel.get_position(), panel.figure.get_size_inches()  # type: ignore[union-attr]  # only a panel taken off its figure has none
    return box.width * width, box.height * height


def log_axis(panel: Axes, axis: str) -> None:
    """A logarithmic axis with plain numbers; between decades 2 and 5, or 3, are named where there is room for them."""
    if axis == "x":
        panel.set_xscale("log")
    else:
        panel.set_yscale("log")
    which = panel.xaxis if axis == "x" else panel.yaxis
    low, high = sorted(panel.get_xlim() if axis == "x" else panel.get_ylim())
    room = panel_size(panel)[axis == "y"]
    decades = math.log10(high / max(low, 1e-12))
    widest = max(text_metrics.width_inches(f"{end:,.0f}", theme.RC["xtick.labelsize"]) for end in (low, high))
    least = max(TICK_ROOM[axis], widest + BESIDE) if axis == "x" else TICK_ROOM[axis]
    steps = named_steps(room / max(1e-3, decades), least)
    few = decades < FEW_DECADES
    which.set_major_locator(MaxNLocator(4) if few else LogLocator(base=10, subs=steps, numticks=20))
    which.set_minor_locator(NullLocator())
    which.set_major_formatter(FuncFormatter(text_metrics.all_digits))


def named_steps(decade: float, least: float) -> tuple[float, ...]:
    """Which multiples of a power of ten stand at ticks, where a decade and a tick's name take so many inches."""
    steps = ((1.0, 2.0, 5.0), (1.0, 3.0))
    narrowest = {found: min(math.log10(b / a) for a, b in pairwise((*found, 10.0))) for found in steps}
    return next((found for found, share in narrowest.items() if share * decade >= least), (1.0,))
