"""The curve of a row of scaling.csv, for a figure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from lab.stats.laws.models import throughput

Array = np.ndarray[Any, Any]
NAMES = ("lambda", "sigma", "kappa")


def fitted_curve(row: Mapping[str, Any] | pd.Series[Any], workers: Sequence[float]) -> tuple[Array, Array, Array]:
    """Throughput (tasks/s) of a row of scaling.csv at these worker counts: value, low, high, each of shape (k,).

    The band puts all three coefficients at their less and their more favourable ends at once, so it is wider than
    95 %; it is NaN where a coefficient has no interval. A row of Karp and Flatt is Amdahl's curve through its one
    point, from the serial throughput on; a row without a model is NaN throughout. Beyond ``largest_workers`` of the
    row it is extrapolated, and a figure has to say so.
    """
    counts = np.asarray(workers, dtype=float)
    if row["model"] == "karp_flatt":
        rate = row["serial_throughput"]
        ends = [[rate, row[f"serial_fraction{end}"], 0.0] for end in ("", "_ci_high", "_ci_low")]
    else:
        ends = [
            [row[name] for name in NAMES],
            [row["lambda_ci_low"], row["sigma_ci_high"], row["kappa_ci_high"]],
            [row["lambda_ci_high"], row["sigma_ci_low"], row["kappa_ci_low"]],
        ]
    value, low, high = (throughput(counts, _numbers(end)) for end in ends)
    return value, low, high


def _numbers(values: Sequence[Any]) -> Array:
    return np.array([np.nan if pd.isna(value) else float(value) for value in values])
