"""The part of a scenario that a figure shows, as its view declares: rows, their names, units and text."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from typing import TYPE_CHECKING, Any

from lab.agent.scenario import NATURAL, View
from lab.report import labels
from lab.report.drawing import theme
from lab.report.drawing.drawing import as_estimate, notes
from lab.report.drawing.layout import Legend, Text, entry
from lab.report.targets import largest

if TYPE_CHECKING:
    from lab.agent.scenario import Scenario
    from lab.report.data import Row, RunData
    from lab.report.targets import Target
    from lab.stats.rounds import Estimate

UNITS = {"bytes": (2.0**-20, "MiB"), "bytes/s": (2.0**-20, "MiB/s"), "count": (1.0, "")}


@dataclass(frozen=True)
class Shown:
    """A scenario, the view of it, and the data: the rows that the view selects, and their names."""

    scenario: Scenario
    view: View
    data: RunData

    def replaced(self, **changes: Any) -> Shown:  # noqa: ANN401 -- the fields of a view
        """A copy whose view has these fields changed."""
        return Shown(self.scenario, View(**{**vars(self.view), **changes}), self.data)

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
        """Whether the view shows the row's operation."""
        return row.operation in self.view.operations or not self.view.operations

    def passes(self, row: Row) -> bool:
        """Whether each axis that applies to the row has one of the wanted values."""
        return all(self.value(row, axis) in (None, *wanted) for axis, wanted in self.view.where.items())

    def value(self, row: Row, axis: str) -> Any:  # noqa: ANN401 -- an axis holds a text or a number
        """The row's value of an axis; ``NATURAL`` where the view names that and the value is the natural one."""
        value = row.axis(axis)
        kinds = self.view.hollow[1] if self.view.hollow and self.view.hollow[0] == axis else ()
        named = {*self.view.where.get(axis, ()), *kinds}
        if NATURAL in named and value == self.scenario.natural(
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
        """Everything by which rows may differ: metric, operation and the scenario's axes, in this order."""
        return tuple(dict.fromkeys(("metric", "operation", *self.scenario.axes)))

    def ranks(self, row: Row, axes: Iterable[str]) -> list[tuple[bool, float, str]]:
        """A sort key: the position of each value among the declared ones; numbers by size, undeclared values last."""
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
        """The axes that form a row's name: those of the view, else all that vary and are not shown otherwise."""
        if self.view.names:
            return self.view.names
        taken = {*self.view.facets, self.view.x, self.hollow_axis}
        free = [axis for axis in self.every_axis if axis not in taken]
        return tuple(axis for axis in free if len({row.axis(axis) for row in self.rows}) > 1) or ("operation",)

    def word(self, row: Row, axis: str) -> str:
        """The value of an axis as text; empty where the axis does not apply or the view leaves the value out."""
        value = row.axis(axis)
        return "" if value is None else self.view.words.get(str(value), labels.axis_value(axis, value))

    def name(self, row: Row, axes: Iterable[str] | None = None) -> str:
        """The values of several axes as text, by default of ``names``."""
        return ", ".join(word for axis in (self.names if axes is None else axes) if (word := self.word(row, axis)))

    def panel(self, row: Row, *more: str) -> str:
        """The title of the row's panel: ``more``, place and limit of the target, and the values of the facets."""
        target = self.data.targets[row.target]
        return "\n".join(part for part in (*more, target.panel, self.name(row, self.view.facets)) if part)

    def is_hollow(self, row: Row) -> bool:
        """Whether the row has the second value of the hollow axis."""
        return self.view.hollow is not None and self.value(row, self.hollow_axis) == list(self.view.hollow[1])[1]

    @cached_property
    def unit(self) -> tuple[float, str]:
        """Factor and unit of the value axis; for times, the unit that suits their geometric mean."""
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
        """Whether the value axis is logarithmic; it cannot be where a value is not positive."""
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
        """Title, subtitle, notes, and the legend of filled and hollow marks.

        ``words`` are the texts of the figure: the view's terms that occur in them are explained in the notes.
        """
        written = " ".join(words)
        terms = [f"{term}: {meaning}" for term, meaning in self.view.terms.items() if term in written]
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
        """The alternative text: the question, the smallest and the largest value."""
        ends = [pick(rows, key=lambda row: self.estimate(row).value) for pick in (min, max)]
        words = [
            labels.quantity(row.estimate, row.unit)
            if row.unit in ("ns", "bytes")
            else f"{labels.number(self.estimate(row).value)} {self.unit[1]}".strip().replace(" %", "%")
            for row in ends
        ]
        first, last = (
            f"{word} ({', '.join(part for part in (self.name(row), row.target) if part)})"
            for word, row in zip(words, ends, strict=True)
        )
        values = f"From {first} to {last}." if ends[0] is not ends[1] else f"Only {first}."
        return f"{self.view.title or self.scenario.question} {values}"


def largest_of_each(data: RunData, rows: Sequence[Row]) -> list[Target]:
    """Per machine, place and version the target with the most CPUs; quotas only where there is nothing else."""
    measured = {row.target for row in rows}
    found = [target for target in data.targets.values() if target.id in measured and target.cpu_mode != "quota"]
    found = found or [target for target in data.targets.values() if target.id in measured]
    by_kind = sorted(found, key=lambda item: (item.host, item.place, item.version_order))
    best = [largest(group) for _, group in groupby(by_kind, key=lambda item: (item.host, item.place, item.version))]
    return [target for target in found if target in best]


def why_missing(shown: Shown) -> str:
    """Why a figure cannot be drawn, with the most frequent reason of the rows without a value."""
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
    return f"{name} has no value to show" + (f": {common}" if common else "")
