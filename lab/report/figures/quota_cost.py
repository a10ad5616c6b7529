"""What a quota costs: wall, CPU and throttled time of one job against workers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.report import labels
from lab.report.drawing import theme
from lab.report.drawing.direct_labels import LineEnd, can_be_named, write_names
from lab.report.drawing.drawing import Drawing, Missing, as_estimate, dodge, notes, upright
from lab.report.drawing.layout import Legend, Shape, Text, entry, sheet
from lab.report.figures.pool_lines import work_order, workers_axis

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes

    from lab.report.data import Row, RunData

    Group = Mapping[str, Sequence[Row]]  # a line of panels: title -> rows

SCENARIO = "pool.scaling"
WORDS = {"wall_time": "wall time", "cpu_time": "CPU time of all processes", "throttled_time": "throttled time"}
SHORT = {"wall_time": "wall", "cpu_time": "CPU", "throttled_time": "throttled"}  # at the end of a line
LINES = {"threads": (0, (1, 1.4)), "processes": "-"}
MS = 1e-6
HEIGHT = 2.2
LEGEND = Legend(
    "One job's",
    [entry(word, theme.METRICS[name].colour, theme.METRICS[name].marker, "-") for name, word in WORDS.items()],
)
THROTTLED_NOTE = "Throttled time is the cgroup's sum over its CPUs: with several workers it can exceed the wall time."


def draw(data: RunData) -> Drawing | Missing:
    """A panel a quota target, work and executor."""
    rows = [
        row
        for metric in WORDS
        for row in data.pick(SCENARIO, "job", metric)
        if data.targets[row.target].cpu_mode == "quota" and row.executor in LINES
    ]
    if not any(row.metric == "throttled_time" for row in rows):
        return Missing("no pool was measured under a quota")
    groups = grouped(data, rows)
    text = Text(
        title="What does a CPU quota cost a pool?",
        subtitle="Time of one job of fixed size: wall (on the clock), CPU (computed by all processes), throttled "
        "(waited for the quota's next period). Lower is better.",
        notes=notes(data, rows, THROTTLED_NOTE),
        legends=[] if named(groups) else [LEGEND],
    )
    counts = sorted({row.workers or 0 for row in rows})
    figure, axes = sheet(text, [list(group) for group in groups], Shape(height=HEIGHT))
    for group, panels in zip(groups, axes, strict=True):
        for mine, panel in zip(group.values(), panels, strict=True):
            fill(panel, mine)
            workers_axis(panel, counts)
            panel.set_ylim(0, top(group))
            if named(groups):
                write_names(panel, ends(mine))
        panels[0].set_ylabel("ms a job")
    worst = max((row for row in rows if row.metric == "throttled_time"), key=lambda row: row.estimate or 0)
    return Drawing(
        figure,
        "Wall, CPU and throttled time under a quota; the most throttled time is "
        f"{labels.duration(worst.estimate or 0)} a job "
        f"({labels.counted(worst.workers, worst.executor)}, {worst.target}).",
    )


def top(group: Group) -> float:
    """The upper end of the axis of a line of panels, in ms."""
    found = [as_estimate(row, MS) for mine in group.values() for row in mine]
    return 1.08 * max(item.high or item.value for item in found)


def named(groups: Sequence[Group]) -> bool:
    """Whether the lines of all panels can carry their names."""
    return all(
        can_be_named([end.value for end in ends(mine)], (0.0, top(group)), HEIGHT)
        for group in groups
        for mine in group.values()
    )


def ends(rows: Sequence[Row]) -> list[LineEnd]:
    """The last point of each time's line."""
    last = max(row.workers or 0 for row in rows)
    return [
        LineEnd(
            name=SHORT[row.metric], colour=theme.METRICS[row.metric].colour, at=last, value=(row.estimate or 0) * MS
        )
        for row in rows
        if row.workers == last
    ]


def grouped(data: RunData, rows: list[Row]) -> list[dict[str, list[Row]]]:
    """A line of panels for each work."""
    groups = []
    for work in sorted({row.work or "" for row in rows}, key=work_order):
        group: dict[str, list[Row]] = {}
        for name, target in data.targets.items():
            for executor in LINES:
                mine = [row for row in rows if (row.target, row.work, row.executor) == (name, work, executor)]
                for method in sorted({row.start_method for row in mine}, key=str):
                    limit = f"{target.limit}\nPython {target.version}" + (f", {target.host}" if target.host else "")
                    title = f"{limit}\n{labels.work(work)}\n{labels.executor(executor, method)}"
                    group[title] = [row for row in mine if row.start_method == method]
        groups.append(group)
    return groups


def fill(panel: Axes, rows: Sequence[Row]) -> None:
    """The three times against workers."""
    for index, metric in enumerate(WORDS):
        mine = sorted((row for row in rows if row.metric == metric), key=lambda row: row.workers or 0)
        if mine:
            style = theme.METRICS[metric]
            at = [(row.workers or 0) + dodge(index, len(WORDS), 0.1) for row in mine]
            upright(panel, at, [as_estimate(row, MS) for row in mine], color=style.colour, marker=style.marker)
