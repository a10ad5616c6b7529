"""The data of a run folder as plain typed rows. Only this module of the report handles pandas and missing values."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lab.model import Manifest
from lab.report.targets import Target, collect
from lab.stats.best import Standing, choice_standings
from lab.stats.quality.disturbances import UNDISTURBED, Disturbances
from lab.stats.quality.flags import disturbance_flags, flags
from lab.stats.rounds import Cell, Key, Rounds
from lab.stats.tables.ipc_sizes import size_standings
from lab.stats.tables.messages import OPERATIONS, POINT
from lab.tables import csv_files, schema

if TYPE_CHECKING:
    import pandas as pd
    from pandas.core.groupby import DataFrameGroupBy

    from lab.runs.folder import RunFolder

FOLDER = "comparisons"  # of a run folder: the comparisons of its own targets


@dataclass(frozen=True, kw_only=True)
class Row:
    """One row of summary.csv; a field is None where it does not apply or was not measured."""

    host: str
    target: str
    scenario: str
    case: str
    operation: str
    metric: str
    unit: str
    start_method: str | None
    mechanism: str | None
    executor: str | None
    work: str | None
    workers: int | None
    payload_bytes: int | None
    chunksize: int | None
    tasks: int | None
    task_ns: int | None
    parent_bytes: int | None
    cpu_mode: str | None
    placement: str | None
    variant: Mapping[str, Any]
    n: int
    rounds: int
    estimate: float | None
    ci_low: float | None
    ci_high: float | None
    stable: str | None
    status: str
    reason: str

    @property
    def key(self) -> tuple[str, str, str, str]:
        """The key of this row's samples: target, scenario, case, operation."""
        return self.target, self.scenario, self.case, self.operation

    def axis(self, name: str) -> Any:  # noqa: ANN401 -- an axis holds a text or a number
        """The value of an axis, from its column or from ``variant``; None where the axis does not apply."""
        return self.variant.get(name) if name not in COLUMNS else getattr(self, name)

    @property
    def pickled(self) -> bool:
        """Whether the message was pickled although its mechanism carries bytes; a queue always pickles."""
        payload = self.variant.get("payload")
        return payload not in (None, "bytes") and not (payload == "object" and "queue" in (self.mechanism or ""))

    @property
    def is_fresh(self) -> bool:
        """Whether the C library's allocator was as a process begins, as in all rows but those about its state."""
        return self.variant.get("allocator") != "retained"


COLUMNS = frozenset(item.name for item in fields(Row)) - {"variant"}


@dataclass
class RunData:
    """The data of a run folder; ``samples.csv`` is read when it is first needed."""

    manifest: Manifest
    rows: tuple[Row, ...]
    targets: Mapping[str, Target]
    claims: tuple[Mapping[str, Any], ...] = ()
    scaling: tuple[Mapping[str, Any], ...] = ()
    samples: Path | pd.DataFrame | None = field(default=None, repr=False)
    comparisons: Mapping[str, tuple[Mapping[str, Any], ...]] = field(default_factory=dict)
    disturbed: Disturbances = field(default_factory=dict, repr=False)
    sizes: pd.DataFrame | None = field(default=None, repr=False)  # the table of ``size_standings``, else made here

    @cached_property
    def frame(self) -> pd.DataFrame | None:
        """The frame of samples.csv, read once; None where the run has none."""
        return csv_files.read(self.samples, schema.SAMPLES) if isinstance(self.samples, Path) else self.samples

    @cached_property
    def per_round(self) -> Rounds:
        """The rounds' values of every timed cell, from samples.csv; ratios say which of their cells are flagged."""
        return Rounds({}, {}) if self.frame is None else Rounds.of(self.frame, flags=self.flags)

    @cached_property
    def flags(self) -> Mapping[Cell, str]:
        """Cells that were disturbed or failed in some rounds; findings do not rely on them."""
        return disturbance_flags(self.disturbed) if self.frame is None else flags(self.frame, self.disturbed)

    def standings(self, *choices: Sequence[Row]) -> list[dict[Key, Standing]]:
        """How the cells of each choice, the options between which one chooses, stand by ``lab.stats.best``.

        Mechanisms that carry one kind of payload stand as in ipc_sizes.csv, unless one of them is flagged.
        """
        bimodal = {row.key for rows in choices for row in rows if row.stable == "bimodal"}
        keys = [[row.key for row in rows] for rows in choices]
        return [self._with_table(found) for found in choice_standings(self.per_round, keys, bimodal=bimodal)]

    def _with_table(self, found: dict[Key, Standing]) -> dict[Key, Standing]:
        first = next((key for key, standing in found.items() if standing.fastest), None)
        if first is None or self.per_round.flag(first):
            return found
        group = self._mechanisms.get(first, {})
        return found | {key: group[key] for key in found if key in group and not self.per_round.flag(key)}

    @cached_property
    def _mechanisms(self) -> dict[Key, dict[Key, Standing]]:
        """The standings of ipc_sizes.csv: cell -> its group, which has all cells that it is compared with."""
        if self.frame is None:
            return {}
        table = size_standings(self.frame, self.disturbed) if self.sizes is None else self.sizes
        measured = {tuple(record[name] for name in POINT): record for record in records(table)}
        groups: dict[tuple[Any, ...], dict[Key, Standing]] = {}
        for row in self.rows:
            size = row.target, row.operation, row.variant.get("payload"), row.placement
            record = measured.get((*size, row.mechanism, row.payload_bytes))
            if record and row.metric == "wall_time" and OPERATIONS.get(row.scenario) == row.operation:
                standing = Standing.of({**record, "value": record["message_ns"]})
                groups.setdefault((*size, row.payload_bytes), {})[row.key] = standing
        return {key: group for group in groups.values() for key in group}

    @cached_property
    def _timed(self) -> DataFrameGroupBy[Any, Any] | None:
        """The times of all cells with status ok, grouped by target, scenario, case and operation."""
        if self.frame is None:
            return None
        frame = self.frame
        timed = (frame["metric"] == "wall_time") & (frame["warmup"] == 0) & (frame["status"] == "ok")
        cell = ["target", "scenario", "case", "operation"]
        return frame.loc[timed, [*cell, "round", "value"]].dropna().groupby(cell, observed=True, sort=False)

    def batches(self, key: tuple[str, str, str, str]) -> dict[int, list[float]]:
        """Round -> times in ns of all batches of one cell's operation; empty where there are none."""
        if self._timed is None or key not in self._timed.indices:
            return {}
        mine = self._timed.get_group(key)
        return {
            number: mine.loc[mine["round"] == number, "value"].tolist() for number in mine["round"].unique().tolist()
        }

    @property
    def rounds(self) -> int:
        """The largest number of rounds of any cell."""
        return max((row.rounds for row in self.rows), default=0)

    @property
    def hosts(self) -> list[str]:
        """The labels of the machines, in the order of their first rows."""
        return list(dict.fromkeys(row.host for row in self.rows if row.host))

    def pick(self, scenario: str, operation: str | None = None, metric: str = "wall_time") -> list[Row]:
        """The measured rows of one scenario, operation and metric."""
        return [
            row
            for row in self.rows
            if row.scenario == scenario
            and row.metric == metric
            and row.estimate is not None
            and row.status == "ok"
            and operation in (None, row.operation)
        ]


def load(
    folder: RunFolder,
    samples: pd.DataFrame | None = None,
    disturbed: Disturbances = UNDISTURBED,
    sizes: pd.DataFrame | None = None,
) -> RunData:
    """Read summary.csv, claims.csv and scaling.csv; samples.csv is read later, unless it is passed.

    ``disturbed`` are the cells that were, ``sizes`` is the table of ``size_standings``.

    Raises:
        BadFiles: a file is missing or has another format.
    """
    path = folder.path
    compared = {file.stem: file for file in sorted((path / FOLDER).glob("*-by-scenario.csv"))}
    return of_frames(
        folder.manifest(),
        comparisons={name: csv_files.read(file, schema.COMPARE) for name, file in compared.items()},
        summary=csv_files.read(path / "summary.csv", schema.SUMMARY),
        claims=csv_files.read(path / "claims.csv", schema.CLAIMS),
        scaling=csv_files.read(path / "scaling.csv", schema.SCALING),
        samples=path / "samples.csv" if samples is None else samples,
        disturbed=disturbed,
        sizes=sizes,
    )


def of_frames(
    manifest: Manifest,
    *,
    summary: pd.DataFrame,
    claims: pd.DataFrame | None = None,
    scaling: pd.DataFrame | None = None,
    samples: Path | pd.DataFrame | None = None,
    comparisons: Mapping[str, pd.DataFrame] | None = None,
    disturbed: Disturbances = UNDISTURBED,
    sizes: pd.DataFrame | None = None,
) -> RunData:
    """Run data from frames that conform to the schema."""
    found = records(summary)
    return RunData(
        manifest=manifest,
        rows=tuple(row(record) for record in found),
        targets=collect(manifest, found),
        claims=tuple(records(claims)),
        scaling=tuple(records(scaling)),
        samples=samples,
        comparisons={name: tuple(records(frame)) for name, frame in (comparisons or {}).items()},
        disturbed=disturbed,
        sizes=sizes,
    )


def for_figures(data: RunData) -> RunData:
    """The data that figures show: without targets under Wine, where native Windows was measured as well.

    Times under Wine say nothing about Windows, and in one figure with those of Windows they would mislead.
    """
    wine = {target.id for target in data.targets.values() if target.wine}
    windows = {target.id for target in data.targets.values() if target.os == "windows"}
    if not wine or windows <= wine:
        return data
    return replace(
        data,
        rows=tuple(row for row in data.rows if row.target not in wine),
        targets={name: target for name, target in data.targets.items() if name not in wine},
        scaling=tuple(law for law in data.scaling if law["target"] not in wine),
    )


def records(frame: pd.DataFrame | None) -> list[Mapping[str, Any]]:
    """The frame's rows as dicts of plain Python values, with None for missing values."""
    if frame is None or frame.empty:
        return []
    plain = frame.astype(object)
    rows: list[Mapping[str, Any]] = plain.where(frame.notna(), None).to_dict("records")  # type: ignore[assignment]
    return rows


TEXTS = frozenset({"host", "target", "scenario", "case", "operation", "metric", "unit", "status", "reason"})
COUNTS = frozenset({"n", "rounds"})


def row(record: Mapping[str, Any]) -> Row:
    """One record of summary.csv as a row."""
    values: dict[str, Any] = {item.name: record.get(item.name) for item in fields(Row)}
    for name in TEXTS:
        values[name] = values[name] or ""
    for name in COUNTS:
        values[name] = values[name] or 0
    values["variant"] = variant(values["variant"])
    return Row(**values)


def variant(text: str | None) -> Mapping[str, Any]:
    """The axes without a column of their own, from JSON; empty where the text is not a JSON object."""
    try:
        found = json.loads(text or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
