"""Runs with known truth, for the tests of claims: samples of a few targets, and the summary made of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from lab import schema, tables
from lab.stats.summary import summarize

TARGET: Mapping[str, Any] = {
    "run_id": "r", "target": "py313-linux-c2", "engine": "docker", "os": "linux", "arch": "x86_64", "host": "h",
    "implementation": "CPython", "python": "3.13.0", "build": "gil", "cpu_mode": "cpuset", "cpus_requested": 2.0,
    "cpus_observed": 2.0,
}  # fmt: skip
JOB: Mapping[str, Any] = {"scenario": "pool.scaling", "operation": "job", "work": "pure_python"}
SERIAL: Mapping[str, Any] = {**JOB, "case": "serial", "executor": "serial", "workers": 1}
THREADS: Mapping[str, Any] = {**JOB, "case": "threads-2", "executor": "threads", "workers": 2}


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
    samples = tables.conform(pd.DataFrame(rows), schema.SAMPLES)
    return summarize(samples), samples
