"""What a quota costs: wall, CPU and throttled time of one job against workers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.report import labels, theme
from lab.report.figures.drawing import Drawing, Missing, as_estimate, dodge, notes, upright
from lab.report.figures.pool_lines import work_order, workers_axis
from lab.report.sheet import Legend, Shape, Text, entry, sheet

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from lab.report.data import Row, RunData

SCENARIO = "pool.scaling"
WORDS = {"wall_time": "wall time", "cpu_time": "CPU time of all processes", "throttled_time": "throttled time"}
LINES = {"threads": (0, (1, 1.4)), "processes": "-"}
MS = 1e-6
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
        subtitle="Time of one job of fixed size: what passes on the clock, what is computed, what is waited for the "
        "quota's next period.",
        notes=notes(data, rows, THROTTLED_NOTE),
        legends=[
            Legend(
                "One job's",
                [
                    entry(word, theme.METRICS[name].colour, theme.METRICS[name].marker, "-")
                    for name, word in WORDS.items()
                ],
            )
        ],
    )
    figure, axes = sheet(text, [list(group) for group in groups], Shape(height=2.2))
    for group, panels in zip(groups, axes, strict=True):
        top = max(as_estimate(row, MS).high or as_estimate(row, MS).value for mine in group.values() for row in mine)
        for mine, panel in zip(group.values(), panels, strict=True):
            fill(panel, mine)
            panel.set_ylim(0, top * 1.08)
        panels[0].set_ylabel("ms a job")
    worst = max((row for row in rows if row.metric == "throttled_time"), key=lambda row: row.estimate or 0)
    return Drawing(
        figure,
        "Wall, CPU and throttled time under a quota; the most throttled time is "
        f"{labels.duration(worst.estimate or 0)} a job "
        f"({labels.counted(worst.workers, worst.executor)}, {worst.target}).",
    )


def grouped(data: RunData, rows: list[Row]) -> list[dict[str, list[Row]]]:
    """A line of panels for each work."""
    groups = []
    for work in sorted({row.work or "" for row in rows}, key=work_order):
        group: dict[str, list[Row]] = {}
        for name, target in data.targets.items():
            for executor in LINES:
                mine = [row for row in rows if (row.target, row.work, row.executor) == (name, work, executor)]
                for method in sorted({row.start_method for row in mine}, key=str):
                    limit = f"{target.limit}, Python {target.version}" + (f", {target.host}" if target.host else "")
                    title = f"{limit}\n{labels.work(work)}\n{labels.executor(executor, method)}"
                    group[title] = [row for row in mine if row.start_method == method]
        groups.append(group)
    return groups


def fill(panel: Axes, rows: list[Row]) -> None:
    """The three times against workers."""
    counts = sorted({row.workers or 0 for row in rows})
    for index, metric in enumerate(WORDS):
        mine = sorted((row for row in rows if row.metric == metric), key=lambda row: row.workers or 0)
        if mine:
            style = theme.METRICS[metric]
            at = [(row.workers or 0) + dodge(index, len(WORDS), 0.1) for row in mine]
            upright(panel, at, [as_estimate(row, MS) for row in mine], color=style.colour, marker=style.marker)
    workers_axis(panel, counts)
