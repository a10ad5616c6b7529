"""Draw the figure that a scenario declares (``lab.agent.scenario.View``): dots, lines or a heat map."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from itertools import groupby
from typing import TYPE_CHECKING, Any

from matplotlib.colors import LogNorm

from lab.agent.scenario import View
from lab.report import labels
from lab.report.crossings import CROSSING_NOTE, crossings, crossings_sentence, draw_bands
from lab.report.drawing import theme
from lab.report.drawing.dots import Axis, Dot, draw_dots, version_legend
from lab.report.drawing.drawing import Drawing, Missing, distinct
from lab.report.drawing.heat import Map, draw_heat
from lab.report.drawing.layout import Legend, entry
from lab.report.drawing.lines import MOST_LINES, Line, Panel, Scales, draw_lines
from lab.report.drawing.shown import Shown, why_missing

if TYPE_CHECKING:
    from lab.agent.scenario import Scenario
    from lab.report.data import Row, RunData

MOST_NAMES = 30  # rows of one panel, where the view declares no names
WORST = 20.0  # times the best of a row: the deepest colour of a heat map
KINDS = {
    "Pipes": ("os_pipe", "pipe", "duplex_pipe", "fifo"),
    "Queues": ("queue", "simple_queue", "joinable_queue", "manager_queue"),
    "Sockets": ("unix_socket", "tcp_socket", "listener_client"),
    "Memory and message queues": ("shared_memory", "mmap", "eventfd", "posix_mq", "sysv_mq"),
}
HEAT_NOTE = "The map shows estimates without intervals. Hatched: not measured."


def draw_view(scenario: Scenario, view: View, data: RunData) -> Drawing | Missing:
    """Draw one view of a scenario, or give the reason why there is nothing to draw."""
    shown = Shown(scenario, view, data)
    if not shown.rows:
        return Missing(why_missing(shown))
    return ENGINES[view.engine](shown)


def dots(shown: Shown) -> Drawing:
    """A dot plot: one row per name, one panel per limit and facet."""
    if not shown.view.names and len({shown.name(row) for row in shown.rows}) > MOST_NAMES and len(shown.names) > 1:
        shown = shown.replaced(facets=(*shown.view.facets, shown.names[0]))
    rows = shown.rows
    names = distinct(map(shown.name, rows_by_value(shown)))
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


def rows_by_value(shown: Shown) -> list[Row]:
    """The rows by value, smallest first; rows of the newest version and the first facet come before the others."""
    newest = max((row.target for row in shown.rows), key=lambda name: shown.data.targets[name].version_order)
    return sorted(
        shown.rows,
        key=lambda row: (row.target != newest, shown.ranks(row, shown.view.facets), row.estimate or 0.0),
    )


def lines(shown: Shown) -> Drawing | Missing:
    """Line plots over x, one line per name.

    A name that was measured at one x only may be left out, with a note. Where no name has two values of x, dots are
    drawn instead.
    """
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
        return dots(shown.replaced(names=(*shown.names, x)))
    alone = distinct(shown.name(row) for row in rows if row not in several)
    if len(series) > MOST_LINES or view.lone:
        rows = several
    else:
        alone = []
    return drawn_lines(shown, rows, alone)


def drawn_lines(shown: Shown, rows: Sequence[Row], alone: Sequence[str]) -> Drawing:
    """Draw the rows as lines; ``alone`` are the names that are left out because they were measured at one x only."""
    view = shown.view
    palette = next((PALETTES[axis] for axis in shown.names if axis in PALETTES), None)
    groups = panel_groups(shown, rows, by_target=palette is not None)
    kept = [row for group in groups for mine in group.values() for row in mine]
    left_out = sorted({row.target for row in rows} - {row.target for row in kept})
    order = distinct(shown.name(row) for row in sorted(kept, key=lambda row: shown.ranks(row, shown.names)))
    parts = [mine for group in groups for mine in group.values()]
    crossed = crossings(shown.data, *parts) if view.crossings else [[] for _ in parts]
    bands = iter(crossed)
    panels = [
        [
            Panel(
                title=title,
                lines=lines_of(shown, mine, order, palette),
                below=partial(draw_bands, found=next(bands)),
            )
            for title, mine in group.items()
        ]
        for group in groups
    ]
    where = f"the figure {view.lone}" if view.lone else "the table of all numbers"
    text = shown.text(
        kept,
        [*order, *(panel.title for group in panels for panel in group)],
        CROSSING_NOTE if view.crossings else "",
        f"Measured at one value only, see {where}: {', '.join(alone)}." if alone else "",
        f"Not drawn, see the table of all numbers: {', '.join(left_out)}." if left_out else "",
    )
    figure = draw_lines(panels, text, scales_of(shown), identity(shown, order, palette), offset=palette is None)
    return Drawing(figure, shown.alternative(kept) + crossings_sentence([one for found in crossed for one in found]))


def panel_groups(shown: Shown, rows: Sequence[Row], *, by_target: bool) -> list[dict[str, list[Row]]]:
    """Title -> rows of each panel, one group per value of the first facet.

    Where colours show versions, targets under one limit share a panel, and a panel of too many lines is split by name.
    ``by_target``: colours show names, and each target has its own panel. Many mechanisms then get one panel per kind,
    and only the oldest and the newest version is drawn.
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
    for _, facet in groupby(rows, key=lambda row: shown.name(row, shown.view.facets[:1])):
        panels: dict[str, list[Row]] = {}
        for row in facet:
            panels.setdefault(title(row), []).append(row)
        order = [*KINDS, "Others"]
        if kinds:
            panels = dict(sorted(panels.items(), key=lambda item: order.index(item[0].partition("\n")[0])))
        found.append(panels)
    if by_target:
        return found
    return [split_by_name(shown, panels) for panels in found]


def split_by_name(shown: Shown, panels: Mapping[str, Sequence[Row]]) -> dict[str, list[Row]]:
    """Split each panel of more than ``MOST_LINES`` lines into one panel per name."""
    found: dict[str, list[Row]] = {}
    for title, rows in panels.items():
        cut = len({(row.target, shown.name(row), shown.is_hollow(row)) for row in rows}) > MOST_LINES
        for row in rows:
            found.setdefault(f"{title}\n{shown.name(row)}" if cut else title, []).append(row)
    return found


def oldest_and_newest(shown: Shown, rows: Sequence[Row]) -> set[str]:
    """The targets of the oldest and the newest version in the place of the first row."""
    found = [shown.data.targets[name] for name in distinct(row.target for row in rows)]
    found = sorted(
        (target for target in found if target.place == found[0].place), key=lambda target: target.version_order
    )
    return {found[0].id, found[-1].id}


def lines_of(shown: Shown, rows: Sequence[Row], order: Sequence[str], palette: Palette | None) -> list[Line]:
    """The lines of one panel: coloured by ``palette`` where there is one, else by version."""
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
    """The style of the row's mechanism."""
    return theme.mechanism(row.mechanism or "")


def by_metric(_shown: Shown, row: Row) -> theme.Style:
    """The style of the row's metric."""
    return theme.METRICS.get(row.metric, theme.Style(theme.MUTED, "."))


Palette = Callable[[Shown, "Row"], theme.Style]
PALETTES: dict[str, Palette] = {"mechanism": by_mechanism, "metric": by_metric}


def identity(shown: Shown, order: Sequence[str], palette: Palette | None) -> list[Legend]:
    """The legends for lines whose names are not written at their ends."""
    heading = " and ".join(labels.plain(axis) for axis in shown.names).capitalize()
    if palette:
        first = {shown.name(row): palette(shown, row) for row in shown.rows}
        styles = {name: first[name] for name in order}
        return [Legend(heading, [entry(name, style.colour, style.marker, "-") for name, style in styles.items()])]
    dashes = [entry(name, theme.MUTED, line=theme.DASHES[i % len(theme.DASHES)]) for i, name in enumerate(order)]
    return [version_legend(shown.styles), *([Legend(heading, dashes)] if len(order) > 1 else [])]


def scales_of(shown: Shown) -> Scales:
    """Labels and scales of both axes."""
    x = shown.view.x
    return Scales(x=labels.axis_name(x), y=shown.label, name=partial(labels.axis_tick, x), log=shown.log)


def heat(shown: Shown) -> Drawing:
    """A heat map: one panel per target and facet, each value divided by the best of its row.

    Where only one x was measured, dots are drawn instead.
    """
    view = shown.view
    (up_axis,) = shown.names
    group: dict[str, dict[tuple[float, float], float]] = {}
    for row in shown.rows:
        if row.estimate and row.axis(up_axis) and row.axis(view.x):
            title = shown.panel(row, f"Python {shown.data.targets[row.target].version}")
            group.setdefault(title, {})[row.axis(up_axis), row.axis(view.x)] = row.estimate
    group = {title: relative(grid) for title, grid in group.items() if len({column for _, column in grid}) > 1}
    if not group:
        return dots(shown.replaced(names=(*shown.names, view.x)))
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
    """Each value divided by the best of its row; keys are (row, column)."""
    best: dict[float, float] = {}
    for (row, _), value in grid.items():
        best[row] = min(value, best.get(row, math.inf))
    return {(row, column): value / best[row] for (row, column), value in grid.items()}


ENGINES: dict[str, Callable[[Shown], Drawing | Missing]] = {"dots": dots, "lines": lines, "heat": heat}
