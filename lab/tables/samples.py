"""Raw lines -> samples.csv. Metadata comes from the manifest's plan and the targets' facts, never from names.

What identifies a row (30 of 38 columns) is the same in all rounds and batches of a case. It is held once, with a
number, and each row has that number: a million samples stay below a gigabyte, and their CSV is written in seconds.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from lab.agent.facts.target import cpus_observed
from lab.runs.folder import Attempt, RawFile, RunFolder, Tries, attempts, last_finished
from lab.tables import csv_files, schema

SPENT = {"cpu_ns": "cpu_time", "switches": "context_switches", "throttled_ns": "throttled_time"}
IDENTITY = schema.IDENTITY
OWN = schema.SAMPLES[len(IDENTITY) :]
Row = dict[str, Any]
Key = tuple[str, str]
Said = tuple[Any, ...]  # a cell's key, then of a sample its operation and its columns


@dataclass(frozen=True, kw_only=True)
class Samples:
    """The rows of samples.csv in two parts: row i is ``identities`` at ``codes[i]``, and row i of ``own``."""

    identities: pd.DataFrame
    codes: np.ndarray[Any, np.dtype[np.int64]]
    own: pd.DataFrame

    def frame(self) -> pd.DataFrame:
        """All columns of ``schema.SAMPLES``, row by row."""
        repeated = self.identities.take(self.codes.tolist()).reset_index(drop=True)
        return pd.concat([repeated, self.own], axis="columns")

    def groups(self) -> np.ndarray[Any, np.dtype[np.int64]]:
        """A number for each row, the same for rows that agree in all identifying columns."""
        names = schema.names(IDENTITY)
        numbers = self.identities.groupby(names, dropna=False, sort=False).ngroup()
        of_rows: np.ndarray[Any, np.dtype[np.int64]] = np.asarray(numbers, dtype=np.int64)[self.codes]
        return of_rows


def tidy(folder: RunFolder) -> pd.DataFrame:
    """The run's samples with the columns of ``schema.SAMPLES``; see ``gather``."""
    return gather(folder).frame()


def gather(folder: RunFolder) -> Samples:
    """The run's samples, in the order of the raw files; planned cells that no round has come to stand last.

    Raises:
        BadFiles: a raw file is damaged.
    """
    manifest = folder.manifest()
    gathered = Gathered(identity_rows(manifest))
    for raw in folder.raw():
        gathered.take_file(raw, attempts(raw))
    gathered.take_unmeasured(missing_reasons(manifest))
    return gathered.joined()


@dataclass(frozen=True, kw_only=True)
class Packed:
    """Rows of samples.csv on their way, as columns: row i has the identity ``said[codes[i]]``, a metric and a key."""

    said: list[tuple[str, Said]]
    codes: np.ndarray[Any, np.dtype[np.int64]]
    value: np.ndarray[Any, np.dtype[np.float64]]
    loops: pd.Series[int]
    samples: pd.Series[int]
    warmups: pd.Series[int]
    attempts: list[tuple[int, int | None, str, str | None]]
    measured: set[Key]


@dataclass
class Gathered:
    """Columns under way: lists that grow by a row, or by an attempt with its number of rows.

    ``planned`` has the cells that count; what stands in it for each is needed by ``joined`` alone.
    """

    planned: Mapping[Key, Any]
    parts: list[Packed] = field(default_factory=list)
    numbers: dict[tuple[str, Said], int] = field(default_factory=dict)
    measured: set[Key] = field(default_factory=set)
    codes: list[int] = field(default_factory=list)
    values: list[float | None] = field(default_factory=list)
    loops: list[int | None] = field(default_factory=list)
    samples: list[int | None] = field(default_factory=list)
    warmups: list[int] = field(default_factory=list)
    attempts: list[tuple[int, int | None, str, str | None]] = field(default_factory=list)

    def take_file(self, raw: RawFile, tries: Tries) -> None:
        """Add the rows of the last finished attempt at each cell that the plan has."""
        for case, own in tries.items():
            finished = last_finished(own)
            if finished is not None and (case, raw.target) in self.planned:
                self.take((case, raw.target), raw.round, finished)

    def take(self, key: Key, number: int, attempt: Attempt) -> None:
        """Add the rows of one finished attempt."""
        end = attempt.end or {}
        if end["status"] != "ok":
            self._add_unmeasured(key, number, end["status"], end["reason"])
            return
        before = len(self.codes)
        for line in attempt.lines:
            if line["kind"] == "sample":
                self._add_line(key, line)
        rows = len(self.codes) - before
        if rows:
            self.measured.add(key)
            self.attempts.append((rows, number, "ok", None))

    def take_unmeasured(self, missing: dict[Key, str]) -> None:
        """Add a row for each cell of the plan that has none; ``missing`` says why no part of a merged run has it."""
        for key in self.planned:
            if key not in self.measured:
                self._add_unmeasured(key, None, "skipped", missing.get(key) or "the run ended before it")

    def packed(self) -> Packed:
        """What was gathered since the last time, which is given up here."""
        found = Packed(
            said=list(self.numbers),
            codes=np.array(self.codes, dtype=np.int64),
            value=np.array(self.values, dtype=np.float64),
            loops=_counts(self.loops),
            samples=_counts(self.samples),
            warmups=_counts(self.warmups),
            attempts=self.attempts,
            measured=self.measured,
        )
        self.numbers, self.attempts = {}, []
        self.codes, self.values, self.loops, self.samples, self.warmups = [], [], [], [], []
        return found

    def add(self, part: Packed) -> None:
        """Add what was gathered elsewhere, of the raw files that follow."""
        self.parts.append(part)
        self.measured |= part.measured

    def joined(self) -> Samples:
        """What was gathered, with the dtypes of the schema; the rows added stand before those taken here."""
        parts = [*self.parts, self.packed()]
        rows = pd.DataFrame(
            {
                "value": np.concatenate([part.value for part in parts]),
                "loops": pd.concat([part.loops for part in parts], ignore_index=True),
                "sample": pd.concat([part.samples for part in parts], ignore_index=True),
                "warmup": pd.concat([part.warmups for part in parts], ignore_index=True),
            },
            copy=False,
        )
        told = [attempt for part in parts for attempt in part.attempts]
        tries = pd.DataFrame.from_records(told, columns=["rows", "round", "status", "reason"])
        tries["process"] = pd.Series(0, index=tries.index, dtype="Int64").where(tries["round"].notna())
        spread = csv_files.conform(tries, tuple(column for column in OWN if column.name not in rows.columns))
        spread = spread.take(np.repeat(np.arange(len(tries)), tries["rows"].to_numpy(dtype=np.int64)).tolist())
        said, codes = _numbered(parts)
        return Samples(
            identities=csv_files.conform(pd.DataFrame.from_records([self._record(*one) for one in said]), IDENTITY),
            codes=codes,
            own=csv_files.conform(pd.concat([rows, spread.reset_index(drop=True)], axis="columns"), OWN),
        )

    def _add_line(self, key: Key, line: dict[str, Any]) -> None:
        """Add a row for each metric of a sample line: batches carry wall time and counters, other lines one metric."""
        columns, loops = line["columns"], line.get("loops")
        said = (line["operation"], *columns.items())
        if "metric" in line:
            found, loops = [(line["metric"], float(line["value"]))], columns.get("loops")
        else:
            spent, counted = line.get("spent", ()), line.get("spent_loops", loops)  # these cover the run-in as well
            found = [(metric, spent[counter] / counted) for counter, metric in SPENT.items() if counter in spent]
            found.insert(0, ("wall_time", line["elapsed_ns"] / loops))
        number = len(found)
        self.codes += [self._code((key, *said), metric) for metric, _ in found]
        self.values += [value for _, value in found]
        self.loops += [loops] * number
        self.samples += [line["sample"]] * number
        self.warmups += [line["warmup"]] * number

    def _add_unmeasured(self, key: Key, number: int | None, status: str, reason: str) -> None:
        self.measured.add(key)
        self.codes.append(self._code((key,), "wall_time"))
        self.values.append(None)
        self.loops.append(None)
        self.samples.append(None)
        self.warmups.append(0)
        self.attempts.append((1, number, status, reason))

    def _code(self, said: Said, metric: str) -> int:
        """The number of the identity that the plan, a line's columns and a metric make."""
        return self.numbers.setdefault((metric, said), len(self.numbers))

    def _record(self, metric: str, said: Said) -> Row:
        """The identifying columns."""
        key: Key = said[0]
        columns = {name: value for name, value in said[2:] if value is not None}
        operation = {"operation": said[1]} if len(said) > 1 else {}
        own = {"target": key[1], "unit": schema.UNITS.get(metric), **columns, **operation, "metric": metric}
        return {**self.planned[key], **own}


def _counts(values: Sequence[int | None]) -> pd.Series[int]:
    return pd.Series(pd.array(values, dtype="Int64"), copy=False)


def _numbered(parts: list[Packed]) -> tuple[list[tuple[str, Said]], np.ndarray[Any, np.dtype[np.int64]]]:
    """The identities of all parts, each once, and the number of each row's."""
    numbers: dict[tuple[str, Said], int] = {}
    codes = []
    for part in parts:
        own = np.array([numbers.setdefault(one, len(numbers)) for one in part.said], dtype=np.int64)
        codes.append(own[part.codes])
    return list(numbers), np.concatenate(codes)


def unfinished_attempts(folder: RunFolder) -> int:
    """Attempts at cells that were begun and never ended; they stay in raw and do not enter samples.csv."""
    return sum(attempt.end is None for raw in folder.raw() for tries in attempts(raw).values() for attempt in tries)


def identity_rows(manifest: dict[str, Any]) -> dict[tuple[str, str], Row]:
    """(case, target) -> the identifying columns, out of the manifest alone."""
    targets = {target["id"]: _target_columns(target, manifest) for target in manifest["targets"]}
    found = {}
    for cell in manifest["cells"]:
        values = cell["values"]
        variant = {
            axis: value for axis, value in values.items() if axis not in schema.AXIS_COLUMNS and value is not None
        }
        columns = {axis: value for axis, value in values.items() if axis in schema.AXIS_COLUMNS}
        found[f"{cell['scenario']}/{cell['case']}", cell["target"]] = {
            **targets[cell["target"]],
            "run_id": cell.get("run_id", manifest["run_id"]),
            "family": cell["scenario"].partition(".")[0],
            "scenario": cell["scenario"],
            "case": cell["case"],
            **columns,
            "variant": json.dumps(variant, sort_keys=True) if variant else None,
        }
    return found


def _target_columns(target: dict[str, Any], manifest: dict[str, Any]) -> Row:
    """What all cells of a target share; what only the target can tell is empty where it never answered."""
    facts = target.get("facts") or {}
    return {
        "engine": target["engine"],
        "os": facts.get("os", target["os"]),
        "arch": facts.get("arch", target["arch"]),
        "implementation": facts.get("implementation"),
        "python": facts.get("python", target["key"].rstrip("t")),
        "build": target["build"],
        "cpu_mode": target["cpu_mode"],
        "cpus_requested": target["cpus_requested"],
        "cpus_observed": cpus_observed(target["cpu_mode"], facts) if facts else None,
        "host": target["host"] if "host" in target else manifest["host"]["label"],
    }


def missing_reasons(manifest: dict[str, Any]) -> dict[tuple[str, str], str]:
    """(case, target) -> why a merged run has nothing of it; only of cells that stand in no part."""
    return {
        (f"{cell['scenario']}/{cell['case']}", cell["target"]): cell["missing"]
        for cell in manifest["cells"]
        if cell.get("missing")
    }
