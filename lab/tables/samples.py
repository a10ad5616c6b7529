"""Make samples.csv from raw lines. Metadata comes from the manifest's plan and the targets' facts, never from names.

The columns that identify a row (30 of 38) have the same values in all rounds and batches of a case. They are stored
once per case, operation and metric, and each row holds a number that refers to them. So a million samples take less
than a gigabyte, and their CSV is written in seconds.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pandas as pd

from lab.errors import BadFiles
from lab.model import Facts, Manifest, TargetRecord
from lab.runs.raw import Attempt, Sample, SampleColumns, Spent
from lab.tables import csv_files, schema

IDENTITY = schema.IDENTITY
OF_LINES = schema.SAMPLES[len(IDENTITY) + 1 :]  # the columns that all metrics of a raw line share
AXIS_DTYPES = {column.name: column.dtype for column in schema.SAMPLES if column.name in schema.AXIS_COLUMNS}
LARGEST_INTEGER = 2**63  # of a column
ROWS = ("source", "metric", "value", "line")
METRICS = (
    "wall_time",
    "cpu_time",
    "context_switches",
    "throttled_time",
    "minor_faults",
)  # a batch's time and its counters
NO_COUNTERS, NO_COLUMNS = Spent(), SampleColumns()
Row = dict[str, str | int | float | None]
Key = tuple[str, str]  # case as raw files name it, target
Source = tuple[Key, str | None, SampleColumns]  # what identifies a line: its cell, its operation, its own columns
Numbers = np.ndarray[Any, np.dtype[np.int64]]
Floats = np.ndarray[Any, np.dtype[np.float64]]
# Stands for the only row of a cell without a measurement; its sample number is not written.
UNMEASURED = Sample(
    cell="", operation="", sample=-1, warmup=0, columns=NO_COLUMNS, metric="wall_time", value=float("nan")
)


@dataclass(frozen=True, kw_only=True)
class Samples:
    """The rows of samples.csv in three parts.

    Row i consists of row ``codes[i]`` of ``identities``, of ``values[i]``, and of row ``of_lines[i]`` of ``lines``,
    which has the columns that all metrics of a raw line share.
    """

    identities: pd.DataFrame
    codes: Numbers
    values: Floats
    lines: pd.DataFrame
    of_lines: Numbers

    def frame(self) -> pd.DataFrame:
        """All rows with the columns of ``schema.SAMPLES``."""
        parts = [
            self.identities.take(self.codes.tolist()).reset_index(drop=True),
            pd.Series(self.values, name="value", copy=False),
            self.lines.take(self.of_lines.tolist()).reset_index(drop=True),
        ]
        return pd.concat(parts, axis="columns")

    def groups(self) -> Numbers:
        """A group number for each row; rows that agree in all identifying columns have the same number."""
        names = schema.names(IDENTITY)
        numbers = self.identities.groupby(names, dropna=False, sort=False).ngroup()
        of_rows: Numbers = np.asarray(numbers, dtype=np.int64)[self.codes]
        return of_rows

    def write(self, path: Path) -> None:
        """Write samples.csv."""
        csv_files.write_repeated(
            path, (self.identities, self.codes), ("value", self.values), (self.lines, self.of_lines)
        )


class SampleBuilder:
    """Builds the rows of samples.csv round by round. ``planned`` maps (case, target) to the identifying columns."""

    def __init__(self, planned: Mapping[Key, Row]) -> None:
        self._planned = planned
        self._measured: set[Key] = set()
        self._sources: dict[Source, int] = {}  # numbered in the order of their first line
        self._metrics = {metric: number for number, metric in enumerate(METRICS)}
        self._attempts: list[tuple[int | None, int | None, int | None, str, str | None]] = []
        self._lines: list[pd.DataFrame] = []
        self._rows: list[pd.DataFrame] = []
        self._count = 0  # of lines

    def add_round(self, number: int, finished: Iterable[tuple[Key, Attempt[Sample]]]) -> None:
        """Add the rows of one round: of each finished attempt, by (case, target)."""
        lines: list[Sample] = []
        sources: list[int] = []
        of_attempts: list[int] = []
        for key, attempt in finished:
            end, samples = attempt.end, attempt.samples
            if end is None or end.status != "ok":
                samples = [UNMEASURED]
                sources.append(self._source((key, None, NO_COLUMNS)))
            else:
                sources += [self._source((key, line.operation, line.columns)) for line in samples]
            if samples:
                self._measured.add(key)
                lines += samples
                of_attempts += [len(self._attempts)] * len(samples)
                status, reason = (end.status, end.reason) if end else ("failed", None)
                self._attempts.append((
                    number, attempt.process, attempt.block, status, None if status == "ok" else reason
                ))  # fmt: skip
        self._add(lines, sources, of_attempts)

    def add_unmeasured(self, missing: Mapping[Key, str]) -> None:
        """Add a row for each planned cell without one; ``missing`` has the reasons of a merged run."""
        keys = [key for key in self._planned if key not in self._measured]
        sources = [self._source((key, None, NO_COLUMNS)) for key in keys]
        of_attempts = range(len(self._attempts), len(self._attempts) + len(keys))
        self._attempts += [(None, None, None, "skipped", missing.get(key) or "the run ended before it") for key in keys]
        self._add([UNMEASURED] * len(keys), sources, of_attempts)

    def build(self) -> Samples:
        """The rows added so far, with the dtypes of the schema; the builder is empty afterwards."""
        rows = pd.concat(self._rows or [pd.DataFrame(columns=list(ROWS), dtype="int64")], ignore_index=True)
        lines = pd.concat(self._lines or [pd.DataFrame(columns=["attempt"], dtype="int64")], ignore_index=True)
        self._rows, self._lines = [], []
        width = len(self._metrics)
        codes, different = pd.factorize(rows.pop("source") * width + rows.pop("metric"))
        sources, metrics = list(self._sources), list(self._metrics)
        identities = [self._record(sources[code // width], metrics[code % width]) for code in different.tolist()]
        attempts = pd.DataFrame.from_records(self._attempts, columns=["round", "process", "block", "status", "reason"])
        attempts = attempts.astype({"process": "Int64", "block": "Int64"})
        spread = attempts.take(lines.pop("attempt").tolist()).reset_index(drop=True)
        return Samples(
            identities=csv_files.conform(pd.DataFrame.from_records(identities), IDENTITY),
            codes=np.asarray(codes, dtype=np.int64),
            values=rows["value"].to_numpy(dtype=np.float64),
            lines=csv_files.conform(pd.concat([lines, spread], axis="columns"), OF_LINES),
            of_lines=rows["line"].to_numpy(dtype=np.int64),
        )

    def _add(self, lines: Sequence[Sample], sources: Sequence[int], of_attempts: Sequence[int]) -> None:
        """Add lines as arrays, which take a fraction of the memory of objects.

        A batch has one row for its time and one per counter that it has; a value of a metric has one row.
        """
        if not lines:
            return
        single = np.array([line.metric is not None for line in lines])
        loops = csv_files.integers([line.loops if line.metric is None else line.columns.loops for line in lines])
        values = np.column_stack([_times(lines), *_counters(lines)])
        values[single, 1:] = np.nan
        there = ~np.isnan(values)
        there[:, 0] = True
        metrics = np.tile(np.arange(len(METRICS)), (len(lines), 1))
        metrics[:, 0] = [self._metrics.setdefault(line.metric or METRICS[0], len(self._metrics)) for line in lines]
        of_lines = np.nonzero(there)[0]  # the line of each row
        columns = {
            "attempt": np.array(of_attempts),
            "loops": loops,
            "sample": csv_files.integers([None if line is UNMEASURED else line.sample for line in lines]),
            "warmup": csv_files.integers([line.warmup for line in lines]),
        }
        self._lines.append(pd.DataFrame(columns, copy=False))
        rows = (np.array(sources)[of_lines], metrics[there], values[there], of_lines + self._count)
        self._rows.append(pd.DataFrame(dict(zip(ROWS, rows, strict=True)), copy=False))
        self._count += len(lines)

    def _source(self, source: Source) -> int:
        return self._sources.setdefault(source, len(self._sources))

    def _record(self, source: Source, metric: str) -> Row:
        """The identifying columns of a source's rows with this metric."""
        key, operation, described = source
        own = {name: value for name, value in msgspec.structs.asdict(described).items() if value is not None}
        operation_column = {} if operation is None else {"operation": operation}
        fixed = {"target": key[1], "unit": schema.UNITS.get(metric), **own, **operation_column, "metric": metric}
        return {**self._planned[key], **fixed}


def _times(lines: Sequence[Sample]) -> Floats:
    """Nanoseconds per operation of each batch, and the value of each other line; shape (lines,)."""
    times = np.array([line.elapsed_ns if line.metric is None else line.value for line in lines], dtype=np.float64)
    loops = [line.loops if line.metric is None else 1 for line in lines]
    return times / np.array(loops, dtype=np.float64)


def _counters(lines: Sequence[Sample]) -> list[Floats]:
    """The counters per operation of each line, one array per counter of shape (lines,); NaN where a line has none."""
    loops = np.array([line.spent_loops or line.loops or 1 for line in lines], dtype=np.float64)
    spent = [line.spent or NO_COUNTERS for line in lines]
    counters = (
        [one.cpu_ns for one in spent],
        [one.switches for one in spent],
        [one.throttled_ns for one in spent],
        [one.minor_faults for one in spent],
    )
    return [np.array(counter, dtype=np.float64) / loops for counter in counters]


def identity_rows(manifest: Manifest) -> dict[tuple[str, str], Row]:
    """(case, target) -> the identifying columns, from the manifest alone.

    Raises:
        BadFiles: a planned value does not have the type of its column.
    """
    targets = {target.id: _target_columns(target, manifest) for target in manifest.targets}
    found = {}
    for cell in manifest.cells:
        values = cell.values  # noqa: PD011 - a mapping, not a frame
        variant = {
            axis: value for axis, value in values.items() if axis not in schema.AXIS_COLUMNS and value is not None
        }
        columns = {axis: value for axis, value in values.items() if axis in schema.AXIS_COLUMNS}
        for axis, value in columns.items():
            if not (value is None or _is_of(value, AXIS_DTYPES[axis])):
                raise BadFiles(
                    f"the manifest of {manifest.run_id} plans the cell {cell.id} with {axis} {value!r}, which it "
                    "cannot have; restore the file or remove the run"
                )
        found[cell.case_key, cell.target] = {
            **targets[cell.target],
            "run_id": cell.run_id or manifest.run_id,
            "family": cell.scenario.partition(".")[0],
            "scenario": cell.scenario,
            "case": cell.case,
            **columns,
            "variant": json.dumps(variant, sort_keys=True) if variant else None,
        }
    return found


def _is_of(value: object, dtype: str) -> bool:
    if dtype == "string":
        return isinstance(value, str)
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < LARGEST_INTEGER


def _target_columns(target: TargetRecord, manifest: Manifest) -> Row:
    """The columns that all cells of a target share; facts are empty where the target never answered."""
    facts = target.facts or Facts()
    return {
        "engine": target.engine,
        "os": facts.os or target.os,
        "arch": facts.arch or target.arch,
        "implementation": facts.implementation,
        "python": facts.python or target.key.rstrip("t"),
        "build": target.build,
        "cpu_mode": target.cpu_mode,
        "cpus_requested": target.cpus_requested,
        "cpus_observed": facts.cpus_observed(target.cpu_mode) if target.facts else None,
        "host": manifest.host_label(target),
    }


def missing_reasons(manifest: Manifest) -> dict[tuple[str, str], str]:
    """(case, target) -> why a merged run has no measurement of it, for cells that no part has."""
    return {(cell.case_key, cell.target): cell.missing for cell in manifest.cells if cell.missing}
