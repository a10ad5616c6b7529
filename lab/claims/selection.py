"""Which cells a quantity selects, by one rule for rows of summary.csv and for cells of a plan."""

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
    """The columns of one row of summary.csv that claims need; ``operation`` and ``metric`` are empty in a plan."""

    target: str
    scenario: str
    case: str
    operation: str
    metric: str
    axes: Mapping[str, str]
    measured: bool
    tasks: int | None = None
    bimodal: bool = False
    status: str = ""
    reason: str = ""

    @property
    def key(self) -> Key:
        """The key that finds its rounds: target, scenario, case, operation."""
        return self.target, self.scenario, self.case, self.operation


def cells_of(summary: pd.DataFrame) -> list[Cell]:
    """Read the cells of a summary. Axes are taken from columns and from ``variant``; empty fields are left out."""
    columns = [
        "target",
        "scenario",
        "case",
        "operation",
        "metric",
        "variant",
        "n",
        "tasks",
        "stable",
        "status",
        "reason",
        *AXES,
    ]
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
        tasks=None if row["tasks"] is None else int(row["tasks"]),
        bimodal=row["stable"] == "bimodal",
    )


def select(quantity: Quantity, cells: Iterable[Cell], cpus: int | None) -> list[Cell]:
    """Select the cells of one target that match a quantity, measured or not; empty where its plan has none.

    A cell that was not measured has no values in some columns; a missing value matches. ``cpus`` is the target's number
    of CPUs, or None where it has no whole number of CPUs, so that no cell matches a count of workers.
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
    return [cell for cell in found if _has_chunks(cell, quantity.chunks_per_worker)]


def _has_chunks(cell: Cell, least: int) -> bool:
    """Whether the tasks of a cell make at least so many chunks per worker; a cell without tasks was not measured."""
    if not least or cell.tasks is None:
        return True
    return cell.tasks >= least * int(cell.axes["chunksize"]) * int(cell.axes["workers"])


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
        # The axis `operation` is a column of its own, which `_is_of` has compared already.
        return not cell.measured or axis == "operation"
    if isinstance(wanted, First):
        return value in map(str, wanted.choices)
    return value in map(str, wanted) if isinstance(wanted, tuple) else value == str(wanted)


def _first(cells: Sequence[Cell], axis: str, wanted: First) -> list[Cell]:
    """Keep the cells of the first value that was measured or failed; a value that failed is not replaced by the next.

    Where no value qualifies, keep all cells, so that their reasons are reported.
    """
    for value in map(str, wanted.choices):
        found = [cell for cell in cells if cell.axes.get(axis) == value]
        if any(cell.measured or cell.status in LOST for cell in found):
            return found
    return list(cells)
