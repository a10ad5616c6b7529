"""Precision for the time: variance of a process's value times the process's wall time, relative to pyperf's.

Halving an interval takes four times as many processes. Of two harnesses, the one with the smaller product of variance
and time therefore reaches the same interval sooner, in the proportion of the products. The variance is that of the
logarithm of a process's median; the time runs from before the process starts until its last child has ended.

Pyperf works at its defaults: a warm-up and three values of at least 100 ms per worker. Its calibration, one process
per benchmark, is not counted, nor is the agent's, which happens once per target.

A repeat is a few consecutive pairs of the accuracy part, and its ratio is the geometric mean over the operations. The
lab has several processes per pair: the first of each pair form one series, the second another, and so on. Each series
has its own variance over the repeat's pairs, because it has as many values, as far apart in time, as pyperf's only one.
The verdict is by the upper end of the two-sided 95% t-interval of the logarithms of the repeats' ratios.
"""

from __future__ import annotations

import math

import msgspec
import numpy as np
import pandas as pd

from lab.stats.intervals import t_interval
from lab.validation.selfcheck.equivalence import GoalVerdict, goal_verdict

REPEATS = 10
GOAL = 0.5
AIM = 0.25
MIN_PROCESSES = 2  # a single value has no variance


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One operation, pooled over the repeats: relative standard deviation and seconds of a process, ratio of products.

    Unknown numbers are NaN, which JSON stores as null.
    """

    operation: str
    lab_scatter: float | None
    lab_wall_s: float | None
    pyperf_scatter: float | None
    pyperf_wall_s: float | None
    ratio: float | None


class Overall(msgspec.Struct, frozen=True, kw_only=True):
    """The ratio over operations and repeats, with the 95% interval over repeats."""

    ratio: float | None = None
    ci_low: float | None = None
    ci_high: float | None = None
    repeats: int
    goal: float = GOAL
    aim: float = AIM
    aim_reached: bool = False
    verdict: GoalVerdict = "inconclusive"


class Precision(msgspec.Struct, frozen=True, kw_only=True):
    """The result of the part."""

    rows: tuple[Row, ...]
    overall: Overall


def products(measured: pd.DataFrame, repeats: int = REPEATS) -> pd.DataFrame:
    """``operation, repeat, harness, series, variance, wall_s, product``: the variance is that of the logarithms.

    ``measured`` is as ``accuracy.as_frame`` gives it. All repeats have the same number of pairs; pairs that remain
    are left out, as are those that not every operation has for both harnesses.
    """
    good = measured[(measured["reason"] == "") & measured["harness"].isin(["lab", "pyperf"])]
    pairs = int(good.groupby(["operation", "harness"])["pair"].max().min()) + 1 if len(good) else 0
    repeats = min(repeats, pairs // MIN_PROCESSES)
    if not repeats:
        return pd.DataFrame(columns=["operation", "repeat", "harness", "series", "variance", "wall_s", "product"])
    size = pairs // repeats
    good = good[good["pair"] < size * repeats]
    good = good.assign(log=np.log(good["value_ns"].astype(float)), repeat=(good["pair"] // size).astype(int))
    found = good.groupby(["operation", "repeat", "harness", "series"], sort=False).agg(
        variance=("log", "var"), wall_s=("wall_s", "mean"), processes=("log", "count")
    )
    found["product"] = found["variance"] * found["wall_s"]
    return found[found["processes"] >= MIN_PROCESSES].reset_index()


def ratios(found: pd.DataFrame) -> pd.DataFrame:
    """``operation, repeat, ratio``: the lab's product over pyperf's, where both have scatter.

    ``found`` has the columns of ``products``. Several series are combined by their geometric mean: the logarithm of a
    variance is biased by how few values it has, so each of the lab's series is treated as pyperf's one is. The mean
    understates rare disturbances, of one process in a hundred; ``by_operation`` pools the variances instead, and the
    page shows both.
    """
    logs = found[found["product"] > 0].assign(log=lambda rows: np.log(rows["product"].astype(float)))
    wide = logs.pivot_table(index=["operation", "repeat"], columns="harness", values="log", aggfunc="mean")
    if not {"lab", "pyperf"} <= set(wide.columns):
        return pd.DataFrame(columns=["operation", "repeat", "ratio"])
    return pd.Series(np.exp(wide["lab"] - wide["pyperf"]), name="ratio").dropna().reset_index()


def by_operation(found: pd.DataFrame) -> list[Row]:
    """One row per operation, with variances pooled over repeats and series; ``found`` is that of ``products``."""
    rows = []
    for operation, mine in found.groupby("operation", sort=False):
        means = mine.groupby("harness")[["variance", "wall_s"]].mean().reindex(["lab", "pyperf"])
        (lab_variance, lab_s), (pyperf_variance, pyperf_s) = means.to_numpy(dtype=float).tolist()
        reference = pyperf_variance * pyperf_s
        row = Row(
            operation=str(operation),
            lab_scatter=math.sqrt(lab_variance),
            lab_wall_s=lab_s,
            pyperf_scatter=math.sqrt(pyperf_variance),
            pyperf_wall_s=pyperf_s,
            ratio=lab_variance * lab_s / reference if reference else math.nan,
        )
        rows.append(row)
    return rows


def judge(repeat_ratios: pd.DataFrame) -> Overall:
    """The verdict about the columns ``repeat`` and ``ratio``; with fewer than two repeats there is none."""
    logs = repeat_ratios.assign(log=np.log(repeat_ratios["ratio"].astype(float))).groupby("repeat")["log"].mean()
    if len(logs) < 2:  # noqa: PLR2004 - one repeat has no scatter
        return Overall(repeats=len(logs))
    centre, low, high = (math.exp(value) for value in t_interval(list(logs)))
    return Overall(
        ratio=centre,
        ci_low=low,
        ci_high=high,
        repeats=len(logs),
        aim_reached=high <= AIM,
        verdict=goal_verdict(low, high, GOAL),
    )
