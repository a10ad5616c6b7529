"""What a figure's function gives back, and the notes that every figure carries."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from lab.report import labels
from lab.report.drawing import text_metrics
from lab.stats.intervals import MIN_ROUNDS
from lab.stats.ratios import Estimate
from lab.text import plural

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from lab.report.data import Row, RunData

TICK_ROOM = {"x": 0.36, "y": 0.26}  # inches that the name of a tick takes along its axis
MODES_NOTE = ", of order statistics where a time has two modes"


@dataclass(frozen=True)
class Drawing:
    """A figure and the text that stands for it where it cannot be seen."""

    figure: Figure
    alternative: str


@dataclass(frozen=True)
class Missing:
    """Why there is no figure."""

    reason: str


def machine_line(data: RunData) -> str:
    """The machine in a line: processor, CPUs, system, engine; the limits stand above the panels."""
    host = data.manifest.get("host") or {}
    engine = data.manifest.get("engine") or {}
    parts = [
        host.get("cpu_model"),
        f"{plural(host['cpus'], 'CPU')} in all" if host.get("cpus") else None,
        " ".join(str(host[name]) for name in ("os", "kernel") if host.get(name)),
        host.get("hypervisor") and f"virtual machine ({host['hypervisor']})",
        " ".join(str(engine[name]) for name in ("name", "version") if engine.get(name)),
        data.manifest.get("profile") and f"profile {data.manifest['profile']}",
    ]
    return "Machine: " + (" · ".join(str(part) for part in parts if part) or "not recorded") + "."


def count_line(rows: Iterable[Row]) -> str:
    """How many rounds and batches stand behind a point."""
    found = list(rows)
    rounds = spread({row.rounds for row in found})
    batches = spread({row.n // row.rounds for row in found if row.rounds})
    nouns = [
        noun if count == "1" else f"{noun}{ending}"
        for count, noun, ending in ((rounds, "round", "s"), (batches, "batch", "es"))
    ]
    return f"n: {rounds} {nouns[0]} of {batches} {nouns[1]} a point; the replicate is the round."


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
    return f"Bars: 95 % t-intervals over rounds{partly}{MODES_NOTE if two_modes else ''}; they hold for this session."


def notes(data: RunData, rows: Sequence[Row], *more: str, bars: bool = True, ratios: bool = False) -> list[str]:
    """The foot of a figure; ``bars`` is False where it draws points alone and says so itself, ``ratios`` as below."""
    slowed = data.manifest.get("inject_slowdown_percent") or 0
    warning = f"SLOWED ON PURPOSE by {slowed} % (--inject-slowdown)." if slowed else ""
    counts = f"{count_line(rows)} {interval_line(rows, ratios=ratios)}" if bars else count_line(rows)
    return [warning, counts, *more, machine_line(data)]


def least(rows: Iterable[Row]) -> Row:
    """The row with the lowest estimate."""
    return min(rows, key=lambda row: row.estimate or 0.0)


def most(rows: Iterable[Row]) -> Row:
    """The row with the highest estimate."""
    return max(rows, key=lambda row: row.estimate or 0.0)


def from_to(
    rows: Sequence[Row], words: Callable[[Row], object], amount: Callable[[float], str] = labels.duration
) -> str:
    """``from 1.2 µs (pipe, py313-linux-c2) to 3.4 ms (…)``, for the text that stands for a figure."""
    ends = [f"{amount(row.estimate or 0)} ({words(row)}, {row.target})" for row in (least(rows), most(rows))]
    return f"from {ends[0]} to {ends[1]}"


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


def plain_ticks(panel: Axes, axis: str, positions: Sequence[float], names: Sequence[str]) -> None:
    """Exactly these ticks with these names, and no minor ones."""
    which = panel.xaxis if axis == "x" else panel.yaxis
    which.set_ticks(list(positions), list(names))
    which.set_minor_locator(NullLocator())


def log_axis(panel: Axes, axis: str) -> None:
    """A logarithmic axis with plain numbers; between decades 2 and 5, or 3, are named where there is room for them."""
    if axis == "x":
        panel.set_xscale("log")
    else:
        panel.set_yscale("log")
    which = panel.xaxis if axis == "x" else panel.yaxis
    low, high = sorted(panel.get_xlim() if axis == "x" else panel.get_ylim())
    # Only a panel that was taken off its figure has none.
    box, (width, height) = panel.get_position(), panel.figure.get_size_inches()  # type: ignore[union-attr]
    room = box.width * width if axis == "x" else box.height * height
    steps = named_steps(room / max(1e-3, math.log10(high / max(low, 1e-12))), TICK_ROOM[axis])
    which.set_major_locator(LogLocator(base=10, subs=steps, numticks=20))
    which.set_minor_locator(NullLocator())
    which.set_major_formatter(FuncFormatter(text_metrics.all_digits))


def named_steps(decade: float, least: float) -> tuple[float, ...]:
    """Which multiples of a power of ten stand at ticks, where a decade and a tick's name take so many inches."""
    narrowest = {(1.0, 2.0, 5.0): math.log10(2), (1.0, 3.0): math.log10(3)}
    return next((steps for steps, share in narrowest.items() if share * decade >= least), (1.0,))
