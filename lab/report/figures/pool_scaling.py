"""Speed-up and efficiency of a fixed job over the number of workers, and over both CPUs and workers as a map."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.colors import Normalize

from lab.agent.scenario import View, load
from lab.report import labels
from lab.report.drawing import theme
from lab.report.drawing.dots import version_legend
from lab.report.drawing.drawing import Drawing, Figure, Missing, distinct, notes
from lab.report.drawing.heat import Map, draw_heat
from lab.report.drawing.layout import Legend, Text, entry
from lab.report.drawing.lines import MOST_LINES, Line, Panel, Scales, draw_lines
from lab.report.drawing.views import draw_view
from lab.report.speedup import SCENARIO, Speedup, ideal, lines, speedups, work_order
from lab.stats.laws import fitted_curve
from lab.text import plural

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

    from lab.report.data import RunData
    from lab.report.speedup import Speedup
    from lab.stats.rounds import Estimate

QUOTA_NOTE = (
    "Under a quota below one CPU the serial job uses the whole quota too, so the ideal is 1. The speed-up there "
    "compares with the serial job under the same quota, not with a whole CPU."
)
FIT_NOTE = (
    "Line with a band: the fitted law of scaling.csv (Universal Scalability Law or Amdahl's law). The band takes the "
    "limits of all coefficients at once, so it is wider than a 95% band."
)
MAP_NOTE = "The map shows estimates; their intervals are in the figure pool_efficiency. Hatched: not measured."
STEPS = 40
CURVES = ("usl", "amdahl")  # Karp and Flatt's fraction is of a single worker count
CAPACITY = "independent"
TIMES = View(
    "lines",
    measure="Time of the job. A speed-up needs the serial job, which was not measured on the same target.",
    unit="per job",
    operations=("job",),
    x="workers",
    names=("executor", "start_method"),
    facets=("work",),
    words={"independent": "independent processes"},
)
Key = tuple[str, str, str, str]
Grid = dict[tuple[float, float], float]  # (CPUs, workers) -> efficiency


@dataclass(frozen=True)
class Fit:
    """A fitted law over workers, with the limits of its band; NaN where it has none."""

    at: Sequence[float]
    value: Sequence[float]
    low: Sequence[float]
    high: Sequence[float]


@dataclass(frozen=True)
class Look:
    """How speed-ups are drawn: their value, the ideal, the axis label, and the fitted laws."""

    value: Callable[[Speedup], Estimate]
    ideal: Callable[[float, float | None], float]
    axis: str
    laws: Mapping[Key, Mapping[str, Any]]


def speedup(data: RunData) -> Drawing | Missing:
    """Speed-up over the serial job of the same target, one panel per limit and work; without serial jobs, times."""
    text = Text(
        title="How much faster does a fixed job get with more workers?",
        subtitle="Speed-up over the serial job of the same target (= 1), paired within rounds. Higher is better.",
        notes=(),
    )
    if not speedups(data):
        return draw_view(load(SCENARIO), TIMES, data)
    laws = {law_key(row): row for row in data.scaling if has_curve(row)}
    look = Look(lambda item: item.value, ideal, "speed-up (times serial)", laws)
    return drawn(data, text, look, "Speed-up", pick=max)


def efficiency(data: RunData) -> Drawing | Missing:
    """Efficiency, one panel per limit and work; 1 is the ideal for the number of workers and CPUs."""
    text = Text(
        title="How efficiently does the pool use the CPUs?",
        subtitle="Efficiency: speed-up / min(workers, CPUs), so 1 is the ideal. Higher is better. Above 1, the serial "
        "job was slower than the same work in the workers.",
        notes=(),
    )
    look = Look(lambda item: item.efficiency, lambda _workers, _cpus: 1.0, "efficiency (share of ideal)", {})
    return drawn(data, text, look, "Efficiency", pick=min)


def drawn(data: RunData, text: Text, look: Look, what: str, *, pick: Callable[..., Speedup]) -> Drawing | Missing:
    """Draw the panels, one group per work; ``pick`` chooses the value that the alternative text names."""
    found = speedups(data)
    if not found:
        return Missing(f"no {SCENARIO} job was measured together with its serial time")
    quota = any(item.target.cpu_mode == "quota" for item in found)
    rows = [item.row for item in found]
    foot = notes(data, rows, QUOTA_NOTE if quota else "", FIT_NOTE if look.laws else "", ratios=True)
    styles = theme.versions(item.target for item in found)
    text = Text(
        title=text.title, subtitle=text.subtitle, notes=foot, legends=[version_legend(styles), bounds_legend(found)]
    )
    groups = [
        [
            panel
            for limit in distinct(item.target.panel for item in found)
            for panel in panels(
                f"{limit}\n{labels.work(work)}",
                [item for item in found if (item.row.work or "", item.target.panel) == (work, limit)],
                styles,
                look,
            )
        ]
        for work in sorted({item.row.work or "" for item in found}, key=work_order)
    ]
    heights = [max(look.value(item).value, look.ideal(item.workers, item.cpus)) for item in found]
    scales = Scales(x="workers", y=look.axis, name="{:g}".format, log=False, top=1.08 * max(heights))
    pools = [item for item in found if item.row.executor != CAPACITY] or found
    end = pick(pools, key=lambda item: look.value(item).value)
    targets = plural(len({item.target.id for item in found}), "target")
    return Drawing(
        draw_lines(groups, text, scales, [executor_legend(found)]),
        f"{what} over workers for {targets}; the {'highest' if pick is max else 'lowest'} is "
        f"{look.value(end).value:.2f} with {labels.counted(end.workers, end.row.executor)} ({end.target.id}).",
    )


def panels(title: str, items: Sequence[Speedup], styles: Mapping[str, theme.Style], look: Look) -> list[Panel]:
    """The panels of one work under one limit: one, or one per executor where there are too many lines."""
    if not items:
        return []
    pools = [item for item in items if item.row.executor != CAPACITY]
    below = partial(draw_below, items=items, styles=styles, look=look)
    if len({(item.target.id, item.line) for item in pools}) <= MOST_LINES:
        return [Panel(title=title, lines=lines_of(pools, styles, look), below=below)]
    parts = [(labels.executor(*line), [item for item in pools if item.line == line]) for line in lines(items)]
    capacity = [item for item in items if item.row.executor == CAPACITY]
    return [
        Panel(
            title=f"{title}\n{name}",
            lines=lines_of(part, styles, look),
            below=partial(draw_below, items=[*part, *capacity], styles=styles, look=look),
        )
        for name, part in parts
    ]


def lines_of(items: Sequence[Speedup], styles: Mapping[str, theme.Style], look: Look) -> list[Line]:
    """One line per Python version, executor and start method; only points where a law is drawn."""
    found = []
    for line in by_line(items):
        style = styles[line[0].target.version]
        found.append(
            Line(
                name=labels.executor(*line[0].line),
                style=theme.Style(style.colour, style.marker, theme.executor_line(*line[0].line)),
                at=[item.workers for item in line],
                values=[look.value(item) for item in line],
                joined=fitted(look.laws, line[0], [item.workers for item in line]) is None,
            )
        )
    return found


def by_line(items: Sequence[Speedup]) -> list[list[Speedup]]:
    """The speed-ups of each line, sorted by workers."""
    groups = groupby(items, key=lambda item: (item.target.id, item.line))
    return [sorted(group, key=lambda item: item.workers) for _, group in groups]


def draw_below(place: Axes, *, items: Sequence[Speedup], styles: Mapping[str, theme.Style], look: Look) -> None:
    """Draw the background: the ideal (thin and grey), the measured capacity (broad and pale) and the fitted laws."""
    workers, cpus = {float(item.workers) for item in items}, items[0].cpus
    at = sorted(workers | ({cpus} if cpus and min(workers) < cpus < max(workers) else set()))
    marker = "_" if len(at) == 1 else ""
    heights = [look.ideal(count, cpus) for count in at]
    place.plot(at, heights, color=theme.IDEAL, linewidth=1.2, linestyle=(0, (5, 3)), marker=marker, zorder=2.5)
    for line in by_line(items):
        colour = styles[line[0].target.version].colour
        at = [item.workers for item in line]
        if line[0].row.executor == CAPACITY:
            heights = [look.value(item).value for item in line]
            place.plot(at, heights, color=colour, linewidth=6, alpha=0.22, zorder=2, solid_capstyle="round")
            place.plot(at, heights, color=colour, linestyle="none", marker="_", markersize=11, alpha=0.6, zorder=2)
        elif fit := fitted(look.laws, line[0], at):
            style = theme.executor_line(*line[0].line)
            place.fill_between(fit.at, fit.low, fit.high, color=colour, alpha=0.13, linewidth=0, zorder=1.5)
            place.plot(fit.at, fit.value, color=colour, linestyle=style, linewidth=1.3, zorder=3)


def executor_legend(found: Sequence[Speedup]) -> Legend:
    """The legend of executors, which differ by their dashes."""
    names = [entry(labels.executor(*line), theme.MUTED, line=theme.executor_line(*line)) for line in lines(found)]
    return Legend("Executor", names)


def bounds_legend(found: Sequence[Speedup]) -> Legend:
    """The legend of the ideal and of the measured capacity."""
    edges = [entry("ideal", theme.IDEAL, line=(0, (5, 3)))]
    if any(item.row.executor == CAPACITY for item in found):
        broad = entry("measured capacity: independent processes, no pool", theme.MUTED, line="-")
        broad.set(linewidth=6, alpha=0.3)
        edges.append(broad)
    return Legend("Bounds", edges)


def law_key(row: Mapping[str, Any]) -> Key:
    """Target, work, executor and start method of a row of scaling.csv."""
    names = ("target", "work", "executor", "start_method")
    target, work, executor, method = (str(row.get(name) or "") for name in names)
    return target, work, executor, method


def has_curve(row: Mapping[str, Any]) -> bool:
    """Whether the row's law can be drawn as a speed-up."""
    return row.get("model") in CURVES and bool(row.get("serial_throughput"))


def fitted(laws: Mapping[Key, Mapping[str, Any]], first: Speedup, workers: Sequence[float]) -> Fit | None:
    """The law's speed-up between the smallest and the largest measured worker count; None without a law."""
    row = laws.get((first.target.id, first.row.work or "", first.row.executor or "", first.row.start_method or ""))
    if row is None or not has_curve(row):
        return None
    at = np.linspace(workers[0], min(workers[-1], row.get("largest_workers") or workers[-1]), STEPS)
    value, low, high = (part / row["serial_throughput"] for part in fitted_curve(row, at.tolist()))
    return Fit(at.tolist(), value.tolist(), low.tolist(), high.tolist())


def efficiency_map(data: RunData) -> Drawing | Missing:
    """One row of panels per kind of work, one panel per version, place and kind of pool."""
    found = with_several_limits(
        [item for item in speedups(data) if item.row.executor != "independent" and item.target.cpus]
    )
    if not found:
        return Missing(f"{SCENARIO} was not measured under two limits")
    text = Text(
        title="Which pool fits which number of CPUs?",
        subtitle="Efficiency: speed-up / min(workers, CPUs). Darker is better.",
        notes=notes(data, [item.row for item in found], MAP_NOTE, quota_note(found), bars=False),
    )
    of = Map(
        x="workers",
        y="CPUs",
        across={workers: str(workers) for workers in sorted({item.workers for item in found})},
        up={limit: f"{limit:g}" for limit in sorted({item.target.cpus or 0.0 for item in found})},
        norm=Normalize(0, 1, clip=True),
        show="{:.2f}".format,
    )
    groups = [grids(found, work) for work in sorted({item.row.work or "" for item in found}, key=work_order)]
    return Drawing(draw_heat(groups, text, of), efficiency_words(found))


def quota_note(found: Sequence[Speedup]) -> str:
    """Which rows are quotas; empty where there are none."""
    quotas = sorted({item.target.cpus or 0.0 for item in found if item.target.cpu_mode == "quota"})
    return f"Quotas, not whole CPUs: {', '.join(f'{limit:g}' for limit in quotas)}." if quotas else ""


def with_several_limits(found: Sequence[Speedup]) -> list[Speedup]:
    """The speed-ups of panels with at least two limits; a panel of one row would not be a map."""
    limits: dict[tuple[object, ...], set[float]] = {}
    for item in found:
        limits.setdefault(panel_key(item), set()).add(item.target.cpus or 0.0)
    return [item for item in found if len(limits[panel_key(item)]) > 1]


def panel_key(item: Speedup) -> tuple[object, ...]:
    """The key of the panel that shows a speed-up."""
    return item.row.work, item.line, item.target.version, item.target.place, item.target.host


def grids(found: Sequence[Speedup], work: str) -> dict[str, Grid]:
    """Title -> grid of each panel of one kind of work."""
    found_grids: dict[str, Grid] = {}
    for item in found:
        if item.row.work == work:
            kind = labels.executor(item.row.executor, item.row.start_method)
            machine = f", {item.target.host}" if item.target.host else ""
            title = f"{labels.work(work)}\n{kind}\nPython {item.target.version}\n{item.target.place}{machine}"
            found_grids.setdefault(title, {})[item.target.cpus or 0.0, item.workers] = item.efficiency.value
    return found_grids


def efficiency_words(found: Sequence[Speedup]) -> str:
    """The alternative text: the highest and the lowest efficiency."""
    first, last = (
        f"{item.efficiency.value:.2f} with {labels.counted(item.workers, item.row.executor)} ({item.target.id})"
        for item in (pick(found, key=lambda item: item.efficiency.value) for pick in (max, min))
    )
    return f"Efficiency by CPUs and workers: from {first} down to {last}."


FIGURES = (
    Figure(name="pool_scaling", section="Pool scaling", place=10, draw=speedup, scenario=SCENARIO),
    Figure(name="pool_efficiency", section="Pool scaling", place=11, draw=efficiency, scenario=SCENARIO),
    Figure(name="pool_heat_map", section="Pool scaling", place=12, draw=efficiency_map, scenario=SCENARIO),
)
