"""How many of several processes' increments of one shared Value or Array element are lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.report.drawing import theme
from lab.report.drawing.dots import Axis, Dot, draw_dots
from lab.report.drawing.drawing import Drawing, Missing, as_estimate, distinct, notes
from lab.report.drawing.layout import Text
from lab.report.labels import number
from lab.text import plural

if TYPE_CHECKING:
    from lab.report.data import Row, RunData
    from lab.stats.ratios import Estimate

SCENARIO = "state.lost_updates"
INCREMENT = {"value": "value += 1", "array": "array[0] += 1"}
LOCKED = {"value": "value, get_lock()", "array": "array, get_lock()"}
ONE_CPU_NOTE = "On one CPU a process is seldom interrupted between reading and writing: no loss there proves nothing."


def draw(data: RunData) -> Drawing | Missing:
    """A panel a limit; a line for each kind of locking and number of writers."""
    rows = measured(data)
    if not rows:
        return Missing("no shared counter was incremented")
    places = list(data.targets)
    styles = theme.versions(data.targets[row.target] for row in rows)
    text = Text(
        title="How many increments of a shared Value or Array element are lost?",
        subtitle="Share of all writers' increments that are missing in the end, with and without its own lock.",
        notes=notes(data, rows, ONE_CPU_NOTE),
    )
    dots = [dot(data, row) for row in sorted(rows, key=lambda row: places.index(row.target))]
    worst = max(rows, key=lambda row: share(row).value)
    return Drawing(
        draw_dots(
            dots,
            distinct(name(row) for row in rows),
            text,
            Axis(label="% of increments lost", logarithmic=False, low=-3, high=103),
            styles,
        ),
        f"Share of lost increments; the largest is {number(share(worst).value)} % ({name(worst)}, {worst.target}).",
    )


def measured(data: RunData) -> list[Row]:
    """Rows of several writers, without the lock first, Arrays before Values."""
    rows = [row for row in data.pick(SCENARIO, "lost", "count") if row.tasks and (row.workers or 0) > 1]
    return sorted(rows, key=lambda row: (row.variant.get("locking") == "get_lock", container(row), row.workers or 0))


def share(row: Row) -> Estimate:
    """Lost increments in per cent of all."""
    return as_estimate(row, 100 / (row.tasks or 1))


def name(row: Row) -> str:
    """Locking and writers."""
    words = LOCKED if row.variant.get("locking") == "get_lock" else INCREMENT
    return f"{words[container(row)]}, {plural(row.workers, 'writer')}"


def container(row: Row) -> str:
    """What was incremented; a Value where the row does not say."""
    return str(row.variant.get("container", "value"))


def dot(data: RunData, row: Row) -> Dot:
    """One case on one target."""
    target = data.targets[row.target]
    return Dot(panel=target.panel, name=name(row), version=target.version, value=share(row))
