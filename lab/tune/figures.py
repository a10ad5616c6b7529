"""Figures of a tune: speed-up by executor, over workers and over chunk sizes, and which worker ran when."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from lab.report import labels
from lab.report.drawing import theme
from lab.report.drawing.drawing import axis_limits, draw_horizontal
from lab.report.drawing.layout import Legend, Shape, Text, caption_of, entry, panel_figure
from lab.report.drawing.lines import MOST_LINES, Line, Panel, Scales, draw_lines
from lab.report.drawing.save import save
from lab.report.drawing.text_metrics import width_inches
from lab.report.pages.content import Picture
from lab.report.speedup import ideal
from lab.stats.intervals import MIN_ROUNDS
from lab.stats.rounds import Estimate
from lab.text import plural
from lab.tune.answer import Answer
from lab.tune.choices import Choice, Span
from lab.tune.verdict import limiting_cpus, speedups
from lab.tune.words import NAMES, label

STYLES = {
    ("threads", ""): theme.Style(theme.ORANGE, "^"),
    ("pool", "fork"): theme.Style(theme.BLUE, "o"),
    ("pool", "forkserver"): theme.Style(theme.BLUE, "s", theme.DASHES[1]),
    ("pool", "spawn"): theme.Style(theme.BLUE, "D", theme.DASHES[3]),
    ("process_pool_executor", "fork"): theme.Style(theme.VERMILLION, "o"),
    ("process_pool_executor", "forkserver"): theme.Style(theme.VERMILLION, "s", theme.DASHES[1]),
    ("process_pool_executor", "spawn"): theme.Style(theme.VERMILLION, "D", theme.DASHES[3]),
    ("interpreter_pool_executor", ""): theme.Style(theme.GREEN, "v"),
    ("loky", ""): theme.Style(theme.PURPLE, "P"),
    ("joblib", ""): theme.Style(theme.SKY, "X"),
}
BAR = 0.8  # share of a worker's lane
LANE = 0.28  # inches
MOST_LANES = 32


def pictures(result: Answer, spans: Sequence[Span], folder: Path, cpus: float) -> list[Picture]:
    """Draw and save all figures; each that cannot be drawn has its reason."""
    values = speedups(result.found.scale, result.found.search)
    values |= {option.choice: option.speedup for option in result.verdict.options}
    return [
        _saved(folder, f"{result.target}-executors", lambda: _executors(values), "Speed-up of each executor."),
        _saved(
            folder,
            f"{result.target}-workers",
            lambda: _workers(values, limiting_cpus(result.verdict, cpus)),
            _workers_alternative(values),
        ),
        _saved(
            folder, f"{result.target}-chunk-sizes", lambda: _chunks(values), "Speed-up over chunk sizes of one choice."
        ),
        _saved(folder, f"{result.target}-timeline", lambda: _timeline(result, spans), _timeline_alternative(spans)),
    ]


def _saved(folder: Path, name: str, draw: Callable[[], Figure | str], alternative: str) -> Picture:
    with mpl.rc_context(theme.RC):  # type: ignore[arg-type]  # the stubs list all names
        figure = draw()
    if isinstance(figure, str):
        return Picture(name=name, reason=figure)
    return Picture(name=name, alternative=alternative, svg=save(figure, folder, name), caption=caption_of(figure))


def _counts(values: Sequence[Estimate]) -> str:
    """On how many blocks the points rest, and what the bars are."""
    rounds = sorted({value.rounds for value in values})
    span = f"{rounds[0]}" if len(rounds) == 1 else f"{rounds[0]} to {rounds[-1]}"
    partly = f", from {MIN_ROUNDS} blocks on" if rounds[0] < MIN_ROUNDS else ""
    return (
        f"n: {span} blocks per point, each with a serial pass of its own. Bars: 95% t-intervals{partly}. Points of the "
        "search show the shape; the table has the numbers of the final phase."
    )


def _by_workers(values: dict[Choice, Estimate]) -> dict[tuple[str, str], dict[int, Estimate]]:
    """Executor and start method -> workers -> speed-up, with default chunks; the better number of library threads."""
    found: dict[tuple[str, str], dict[int, Estimate]] = {}
    for choice, value in values.items():
        if choice.executor == "serial" or not choice.workers or choice.chunksize:
            continue
        line = found.setdefault((choice.executor, choice.start_method), {})
        if choice.workers not in line or value.value > line[choice.workers].value:
            line[choice.workers] = value
    return found


def _executors(values: dict[Choice, Estimate]) -> Figure | str:
    """One row per executor at the number of workers that most of them were measured with, and the baselines."""
    plain = {choice: value for choice, value in values.items() if not choice.chunksize and choice.executor != "serial"}
    sizes = Counter(choice.workers for choice in plain if choice.workers)
    if not sizes:
        return "no pool of a stated size was measured"
    size = max(sizes, key=lambda workers: (sizes[workers], workers))
    shown = {choice: value for choice, value in plain.items() if choice.workers in (0, size)}
    rows = sorted(shown, key=lambda choice: shown[choice].value)
    names = [label(choice) for choice in rows]
    text = Text(
        title="Which executor?",
        subtitle=f"Speed-up over the serial pass (= 1, the line) with {plural(size, 'worker')}. Higher is better.",
        notes=[_counts(list(shown.values()))],
    )
    left = 0.3 + max(width_inches(name, theme.RC["ytick.labelsize"]) for name in names)
    figure, axes = panel_figure(text, [[""]], Shape(columns=1, height=max(1.0, LANE * len(rows)), left=left))
    place = axes[0][0]
    place.axvline(1, color=theme.IDEAL, linewidth=1, linestyle=(0, (2, 2)))
    for lane, choice in enumerate(rows):
        style = STYLES.get((choice.executor, choice.start_method), theme.Style(theme.INK, "o"))
        draw_horizontal(place, [shown[choice]], [lane], color=style.colour, marker=style.marker)
    place.set_yticks(range(len(rows)), names)
    place.set_ylim(-0.6, len(rows) - 0.4)
    place.set_xlim(*axis_limits(shown.values(), log=False))
    place.set_xlabel("speed-up (times serial)")
    return figure


def _workers(values: dict[Choice, Estimate], cpus: float | None) -> Figure | str:
    found = {kind: line for kind, line in _by_workers(values).items() if len(line) > 1}
    if not found:
        return "no executor was measured with several numbers of workers"
    shown = sorted(found, key=lambda kind: -max(value.value for value in found[kind].values()))[:MOST_LINES]
    points = [value for kind in shown for value in found[kind].values()]
    text = Text(
        title="How much faster does it get with more workers?",
        subtitle="Speed-up over the serial pass (= 1), paired by block. Higher is better.",
        notes=[_counts(points)],
        legends=[
            Legend(
                "",
                [
                    entry(
                        "ideal: as many times as CPUs" if cpus else "ideal: as many times as workers",
                        theme.IDEAL,
                        line=(0, (2, 2)),
                    )
                ],
            )
        ],
    )
    legend = Legend("executor", [_entry(kind) for kind in shown])
    top = 1.1 * max(value.value for value in points)
    scales = Scales(x="workers", y="speed-up (times serial)", name="{:g}".format, log=False, top=top)
    panel = Panel(title="", lines=[_line(kind, found[kind]) for kind in shown], below=_ideal_below(cpus))
    return draw_lines([[panel]], text, scales, [legend], offset=False)


def _ideal_below(cpus: float | None) -> Callable[[Axes], None]:
    def below(place: Axes) -> None:
        low, high = place.get_xlim()
        steps = [max(low, 0.5) + (high - max(low, 0.5)) * step / 100 for step in range(101)]
        heights = [ideal(max(1.0, step), cpus) for step in steps]
        place.plot(steps, heights, color=theme.IDEAL, linestyle=(0, (2, 2)), linewidth=1)

    return below


def _line(kind: tuple[str, str], points: dict[int, Estimate]) -> Line:
    at = sorted(points)
    return Line(name=_kind_name(kind), style=STYLES[kind], at=at, values=[points[workers] for workers in at])


def _entry(kind: tuple[str, str]) -> Line2D:
    style = STYLES[kind]
    return entry(_kind_name(kind), style.colour, style.marker, style.line)


def _kind_name(kind: tuple[str, str]) -> str:
    return ", ".join(filter(None, (NAMES[kind[0]], kind[1])))


def _workers_alternative(values: dict[Choice, Estimate]) -> str:
    found = _by_workers(values)
    best = max(
        ((value.value, workers, kind) for kind, line in found.items() for workers, value in line.items()), default=None
    )
    if best is None:
        return ""
    return (
        f"Speed-up over workers for {plural(len(found), 'kind')} of executors; the highest is "
        f"{labels.number(best[0])} with {plural(best[1], 'worker')} of {_kind_name(best[2])}."
    )


def _chunks(values: dict[Choice, Estimate]) -> Figure | str:
    sized = [choice for choice in values if choice.chunksize]
    if not sized:
        return "chunk sizes were not compared"
    base = replace(max(sized, key=lambda choice: values[choice].value), chunksize=0)
    line = {choice.chunksize: value for choice, value in values.items() if replace(choice, chunksize=0) == base}
    default = line.pop(0, None)
    sizes = sorted(line)
    style = STYLES[base.executor, base.start_method]
    lines = [Line(name="chunk size given", style=style, at=sizes, values=[line[size] for size in sizes])]
    if default:
        grey = theme.Style(theme.MUTED, "s", theme.DASHES[1])
        lines.append(Line(name="default", style=grey, at=sizes, values=[default] * len(sizes)))
    legends = [Legend("", [entry(item.name, item.style.colour, item.style.marker, item.style.line) for item in lines])]
    text = Text(
        title="Which chunk size is best?",
        subtitle=f"Speed-up of {label(base)} over the serial pass (= 1), paired by block. Higher is better.",
        notes=[_counts([*line.values(), *([default] if default else [])])],
    )
    scales = Scales(x="chunk size (items)", y="speed-up (times serial)", name="{:g}".format, log=False)
    return draw_lines([[Panel(title="", lines=lines)]], text, scales, legends)


def _timeline(result: Answer, spans: Sequence[Span]) -> Figure | str:
    if not spans:
        return "which worker ran which item when was not recorded"
    lanes = sorted({span.worker for span in spans})[:MOST_LANES]
    chosen = (result.pool or result.verdict.recommended).choice
    hidden = len({span.worker for span in spans}) - len(lanes)
    text = Text(
        title="Which worker ran when?",
        subtitle=f"One pass by {label(chosen)}, which enters no number. A gap is a worker without an item.",
        notes=[
            f"{plural(len(spans), 'item')}; light and dark alternate."
            + (f" {hidden} workers left out." if hidden else "")
        ],
    )
    figure, axes = panel_figure(text, [[""]], Shape(columns=1, height=max(1.0, LANE * len(lanes)), left=1.0))
    place = axes[0][0]
    end = max(span.end_ns for span in spans)
    factor, unit = next((pair for pair in labels.TIMES if end >= pair[0]), labels.TIMES[-1])
    for lane, worker in enumerate(lanes):
        own = sorted((span for span in spans if span.worker == worker), key=lambda span: span.start_ns)
        bars = [(span.start_ns / factor, max(span.end_ns - span.start_ns, end / 2000) / factor) for span in own]
        colours = [theme.BLUE if number % 2 else theme.SKY for number in range(len(bars))]
        place.broken_barh(bars, (lane - BAR / 2, BAR), facecolors=colours, linewidth=0)
    place.set_yticks(range(len(lanes)), [f"worker {worker}" for worker in range(len(lanes))])
    place.set_ylim(len(lanes) - 0.5, -0.5)
    place.set_xlim(0, end / factor * 1.02)
    place.set_xlabel(f"time since the start of the pass ({unit})")
    place.grid(visible=False, axis="y")
    return figure


def _timeline_alternative(spans: Sequence[Span]) -> str:
    if not spans:
        return ""
    busy: dict[int, int] = {}
    for span in spans:
        busy[span.worker] = busy.get(span.worker, 0) + span.end_ns - span.start_ns
    end = max(span.end_ns for span in spans)
    shares = [time / end for time in busy.values()]
    return (
        f"Timeline of {plural(len(busy), 'worker')}: each was busy for {min(shares):.0%} to {max(shares):.0%} of "
        f"{labels.duration(end)}."
    )
