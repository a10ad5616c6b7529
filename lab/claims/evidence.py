"""The measurements of a run, arranged for judging claims: its targets, cells, rounds and exact counts.

Which cells a quantity selects follows one rule for rows of summary.csv and for cells of a plan.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from lab.claims.claim import Claim, First, Quantity, Selector, Workers
from lab.model import Cell as PlannedCell
from lab.stats.quality.disturbances import Disturbances
from lab.stats.quality.flags import LOST, flags
from lab.stats.rounds import BLOCK, CENTRED, KEY_COLUMNS, Key, Rounds
from lab.tables import schema

PLANNED = "planned"  # the status of a cell of a plan
AXES = sorted(schema.AXIS_COLUMNS - {"operation", "tasks"})
WHOLE = ("cpuset", "affinity", "none")  # CPU modes that give a target whole CPUs; a quota gives a share of time
USED = ["run_id", *KEY_COLUMNS, "metric", "status", "warmup", *CENTRED, BLOCK]  # the columns that claims need
TARGET_COLUMNS = ["target", "engine", "os", "arch", "implementation", "python", "build", "cpu_mode", "host"]


@dataclass(frozen=True, kw_only=True)
class TargetInfo:
    """A target of the run, with the properties that claims depend on; ``cpus`` may be a fraction."""

    id: str
    engine: str
    os: str
    arch: str
    implementation: str
    python: tuple[int, ...]
    build: str
    cpu_mode: str
    host: str
    cpus: float

    @property
    def whole_cpus(self) -> int | None:
        """The number of whole CPUs; None under a quota, where a worker count cannot match a share of CPU time."""
        return int(self.cpus) if self.cpu_mode in WHOLE and self.cpus >= 1 else None

    @property
    def but_for_python(self) -> tuple[object, ...]:
        """All properties except the Python version; equal for two targets that differ in their Python only."""
        return self.engine, self.os, self.arch, self.implementation, self.build, self.cpu_mode, self.cpus, self.host

    def is_limited(self, machine_cpus: int | None) -> bool:
        """Whether it has fewer CPUs than the machine; if ``machine_cpus`` is None, whether it is a container."""
        if self.cpu_mode in ("quota", "none"):
            return self.cpu_mode == "quota"
        return self.engine != "none" if machine_cpus is None else self.cpus < machine_cpus


class Evidence:
    """The cells, rounds and exact counts of a run, and which cells are flagged."""

    def __init__(
        self,
        summary: pd.DataFrame,
        samples: pd.DataFrame,
        disturbed: Disturbances,
        claims: Iterable[Claim],
        machine_cpus: int | None,
    ) -> None:
        self.targets = targets_of(summary)
        self.machine_cpus = machine_cpus
        quantities = {str(quantity): quantity for claim in claims for quantity in claim.quantities}.values()
        used = samples.loc[_used(samples, quantities), [name for name in USED if name in samples]]
        self._rounds = {
            metric: Rounds.of(used, metric) for metric in {quantity.metric for quantity in quantities} - {"count"}
        }
        self._counts = counts_of(used)
        self._cells: dict[tuple[str, str], list[Cell]] = {}
        for cell in cells_of(summary[summary["scenario"].isin([quantity.scenario for quantity in quantities])]):
            self._cells.setdefault((cell.target, cell.scenario), []).append(cell)
        self._flags = flags(samples, disturbed)

    def cells(self, quantity: Quantity, target: TargetInfo) -> list[Cell]:
        """The cells of a target that a quantity selects."""
        return select(quantity, self._cells.get((target.id, quantity.scenario), ()), target.whole_cpus)

    def cells_of(self, scenario: str, target: TargetInfo) -> list[Cell]:
        """All cells of a scenario on a target."""
        return self._cells.get((target.id, scenario), [])

    def rounds(self, metric: str) -> Rounds:
        """The logarithms of each round's values of a metric other than ``count``."""
        return self._rounds[metric]

    def counts(self, key: Key) -> list[list[float]]:
        """The exact counts of the samples of each round of a cell, in the order of rounds."""
        return self._counts.get(key, [])

    def flag(self, *cells: Cell) -> str:
        """Why one of the cells is flagged, or nothing."""
        for cell in cells:
            if found := self._flags.get(cell.key[:3]):
                return f"{cell.case} {found}"
        return ""


def targets_of(summary: pd.DataFrame) -> list[TargetInfo]:
    """The targets that have rows in summary.csv, in the order of their first row."""
    first = summary["target"].notna() & ~summary["target"].duplicated()
    rows = summary[first]
    cpus = rows["cpus_observed"].fillna(rows["cpus_requested"]).fillna(0.0).tolist()
    texts = rows[TARGET_COLUMNS].astype(object).where(rows[TARGET_COLUMNS].notna(), "").to_dict("list")
    return [
        TargetInfo(
            **{name: str(texts[name][index]) for name in TARGET_COLUMNS if name not in ("target", "python")},
            id=str(texts["target"][index]),
            python=version(str(texts["python"][index])),
            cpus=float(count),
        )
        for index, count in enumerate(cpus)
    ]


def version(text: str) -> tuple[int, ...]:
    """Major and minor number of a Python version; an empty tuple where the text is not a version."""
    parts = text.split(".")[:2]
    return tuple(int(part) for part in parts) if all(part.isdigit() for part in parts) else ()


def counts_of(samples: pd.DataFrame) -> dict[Key, list[list[float]]]:
    """Map each cell's key to the counts of each round's samples, in the order of rounds."""
    rows = samples[(samples["metric"] == "count") & (samples["warmup"] == 0) & (samples["status"] == "ok")]
    rows = rows.dropna(subset=["value", "round"])
    if rows.empty:
        return {}
    found: dict[Key, list[list[float]]] = {}
    for key, values in rows.groupby([*KEY_COLUMNS, "round"], sort=True)["value"]:
        target, scenario, case, operation, _ = map(str, key)
        found.setdefault((target, scenario, case, operation), []).append([float(value) for value in values])
    return found


def _used(samples: pd.DataFrame, quantities: Iterable[Quantity]) -> pd.Series[bool]:
    """Mark the rows that a claim may need. The selection is coarse, but leaves out most of a run."""
    wanted = list(quantities)
    used = samples["metric"].isin({quantity.metric for quantity in wanted})
    used &= samples["operation"].isin({quantity.operation for quantity in wanted})
    return used & samples["scenario"].isin({quantity.scenario for quantity in wanted})


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


def in_plan(cell: PlannedCell) -> Cell:
    """A cell of a plan; of ``First`` values the first planned one is selected."""
    return Cell(
        target=cell.target,
        scenario=cell.scenario,
        case=cell.case,
        operation="",
        metric="",
        axes={axis: str(value) for axis, value in dict(cell.values).items() if value is not None},
        measured=False,
        status=PLANNED,
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
        # The axis `operation` is a column of its own, which `_is_of` has compared already. A plan knows all axes, so
        # an axis without a value does not apply to its cell; a row without a measurement lacks some columns.
        return axis == "operation" or not (cell.measured or cell.status == PLANNED)
    if isinstance(wanted, First):
        return value in map(str, wanted.choices)
    return value in map(str, wanted) if isinstance(wanted, tuple) else value == str(wanted)


def _first(cells: Sequence[Cell], axis: str, wanted: First) -> list[Cell]:
    """Keep the cells of the first value that was measured or failed; a value that failed is not replaced by the next.

    Where no value qualifies, keep all cells, so that their reasons are reported.
    """
    for value in map(str, wanted.choices):
        found = [cell for cell in cells if cell.axes.get(axis) == value]
        if any(cell.measured or cell.status in (*LOST, PLANNED) for cell in found):
            return found
    return list(cells)
