"""Which cells a quantity takes: the same rule for rows of summary.csv and for the cells of a plan."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from lab.claims.claim import First, Quantity, Selector, Workers
from lab.stats.quality.flags import LOST
from lab.stats.rounds import Key
from lab.tables import schema

AXES = sorted(schema.AXIS_COLUMNS - {"operation", "tasks"})


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One row of summary.csv as far as a claim looks at it; ``operation`` and ``metric`` are empty in a plan."""

    target: str
    scenario: str
    case: str
    operation: str
    metric: str
    axes: Mapping[str, str]
    measured: bool
    bimodal: bool = False
    status: str = ""
    reason: str = ""

    @property
    def key(self) -> Key:
        """What its rounds are found by."""
        return self.target, self.scenario, self.case, self.operation


def cells_of(summary: pd.DataFrame) -> list[Cell]:
    """The rows of a summary. Axes stand in columns and in ``variant``; what is empty has no value."""
    columns = ["target", "scenario", "case", "operation", "metric", "variant", "n", "stable", "status", "reason", *AXES]
    rows = summary[columns].astype(object).where(summary[columns].notna(), None)
    return [_cell(row) for row in rows.to_dict("records")]


def _cell(row: Mapping[Any, Any]) -> Cell:
    axes = {axis: row[axis] for axis in AXES if row[axis] is not None}
    if row["variant"]:
        axes |= json.loads(row["variant"])
    return Cell(
        **{name: row[name] or "" for name in ("target", "scenario", "case", "operation", "metric", "status", "reason")},
        axes={axis: str(value) for axis, value in axes.items()},
        measured=bool(row["n"]),
        bimodal=row["stable"] == "bimodal",
    )


def select(quantity: Quantity, cells: Iterable[Cell], cpus: int | None) -> list[Cell]:
    """The cells of one target that a quantity takes, measured or not; none where it has none in its plan.

    A cell that was not measured lacks some columns; what it lacks is taken to fit. ``cpus`` is None where the number of
    CPUs is not whole, so that no worker count follows from it.
    """
    found = [cell for cell in cells if cell.scenario == quantity.scenario and _is_of(quantity, cell)]
    found = [
        cell
        for cell in found
        if all(_fits(cell, axis, wanted, cpus) for axis, wanted in quantity.where.items())
        and not any(cell.axes.get(axis) in list(map(str, values)) for axis, values in quantity.excluding.items())
    ]
    for axis, wanted in quantity.where.items():
        if isinstance(wanted, First):
            found = _first(found, axis, wanted)
    for axis, wanted in quantity.where.items():
        if wanted is Workers.CPUS and found:
            most = max(int(cell.axes[axis]) for cell in found)
            found = [cell for cell in found if int(cell.axes[axis]) == most]
    return found


def _is_of(quantity: Quantity, cell: Cell) -> bool:
    if cell.measured:
        return (cell.operation, cell.metric) == (quantity.operation, quantity.metric)
    return not cell.operation or cell.operation == quantity.operation


def _fits(cell: Cell, axis: str, wanted: Selector, cpus: int | None) -> bool:
    value = cell.axes.get(axis)
    if isinstance(wanted, Workers):
        if cpus is None or value is None:
            return False
        return int(value) <= cpus if wanted is Workers.CPUS else int(value) == 2 * cpus
    if value is None:
        # The axis `operation` has the row's own column, which a quantity's operation is held against already.
        return not cell.measured or axis == "operation"
    if isinstance(wanted, First):
        return value in map(str, wanted.choices)
    return value in map(str, wanted) if isinstance(wanted, tuple) else value == str(wanted)


def _first(cells: Sequence[Cell], axis: str, wanted: First) -> list[Cell]:
    """The cells of the first value that was measured, or failed: what failed is there, and no other steps in for it.

    All where there is none, so that their reasons are told.
    """
    for value in map(str, wanted.choices):
        found = [cell for cell in cells if cell.axes.get(axis) == value]
        if any(cell.measured or cell.status in LOST for cell in found):
            return found
    return list(cells)
