"""The measurements of a run, arranged for judging claims: its targets, cells, rounds and exact counts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd

from lab.claims.claim import Claim, Quantity
from lab.claims.selection import Cell, cells_of, select
from lab.stats.quality.disturbances import Disturbances
from lab.stats.quality.flags import flags
from lab.stats.rounds import BLOCK, CENTRED, KEY_COLUMNS, Key, Rounds

WHOLE = ("cpuset", "affinity", "none")  # CPU modes that give a target whole CPUs; a quota gives a share of time
USED = ["run_id", *KEY_COLUMNS, "metric", "status", "warmup", *CENTRED, BLOCK]  # the columns that claims need
TARGET_COLUMNS = ["target", "engine", "os", "arch", "implementation", "python", "build", "cpu_mode", "host"]


@dataclass(frozen=True, kw_only=True)
class Asked:
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

    def cells(self, quantity: Quantity, target: Asked) -> list[Cell]:
        """The cells of a target that a quantity selects."""
        return select(quantity, self._cells.get((target.id, quantity.scenario), ()), target.whole_cpus)

    def cells_of(self, scenario: str, target: Asked) -> list[Cell]:
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


def targets_of(summary: pd.DataFrame) -> list[Asked]:
    """The targets that have rows in summary.csv, in the order of their first row."""
    first = summary["target"].notna() & ~summary["target"].duplicated()
    rows = summary[first]
    cpus = rows["cpus_observed"].fillna(rows["cpus_requested"]).fillna(0.0).tolist()
    texts = rows[TARGET_COLUMNS].astype(object).where(rows[TARGET_COLUMNS].notna(), "").to_dict("list")
    return [
        Asked(
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
