"""Make conditions.csv, the system load during each batch, and canary.csv, the fixed loop around each block."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from operator import attrgetter

import numpy as np
import pandas as pd

from lab.runs.raw import Attempt, Canary, FactsLine, RawFile, Sample, SystemLoad
from lab.tables import csv_files, schema

Case = tuple[str, str, str]
OF_CASE = ("target", "scenario", "case")
OF_LOAD = SystemLoad.__struct_fields__


class ConditionBuilder:
    """Builds conditions.csv round by round. ``planned`` maps (case, target) to target, scenario and case."""

    def __init__(self, planned: Mapping[tuple[str, str], Case]) -> None:
        self._planned = planned
        self._parts: list[pd.DataFrame] = []
        self._cases: dict[Case, int] = {}
        self._operations: dict[str, int] = {}

    def add_round(self, number: int, finished: Iterable[tuple[tuple[str, str], Attempt[Sample]]]) -> None:
        """Add the batches of one round, by (case, target); batches without a reading of the load are left out."""
        of_cases: list[int] = []
        processes: list[int] = []
        lines: list[Sample] = []
        for key, attempt in finished:
            read = [line for line in attempt.samples if line.load is not None]
            of_cases += [self._cases.setdefault(self._planned[key], len(self._cases))] * len(read)
            processes += [attempt.process] * len(read)
            lines += read
        if not lines:
            return
        operations = self._operations
        loads = [line.load for line in lines]
        columns = {
            "case": np.array(of_cases, dtype=np.int64),
            "operation": np.array([operations.setdefault(line.operation, len(operations)) for line in lines]),
            "round": csv_files.integers([number] * len(lines)),
            "process": csv_files.integers(processes),
            "sample": csv_files.integers([line.sample for line in lines]),
            "warmup": csv_files.integers([line.warmup for line in lines]),
            "throttled_ns": csv_files.integers([line.spent.throttled_ns if line.spent else None for line in lines]),
            **{name: csv_files.integers(list(map(attrgetter(name), loads))) for name in OF_LOAD},
        }
        self._parts.append(pd.DataFrame(columns, copy=False))

    def frame(self, modes: Mapping[str, str]) -> pd.DataFrame:
        """All rows with the columns of ``schema.CONDITIONS``; ``modes`` maps target ids to CPU modes."""
        if not self._parts:
            return csv_files.conform(pd.DataFrame(), schema.CONDITIONS)
        rows = pd.concat(self._parts, ignore_index=True)
        self._parts = []
        cases = pd.DataFrame(list(self._cases), columns=list(OF_CASE), dtype="string")
        cases["cpu_mode"] = cases["target"].map(dict(modes))
        operations = pd.Series(list(self._operations), dtype="string")
        texts = cases.take(rows.pop("case").tolist()).reset_index(drop=True)
        texts["operation"] = operations.take(rows.pop("operation").tolist()).array
        return csv_files.conform(with_other_load(pd.concat([texts, rows], axis="columns")), schema.CONDITIONS)


def with_other_load(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows with ``others_ns``, the CPU time that was neither idle, nor stolen, nor used by the cell."""
    left_ns = frame["window_ns"] * frame["cpus_used"] - frame["idle_ns"] - frame["steal_ns"].fillna(0)
    return frame.assign(others_ns=(left_ns - frame["own_cpu_ns"]).clip(lower=0))


def canary_rows(raw: RawFile) -> list[dict[str, str | int]]:
    """The canaries of one raw file with the columns of ``schema.CANARIES``; blocks count from 0."""
    block = -1
    rows: list[dict[str, str | int]] = []
    for line in raw.blocks:
        if isinstance(line, FactsLine):  # every start of the target begins with its facts
            block += 1
        elif isinstance(line, Canary):
            row: dict[str, str | int] = {
                "when": line.when,
                "loops": line.loops,
                "elapsed_ns": line.elapsed_ns,
                "cpu_ns": line.cpu_ns,
            }
            rows.append({**row, "target": raw.target, "round": raw.round, "block": block})
    return rows
