"""The estimates of a run as plain rows, for the formats that take one number with its interval per benchmark."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from lab.errors import UsageError
from lab.tables import csv_files, schema

if TYPE_CHECKING:
    from lab.comparisons.sides import Side

LABELS = ("target", "scenario", "case", "operation")


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """One row of summary.csv that was measured; the ends of the interval are None below five rounds."""

    target: str
    scenario: str
    case: str
    operation: str
    metric: str
    unit: str
    value: float
    ci_low: float | None
    ci_high: float | None
    rounds: int


def estimates(side: Side) -> Iterator[Estimate]:
    """The measured rows of summary.csv, of one target where the side names one.

    Raises:
        BadFiles: summary.csv is missing or damaged.
        UsageError: nothing was measured.
    """
    frame = csv_files.read(side.run.path / "summary.csv", schema.SUMMARY)
    frame = frame[(frame["status"] == "ok") & frame["estimate"].notna()]
    if side.target is not None:
        frame = frame[frame["target"] == side.target]
    if frame.empty:
        raise UsageError(f"{side.label} has no measured cell, so there is nothing to export")
    for row in frame.to_dict("records"):
        yield Estimate(
            **{name: "" if pd.isna(row[name]) else str(row[name]) for name in (*LABELS, "metric", "unit")},
            value=float(row["estimate"]),
            ci_low=_number(row["ci_low"]),
            ci_high=_number(row["ci_high"]),
            rounds=int(row["rounds"]),
        )


def benchmark_name(side: Side, row: Estimate) -> str:
    """The name of a row among all of an export.

    The target is part of it unless the side is one target: exports of two targets then have the same names and can be
    compared. The metric is part of it unless it is the time of the operation.
    """
    parts = [] if side.target else [row.target]
    parts += [row.scenario, row.case, row.operation]
    parts += [] if row.metric == "wall_time" else [row.metric]
    return " ".join(part for part in parts if part)


def _number(value: float | None) -> float | None:
    return None if pd.isna(value) else float(value)
