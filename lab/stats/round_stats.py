"""Round by round, vectorised: the logarithm of each round's value, and what the rounds of many groups amount to.

The same numbers as ``lab.stats.ratios``, of which the source is told there, for tables of thousands of ratios.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import scipy.special

from lab.stats.intervals import CONFIDENCE, MIN_ROUNDS
from lab.stats.tables.summary import CENTRED, round_centres


def measured(samples: pd.DataFrame, metric: str) -> pd.DataFrame:
    """The rows that enter an estimate of this metric."""
    rows = samples[(samples["metric"] == metric) & (samples["status"] == "ok") & (samples["warmup"] == 0)]
    return rows.dropna(subset=["value", "round"])


def round_values(samples: pd.DataFrame, keys: list[str], metric: str = "wall_time") -> pd.DataFrame:
    """One row a group of ``keys`` and round: the keys, ``round``, ``value`` (the round's centre)."""
    rows = measured(samples, metric)[list(dict.fromkeys([*keys, *CENTRED]))]
    if rows.empty:
        return pd.DataFrame(columns=[*keys, "round", "value"])
    rows = rows.assign(group=rows.groupby(keys, dropna=False, sort=False).ngroup())
    groups = rows.drop_duplicates("group")[["group", *keys]]
    centres = round_centres(rows).rename(columns={"centre": "value"})
    return groups.merge(centres, on="group").drop(columns="group")


def round_logs(samples: pd.DataFrame, keys: list[str], metric: str = "wall_time") -> pd.DataFrame:
    """The same with ``log``; values of zero and below have none and are left out."""
    values = round_values(samples, keys, metric)
    values = values[values["value"] > 0]
    return values.assign(log=np.log(values["value"].astype("float64")))


def means_by(frame: pd.DataFrame, keys: list[str], column: str) -> pd.DataFrame:
    """Mean over the rounds of each group: the keys, ``rounds``, ``value``, ``ci_low``, ``ci_high`` (t, 95 %).

    The ends are NaN below ``MIN_ROUNDS``.
    """
    groups = frame.groupby(keys, dropna=False, sort=False)[column]
    table = groups.agg(rounds="count", value="mean", deviation="std").reset_index()
    count = table["rounds"].to_numpy(dtype=float)
    quantile = scipy.special.stdtrit(np.maximum(count - 1, 1), (1 + CONFIDENCE) / 2)
    half = np.where(count >= MIN_ROUNDS, quantile * table["deviation"] / np.sqrt(count), np.nan)
    return table.assign(ci_low=table["value"] - half, ci_high=table["value"] + half).drop(columns="deviation")


def geometric_means_by(frame: pd.DataFrame, keys: list[str], column: str = "log") -> pd.DataFrame:
    """The same of logarithms, back from them: a value, or a ratio where the logarithms are differences."""
    table = means_by(frame, keys, column)
    return table.assign(**{name: np.exp(table[name].astype("float64")) for name in ("value", "ci_low", "ci_high")})


def too_few(rounds: pd.Series[int]) -> pd.Series[str]:
    """``k of 5 rounds`` where there is no interval for that reason, else empty."""
    words = rounds.astype("string") + f" of {MIN_ROUNDS} rounds"
    return words.where(rounds < MIN_ROUNDS)
