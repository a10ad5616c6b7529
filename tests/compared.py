"""Rows of samples.csv whose true ratio is known, to be compared."""

from __future__ import annotations

import numpy as np
import pandas as pd

from lab.tables import csv_files, schema

ROUNDS = 8


def samples(
    values: np.ndarray, *, target: str = "a", metric: str = "wall_time", unit: str = "ns", **columns: object
) -> pd.DataFrame:
    """Rows of samples.csv out of values by cell and round."""
    cells, rounds = values.shape
    cases = [f"c{number:04}" for number in range(cells)]
    frame = pd.DataFrame(
        {
            "target": target, "scenario": "ipc.round_trip", "case": np.repeat(cases, rounds),
            "operation": "round_trip", "metric": metric, "unit": unit, "cpu_mode": "cpuset", "status": "ok",
            "warmup": 0, "loops": 10, "sample": 0, "value": values.ravel(), "round": np.tile(range(rounds), cells),
            **columns,
        }
    )  # fmt: skip
    return csv_files.conform(frame, schema.SAMPLES)


def noisy(cells: int, *, scatter: float = 0.01, effect: float = 1.0, seed: int = 0, drift: float = 0.0) -> pd.DataFrame:
    """Cells of which each round scatters by itself, and all of a round drift together."""
    rng, together = np.random.default_rng(seed), np.random.default_rng(99)
    logs = rng.normal(0.0, scatter, (cells, ROUNDS)) + together.normal(0.0, drift or 1e-12, (cells, ROUNDS))
    return samples(1000.0 * effect * np.exp(logs), target=f"t{seed}")


def verdicts(frame: pd.DataFrame) -> dict[str, int]:
    return {str(word): int(count) for word, count in frame["verdict"].value_counts().items()}
