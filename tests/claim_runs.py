"""Runs with known truth, for the tests of claims: samples of a few targets, and the summary made of them."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from lab.claims import all_claims, evaluate
from lab.stats.quality.disturbances import Disturbance
from lab.stats.rounds import Cell
from lab.stats.tables.summary import summarize
from lab.tables import csv_files, schema

TARGET: Mapping[str, Any] = {
    "run_id": "r", "target": "py313-linux-c2", "engine": "docker", "os": "linux", "arch": "x86_64", "host": "h",
    "implementation": "CPython", "python": "3.13.0", "build": "gil", "cpu_mode": "cpuset", "cpus_requested": 2.0,
    "cpus_observed": 2.0,
}  # fmt: skip
JOB: Mapping[str, Any] = {"scenario": "pool.scaling", "operation": "job", "work": "pure_python"}
SERIAL: Mapping[str, Any] = {**JOB, "case": "serial", "executor": "serial", "workers": 1}
THREADS: Mapping[str, Any] = {**JOB, "case": "threads-2", "executor": "threads", "workers": 2}
CLAIMS = {claim.name: claim for claim in all_claims()}
THREADS_CLAIM = "threads_do_not_speed_up_compute"
C1: dict[str, Any] = {"target": "py313-linux-c1", "cpus_requested": 1.0, "cpus_observed": 1.0}
TRIP: dict[str, Any] = {
    "scenario": "ipc.round_trip",
    "operation": "round_trip",
    "placement": "same_cpu",
    "payload_bytes": 64,
}


def cell(rounds: Sequence[float | Sequence[float]], **columns: Any) -> list[dict[str, Any]]:
    """The samples of one cell: for each round its value, or its batches."""
    base = {**TARGET, "metric": "wall_time", "unit": "ns", "status": "ok", "warmup": 0, "loops": 1, **columns}
    return [
        {**base, "round": number, "sample": index, "value": value}
        for number, batches in enumerate(rounds)
        for index, value in enumerate(batches if isinstance(batches, Sequence) else [batches])
    ]


def count(rounds: Sequence[float | Sequence[float]], **columns: Any) -> list[dict[str, Any]]:
    """The same of an exact count."""
    return cell(rounds, metric="count", **{"unit": "count", "loops": None, **columns})


def noisy(value: float, rounds: int = 5, scatter: float = 0.01, seed: int = 1) -> list[float]:
    """A value with lognormal scatter between rounds."""
    return list(value * np.random.default_rng(seed).lognormal(0, scatter, rounds))


def run(*cells: Sequence[Mapping[str, Any]]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Summary and samples."""
    rows = [row for rows in cells for row in rows]
    samples = csv_files.conform(pd.DataFrame(rows), schema.SAMPLES)
    return summarize(samples), samples


def captured_disturbances(folder: Path) -> dict[Cell, Disturbance]:
    """What a captured run keeps of its conditions: the cells that were disturbed."""
    rows = pd.read_csv(folder / "disturbed.csv").itertuples(index=False, name=None)
    return {(target, scenario, case): Disturbance(cause, share) for target, scenario, case, cause, share in rows}


def rows_of(claim: str, *cells: Sequence[dict[str, Any]], **options: Any) -> pd.DataFrame:
    """The rows of one claim, judged by itself: so its q does not depend on which other claims exist."""
    summary, samples = run(*cells)
    return evaluate(summary, samples, claims=[CLAIMS[claim]], **options)


def row_of(claim: str, *cells: Sequence[dict[str, Any]], **options: Any) -> pd.Series[Any]:
    found = rows_of(claim, *cells, **options)
    assert len(found) == 1
    return found.iloc[0]


def trip(mechanism: str, value: float, rounds: int = 5, **more: Any) -> list[dict[str, Any]]:
    columns = {**TRIP, "mechanism": mechanism, "variant": '{"payload": "bytes"}', **more}
    label = f"{mechanism}-{columns['payload_bytes']}"
    return cell(noisy(value, rounds, seed=zlib.crc32(label.encode())), **{**columns, "case": label})


def starts(python: str, value: float, method: str = "default", **more: Any) -> list[dict[str, Any]]:
    label = "py" + "".join(python.split(".")[:2]) + "-linux-c2"
    base = {"scenario": "pool.start", "operation": "start_ready", "workers": 2, "start_method": method}
    return cell(noisy(value), **{**base, "case": f"{method}-2", "target": label, "python": python, **more})


def failed(cells: Sequence[dict[str, Any]], *rounds: int, status: str = "failed") -> list[dict[str, Any]]:
    """The samples without those of these rounds, in which the cell failed."""
    kept = [row for row in cells if row["round"] not in rounds]
    return kept + [
        {**cells[0], "round": number, "value": None, "operation": None, "status": status, "reason": "killed after 60 s"}
        for number in rounds
    ]
