"""Raw lines -> conditions.csv and canary.csv: what went on around each batch, and the loop beside each block."""

from __future__ import annotations

from typing import Any

import pandas as pd
from pandas.api.types import union_categoricals

from lab.runs.folder import RawFile, RunFolder, Tries, attempts, last_finished
from lab.tables import csv_files, schema

Row = dict[str, Any]
Case = tuple[str, str, str]
Columns = dict[str, Any]  # name -> array; texts as categories
DTYPES = {column.name: column.dtype for column in schema.CONDITIONS}
DERIVED = frozenset({"cpu_mode", "others_ns"})  # added when all rows are there
OF_CASE = ("target", "scenario", "case")
OF_LINE = ("operation", "round", "sample", "warmup", "throttled_ns")
OF_SURROUNDINGS = tuple(name for name in schema.names(schema.CONDITIONS) if name not in {*DERIVED, *OF_CASE, *OF_LINE})


def conditions(folder: RunFolder) -> pd.DataFrame:
    """One row a batch with the columns of ``schema.CONDITIONS``; no row for runs that did not record any.

    Raises:
        BadFiles: a raw file is damaged.
    """
    manifest = folder.manifest()
    surroundings = Surroundings(cases(manifest))
    for raw in folder.raw():
        surroundings.take(raw, attempts(raw))
    return surroundings.frame(manifest)


def with_others(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows with what is left of the CPUs' time: neither idle, nor stolen, nor the cell's own."""
    left_ns = frame["window_ns"] * frame["cpus_used"] - frame["idle_ns"] - frame["steal_ns"].fillna(0)
    return frame.assign(others_ns=(left_ns - frame["own_cpu_ns"]).clip(lower=0))


def canaries(folder: RunFolder) -> pd.DataFrame:
    """One row a canary with the columns of ``schema.CANARIES``.

    Raises:
        BadFiles: a raw file is damaged.
    """
    return canary_frame([row for raw in folder.raw() for row in canary_rows(raw)])


class Surroundings:
    """The columns of conditions.csv under way: a list each, for a dict a batch takes a gigabyte in a large run."""

    def __init__(self, planned: dict[tuple[str, str], Case]) -> None:
        self.planned = planned
        self.parts: list[Columns] = []
        self._begin()

    def _begin(self) -> None:
        self.columns: dict[str, list[Any]] = {name: [] for name in (*OF_CASE, *OF_LINE, *OF_SURROUNDINGS)}

    def take(self, raw: RawFile, tries: Tries) -> None:
        """Add the batches of the last finished attempt at each cell that the plan has."""
        for cell, own in tries.items():
            finished = last_finished(own)
            if finished is None or (cell, raw.target) not in self.planned:
                continue
            lines = [line for line in finished.lines if "around" in line]
            self._add(self.planned[cell, raw.target], raw.round, lines)

    def _add(self, case: Case, number: int, lines: list[Row]) -> None:
        columns = self.columns
        for name, value in zip((*OF_CASE, "round"), (*case, number), strict=True):
            columns[name] += [value] * len(lines)
        for name in ("operation", "sample", "warmup"):
            columns[name] += [line[name] for line in lines]
        columns["throttled_ns"] += [line["spent"].get("throttled_ns") for line in lines]
        around = [line["around"] for line in lines]
        for name in OF_SURROUNDINGS:
            columns[name] += [seen.get(name) for seen in around]

    def packed(self) -> Columns:
        """What was taken since the last time, which is given up here."""
        made: Columns = {}
        while self.columns:
            name, values = self.columns.popitem()
            array = pd.array(values, dtype=DTYPES[name])
            made[name] = pd.Categorical(array) if DTYPES[name] == "string" else array
        self._begin()
        return made

    def add(self, part: Columns) -> None:
        """Add what was taken elsewhere, of the raw files that follow."""
        self.parts.append(part)

    def frame(self, manifest: dict[str, Any]) -> pd.DataFrame:
        """All rows, those added before those taken here; they are given up, each column when it is made."""
        parts = [*self.parts, self.packed()]
        self.parts = []
        made = {name: _joined([part.pop(name) for part in parts], DTYPES[name]) for name in tuple(parts[-1])}
        frame = pd.DataFrame(made, copy=False)
        modes = {target["id"]: target["cpu_mode"] for target in manifest["targets"]}
        frame["cpu_mode"] = frame["target"].map(modes)
        return csv_files.conform(with_others(frame), schema.CONDITIONS)


def cases(manifest: dict[str, Any]) -> dict[tuple[str, str], Case]:
    """The plan's (cell, target), as raw files name them -> target, scenario, case."""
    return {
        (f"{cell['scenario']}/{cell['case']}", cell["target"]): (cell["target"], cell["scenario"], cell["case"])
        for cell in manifest["cells"]
    }


def _joined(parts: list[Any], dtype: schema.Dtype) -> pd.Series[Any]:
    if dtype == "string":
        return pd.Series(union_categoricals(parts)).astype(dtype)
    return pd.concat([pd.Series(part, copy=False) for part in parts], ignore_index=True)


def canary_rows(raw: RawFile) -> list[Row]:
    """The canaries of one raw file, each with its block."""
    block, rows = -1, []
    for line in raw.lines:
        if line["kind"] == "facts":  # every start of the target says first what it is
            block += 1
        elif line["kind"] == "canary":
            rows.append({**line, "target": raw.target, "round": raw.round, "block": block})
    return rows


def canary_frame(rows: list[Row]) -> pd.DataFrame:
    """The rows with the columns of ``schema.CANARIES``."""
    return csv_files.conform(pd.DataFrame.from_records(rows), schema.CANARIES)
