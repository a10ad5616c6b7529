"""From what a scenario says of its figure (``lab.agent.scenario.View``) to the figure: rows, names, panels, engine."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import groupby
from typing import TYPE_CHECKING, Any

from matplotlib.colors import LogNorm

from lab.agent.scenario import NATURAL, View
from lab.report import labels
from lab.report.crossings import CROSSING_NOTE, Crossing, crossings, mark, spoken
from lab.report.drawing import theme
from lab.report.drawing.dots import Axis, Dot, draw_dots, version_legend
from lab.report.drawing.drawing import Drawing, Missing, as_estimate, distinct, notes
from lab.report.drawing.heat import Map, draw_heat
from lab.report.drawing.layout import Legend, Text, entry
from lab.report.drawing.lines import MOST_LINES, Line, Panel, Scales, draw_lines
from lab.report.targets import largest

if TYPE_CHECKING:
    from lab.agent.scenario import Scenario
    from lab.report.data import Row, RunData
    from lab.report.targets import Target
    from lab.stats.ratios import Estimate

MOST_NAMES = 30  # down the side of one panel, where the axes alone decide what is a name
WORST = 20.0  # times the best of a row: the end of a heat map's colours
KINDS = {
    "Pipes": ("os_pipe", "pipe", "duplex_pipe", "fifo"),
    "Queues": ("queue", "simple_queue", "joinable_queue", "manager_queue"),
    "Sockets": ("unix_socket", "tcp_socket", "listener_client"),
    "Memory and message queues": ("shared_memory", "mmap", "eventfd", "posix_mq", "sysv_mq"),
}
UNITS = {"bytes": (2.0**-20, "MiB"), "bytes/s": (2.0**-20, "MiB/s"), "count": (1.0, "")}
HEAT_NOTE = "Points, not intervals, are shown. Hatched: not measured."


def draw_view(scenario: Scenario, view: View, data: RunData) -> Drawing | Missing:
    """The figure of a scenario, or why there is none: not part of the run, or nothing that has a number."""
    shown = Shown(scenario, view, data)
    if not shown.rows:
        return Missing(why_missing(shown))
    return ENGINES[view.engine](shown)


def why_missing(shown: Shown) -> str:
    """What the run lacks for a figure, with the reason that most rows without a number give."""
    name = shown.scenario.name
    rows = [row for row in shown.data.rows if row.scenario == name]
    if not rows:
        return f"{name} was not part of this run"
    for axis, wanted in shown.view.where.items():
        rows = [row for row in rows if shown.value(row, axis) in (None, *wanted)]
        if not rows:
            return f"{name} was not measured with {labels.axis_name(axis)} {' or '.join(map(str, wanted))}"
    reasons = [row.reason for row in rows if row.estimate is None and row.reason]
    common = max(reasons, key=reasons.count, default="")
    return f"{name} has no number to show" + (f": {common}" if common else "")


@dataclass(frozen=True)
class Shown:
    """What is shown of a scenario: the rows that the view chooses, and how it calls them."""

    scenario: Scenario
    view: View
    data: RunData

    @cached_property
    def rows(self) -> list[Row]:
        """The measured rows, in the order of facets, targets and names."""
        measured = [row for metric in self.view.metrics for row in self.data.pick(self.scenario.name, None, metric)]
        rows = [row for row in measured if self.operations(row) and self.passes(row)]
        if self.view.targets == "largest" and rows:
            targets = {target.id for target in largest_of_each(self.data, rows)}
            rows = [row for row in rows if row.target in targets]
        places = list(self.data.targets)
        return sorted(
            rows,
            key=lambda row: (
                self.ranks(row, self.view.facets), places.index(row.target), self.ranks(row, self.every_axis)
            ),
        )  # fmt: skip

    def operations(self, row: Row) -> bool:
        """Whether the row's operation is one of those that are shown."""
        return row.operation in self.view.operations or not self.view.operations

    def passes(self, row: Row) -> bool:
        """Whether each axis that applies to the row has one of the wanted values."""
        return all(self.value(row, axis) in (None, *wanted) for axis, wanted in self.view.where.items())

    def value(self, row: Row, axis: str) -> Any:  # noqa: ANN401 -- an axis holds a text or a number
        """The row's value of an axis; ``NATURAL`` where the view asks for that and it is."""
        value = row.axis(axis)
        kinds = self.view.hollow[1] if self.view.hollow and self.view.hollow[0] == axis else ()
        asked = {*self.view.where.get(axis, ()), *kinds}
        if NATURAL in asked and value == self.scenario.natural(
            axis, {name: row.axis(name) for name in self.every_axis}
        ):
            return NATURAL
        return value

    @property
    def hollow_axis(self) -> str:
        """The axis whose second value is drawn hollow; empty where there is none."""
        return self.view.hollow[0] if self.view.hollow else ""

    @property
    def every_axis(self) -> tuple[str, ...]:
        """All that a row may differ by: metric, operation and the scenario's own axes, in their order."""
        return tuple(dict.fromkeys(("metric", "operation", *self.scenario.axes)))

    def ranks(self, row: Row, axes: Iterable[str]) -> list[tuple[bool, float, str]]:
        """Where the row's values stand among those declared; numbers by size, what is not declared behind."""
        declared = {**self.scenario.axes, "metric": self.view.metrics}
        if self.view.operations:
            declared["operation"] = self.view.operations
        found = []
        for axis in axes:
            value = row.axis(axis)
            known = list(declared.get(axis, ()))
            number = isinstance(value, int | float)
            place = value if number else known.index(value) if value in known else len(known)
            found.append((number, float(place or 0), "" if number else str(value)))
        return found

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The axes that make a name: the view's own, else all that vary and are not shown otherwise."""
        if self.view.names:
            return self.view.names
        taken = {*self.view.facets, self.view.x, self.hollow_axis}
        free = [axis for axis in self.every_axis if axis not in taken]
        return tuple(axis for axis in free if len({row.axis(axis) for row in self.rows}) > 1) or ("operation",)

    def word(self, row: Row, axis: str) -> str:
        """The value of an axis as a reader sees it; empty where it does not apply or goes without saying."""
        value = row.axis(axis)
        return "" if value is None else self.view.words.get(str(value), labels.axis_value(axis, value))

    def name(self, row: Row, axes: Iterable[str] | None = None) -> str:
        """The words of several axes: those that make a name, if no others are asked for."""
        return ", ".join(word for axis in (self.names if axes is None else axes) if (word := self.word(row, axis)))

    def panel(self, row: Row, *more: str) -> str:
        """What stands above the row's panel: limit, and the values of the facets."""
        target = self.data.targets[row.target]
        return "\n".join(part for part in (*more, target.panel, self.name(row, self.view.facets)) if part)

    def is_hollow(self, row: Row) -> bool:
        """Whether it is the second of two quantities of the same thing."""
        return self.view.hollow is not None and self.value(row, self.hollow_axis) == list(self.view.hollow[1])[1]

    @cached_property
    def unit(self) -> tuple[float, str]:
        """Factor and unit of the values at the axis: for times the one that suits their geometric mean."""
        if self.view.share_of:
            return 1.0, "%"
        unit = self.rows[0].unit
        if unit != "ns":
            return UNITS.get(unit, (1.0, unit))
        logs = [math.log(row.estimate) for row in self.rows if row.estimate and row.estimate > 0]
        middle = math.exp(sum(logs) / len(logs)) if logs else 1.0
        factor, name = next((pair for pair in labels.TIMES if middle >= pair[0]), labels.TIMES[-1])
        return 1 / factor, name

    def estimate(self, row: Row) -> Estimate:
        """The row's value in the unit of the axis."""
        share = row.axis(self.view.share_of) if self.view.share_of else None
        return as_estimate(row, 100 / share if share else self.unit[0])

    @property
    def log(self) -> bool:
        """Whether the axis of values is logarithmic, which it cannot be where one is not above 0."""
        return self.view.scale == "log" and all((row.estimate or 0) > 0 for row in self.rows)

    @property
    def label(self) -> str:
        """``µs per task (log scale)``."""
        return f"{self.unit[1]} {self.view.unit}".strip() + (" (log scale)" if self.log else "")

    @property
    def styles(self) -> dict[str, theme.Style]:
        """Colour and marker of each Python version."""
        return theme.versions(self.data.targets[row.target] for row in self.rows)

    def text(self, rows: Sequence[Row], words: Iterable[str], *more: str, bars: bool = True) -> Text:
        """Title, subtitle, notes, and the legend of what is filled and hollow; ``words`` stand in the figure."""
        said = " ".join(words)
        terms = [f"{term}: {meaning}" for term, meaning in self.view.terms.items() if term in said]
        better = f"{self.view.better.capitalize()} is better." if self.view.better else ""
        metric = ", ".join(map(labels.plain, self.view.metrics))
        measure = self.view.measure or f"{metric.capitalize()} {self.view.unit}."
        kinds = []
        if self.view.hollow and any(map(self.is_hollow, rows)):
            line = {"line": "-"} if self.view.engine == "lines" else {}
            kinds = [
                entry(word, theme.MUTED, "o", hollow=bool(index), **line)
                for index, word in enumerate(self.view.hollow[1].values())
            ]
        return Text(
            title=self.view.title or self.scenario.question,
            subtitle=f"{measure} {better}".strip(),
            notes=notes(self.data, rows, self.view.note, *terms, *more, bars=bars),
            legends=[Legend("Shown", kinds)] if kinds else [],
        )

    def alternative(self, rows: Sequence[Row]) -> str:
        """The two ends in words."""
        ends = [pick(rows, key=lambda row: self.estimate(row).value) for pick in (min, max)]
        words = [
            labels.quantity(row.estimate, row.unit)
            if row.unit in ("ns", "bytes")
            else f"{labels.number(self.estimate(row).value)} {self.unit[1]}".strip()
            for row in ends
        ]
        first, last = (
            f"{word} ({', '.join(part for part in (self.name(row), row.target) if part)})"
            for word, row in zip(words, ends, strict=True)
        )
        return f"{self.view.title or self.scenario.question} From {first} to {last}."


def largest_of_each(data: RunData, rows: Sequence[Row]) -> list[Target]:
    """For each version, in containers and natively, the target with the most CPUs; quotas where nothing else is."""
    measured = {row.target for row in rows}
    found = [target for target in data.targets.values() if target.id in measured and target.cpu_mode != "quota"]
    found = found or [target for target in data.targets.values() if target.id in measured]
    by_kind = sorted(found, key=lambda item: (item.host, item.place, item.version_order))
    best = [largest(group) for _, group in groupby(by_kind, key=lambda item: (item.host, item.place, item.version))]
    return [target for target in found if target in best]


def dots(shown: Shown) -> Drawing:
    """A row per name, a panel per limit and facet."""
    if not shown.view.names and len({shown.name(row) for row in shown.rows}) > MOST_NAMES and len(shown.names) > 1:
        shown = replaced(shown, facets=(*shown.view.facets, shown.names[0]))
    rows = shown.rows
    names = distinct(map(shown.name, by_value(shown)))
    if shown.view.order == "declared":
        names = distinct(shown.name(row) for row in sorted(rows, key=lambda row: shown.ranks(row, shown.names)))
    found = [
        Dot(
            panel=shown.panel(row),
            name=shown.name(row),
            version=shown.data.targets[row.target].version,
            value=shown.estimate(row),
            hollow=shown.is_hollow(row),
        )
        for row in rows
    ]
    text = shown.text(rows, [*names, *(dot.panel for dot in found)])
    figure = draw_dots(found, names, text, Axis(label=shown.label, log=shown.log), shown.styles)
    return Drawing(figure, shown.alternative(rows))


def by_value(shown: Shown) -> list[Row]:
    """The rows from the smallest value on, those of the newest version and the first facet before the others."""
    newest = max((row.target for row in shown.rows), key=lambda name: shown.data.targets[name].version_order)
    return sorted(
        shown.rows,
        key=lambda row: (row.target != newest, shown.ranks(row, shown.view.facets), row.estimate or 0.0),
    )


def lines(shown: Shown) -> Drawing | Missing:
    """A line per name over x; what was measured at one x only is left out, or drawn as dots where that is all."""
    view, x = shown.view, shown.view.x
    rows = [row for row in shown.rows if row.axis(x) is not None]
    series: dict[tuple[str, str, str], set[Any]] = {}

    def key(row: Row) -> tuple[str, str, str]:
        return row.target, shown.name(row, view.facets), shown.name(row)

    for row in rows:
        series.setdefault(key(row), set()).add(row.axis(x))
    several = [row for row in rows if len(series[key(row)]) > 1]
    if not several and view.lone:
        return Missing(f"nothing was measured at two values of the axis ({labels.axis_name(x)}) or more")
    if not several:
        return dots(replaced(shown, names=(*shown.names, x)))
    alone = distinct(shown.name(row) for row in rows if row not in several)
    if len(series) > MOST_LINES or view.lone:
        rows = several
    else:
        alone = []
    return drawn_lines(shown, rows, alone)


def drawn_lines(shown: Shown, rows: Sequence[Row], alone: Sequence[str]) -> Drawing:
    """The lines of these rows; ``alone`` are the names of what is left out, having no line."""
    view = shown.view
    palette = next((PALETTES[axis] for axis in shown.names if axis in PALETTES), None)
    groups = grouped(shown, rows, by_target=palette is not None)
    kept = [row for group in groups for mine in group.values() for row in mine]
    left_out = sorted({row.target for row in rows} - {row.target for row in kept})
    order = distinct(shown.name(row) for row in sorted(kept, key=lambda row: shown.ranks(row, shown.names)))
    crossed: list[Crossing] = []
    panels: list[list[Panel]] = []
    for group in groups:
        panels.append([])
        for title, mine in group.items():
            below = None
            if view.crossings:
                marked = crossings(shown.data, mine, best="most" if view.better == "higher" else "least")
                crossed += marked
                below = partial(mark, found=marked)
            panels[-1].append(Panel(title=title, lines=lines_of(shown, mine, order, palette), below=below))
    where = f" at the {view.lone} figure" if view.lone else " in the table of all numbers"
    text = shown.text(
        kept,
        [*order, *(panel.title for group in panels for panel in group)],
        CROSSING_NOTE if view.crossings else "",
        f"Measured at one value only, and to be seen{where}: {', '.join(alone)}." if alone else "",
        f"In the table of all numbers, not drawn: {', '.join(left_out)}." if left_out else "",
    )
    figure = draw_lines(panels, text, scales_of(shown), identity(shown, order, palette), aside=palette is None)
    return Drawing(figure, shown.alternative(kept) + spoken(crossed))


def grouped(shown: Shown, rows: Sequence[Row], *, by_target: bool) -> list[dict[str, list[Row]]]:
    """Title -> rows of each panel, a group per value of the facets.

    Coloured by version, targets under one limit share a panel; where that is crowded, each name has its own. Coloured
    by name, each target has a panel; many mechanisms have one per kind, of the oldest and the newest version.
    """
    kinds: Mapping[str, Collection[str]] = {}
    if by_target and len({row.mechanism for row in rows}) > MOST_LINES:
        known = {name for members in KINDS.values() for name in members}
        kinds = {**KINDS, "Others": {row.mechanism or "" for row in rows} - known}
        targets = oldest_and_newest(shown, rows)
        rows = [row for row in rows if row.target in targets]

    def title(row: Row) -> str:
        if not by_target:
            return shown.panel(row)
        kind = next((kind for kind, members in kinds.items() if (row.mechanism or "") in members), "")
        return shown.panel(row, kind, f"Python {shown.data.targets[row.target].version}")

    found = []
    for _, facet in groupby(rows, key=lambda row: shown.name(row, shown.view.facets)):
        panels: dict[str, list[Row]] = {}
        for row in facet:
            panels.setdefault(title(row), []).append(row)
        order = [*KINDS, "Others"]
        if kinds:
            panels = dict(sorted(panels.items(), key=lambda item: order.index(item[0].partition("\n")[0])))
        found.append(panels)
    if by_target:
        return found
    return [crowded(shown, panels) for panels in found]


def crowded(shown: Shown, panels: Mapping[str, Sequence[Row]]) -> dict[str, list[Row]]:
    """The panels with those of too many lines cut up by name."""
    found: dict[str, list[Row]] = {}
    for title, rows in panels.items():
        cut = len({(row.target, shown.name(row), shown.is_hollow(row)) for row in rows}) > MOST_LINES
        for row in rows:
            found.setdefault(f"{title}\n{shown.name(row)}" if cut else title, []).append(row)
    return found


def oldest_and_newest(shown: Shown, rows: Sequence[Row]) -> set[str]:
    """The targets of the oldest and the newest version in the first place that there is."""
    found = [shown.data.targets[name] for name in distinct(row.target for row in rows)]
    found = sorted(
        (target for target in found if target.place == found[0].place), key=lambda target: target.version_order
    )
    return {found[0].id, found[-1].id}


def lines_of(shown: Shown, rows: Sequence[Row], order: Sequence[str], palette: Palette | None) -> list[Line]:
    """The lines of one panel: a colour per name where there are colours for it, else per version."""
    several = len(shown.styles) > 1 and palette is None
    found = []

    def key(row: Row) -> tuple[int, str, bool]:
        return order.index(shown.name(row)), row.target, shown.is_hollow(row)

    for (place, target, hollow), group in groupby(sorted(rows, key=key), key=key):
        line = sorted(group, key=lambda row: row.axis(shown.view.x))
        version = shown.data.targets[target].version
        if palette:
            style = palette(shown, line[0])
        else:
            style = shown.styles[version]
            style = theme.Style(style.colour, style.marker, theme.DASHES[place % len(theme.DASHES)])
        if hollow:
            style = theme.Style(style.colour, style.marker, theme.DASHES[1])
        found.append(
            Line(
                name=f"{order[place]}, {version}" if several else order[place],
                style=style,
                at=[row.axis(shown.view.x) for row in line],
                values=[shown.estimate(row) for row in line],
                hollow=hollow,
            )
        )
    return found


def by_mechanism(_shown: Shown, row: Row) -> theme.Style:
    """The colour of a mechanism."""
    return theme.mechanism(row.mechanism or "")


def by_metric(_shown: Shown, row: Row) -> theme.Style:
    """The colour of a kind of time."""
    return theme.METRICS.get(row.metric, theme.Style(theme.MUTED, "."))


Palette = Callable[[Shown, "Row"], theme.Style]
PALETTES: dict[str, Palette] = {"mechanism": by_mechanism, "metric": by_metric}


def identity(shown: Shown, order: Sequence[str], palette: Palette | None) -> list[Legend]:
    """What names the lines where they cannot carry their names themselves."""
    heading = " and ".join(labels.plain(axis) for axis in shown.names).capitalize()
    if palette:
        first = {shown.name(row): palette(shown, row) for row in shown.rows}
        styles = {name: first[name] for name in order}
        return [Legend(heading, [entry(name, style.colour, style.marker, "-") for name, style in styles.items()])]
    dashes = [entry(name, theme.MUTED, line=theme.DASHES[i % len(theme.DASHES)]) for i, name in enumerate(order)]
    return [version_legend(shown.styles), *([Legend(heading, dashes)] if len(order) > 1 else [])]


def scales_of(shown: Shown) -> Scales:
    """Both axes of the lines."""
    x = shown.view.x
    return Scales(x=labels.axis_name(x), y=shown.label, name=partial(labels.axis_tick, x), log=shown.log)


def heat(shown: Shown) -> Drawing:
    """A panel per target and facet, each value over the best of its row, a name; dots where there is only one x."""
    view = shown.view
    (up_axis,) = shown.names
    group: dict[str, dict[tuple[float, float], float]] = {}
    for row in shown.rows:
        if row.estimate and row.axis(up_axis) and row.axis(view.x):
            title = shown.panel(row, f"Python {shown.data.targets[row.target].version}")
            group.setdefault(title, {})[row.axis(up_axis), row.axis(view.x)] = row.estimate
    group = {title: relative(grid) for title, grid in group.items() if len({column for _, column in grid}) > 1}
    if not group:
        return dots(replaced(shown, names=(*shown.names, view.x)))
    cells = [cell for grid in group.values() for cell in grid]
    up, across = (sorted({cell[side] for cell in cells}) for side in (0, 1))
    worst = max(ratio for grid in group.values() for ratio in grid.values())
    of = Map(
        x=labels.axis_name(view.x),
        y=labels.axis_name(up_axis),
        across={value: labels.axis_tick(view.x, value) for value in across},
        up={value: labels.axis_tick(up_axis, value) for value in up},
        norm=LogNorm(1, WORST, clip=True),
        show=labels.number,
    )
    text = shown.text(shown.rows, group, HEAT_NOTE, bars=False)
    title = view.title or shown.scenario.question
    return Drawing(draw_heat([group], text, of), f"{title} The worst takes {labels.number(worst)} times the best.")


def relative(grid: Mapping[tuple[float, float], float]) -> dict[tuple[float, float], float]:
    """Each value over the best of its line."""
    best: dict[float, float] = {}
    for (line, _), value in grid.items():
        best[line] = min(value, best.get(line, math.inf))
    return {(line, column): value / best[line] for (line, column), value in grid.items()}


def replaced(shown: Shown, **changes: Any) -> Shown:  # noqa: ANN401 -- as the view takes them
    """The same with another view."""
    return Shown(shown.scenario, View(**{**vars(shown.view), **changes}), shown.data)


ENGINES: dict[str, Callable[[Shown], Drawing | Missing]] = {"dots": dots, "lines": lines, "heat": heat}
