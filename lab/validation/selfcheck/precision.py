"""Precision for the time: variance of a process's value times the wall time of such a process, against pyperf's.

To halve an interval takes four times the processes, so that of two ways to measure the one with the smaller product of
variance and time reaches the same interval in less time, in that proportion. The value is the logarithm of a process's
median; the time is all of it, from before the process starts until nothing of it is left.

pyperf works at its defaults: three values of 100 ms or more and one warm-up a worker. Its loops are given, so that its
calibration, one more process for a benchmark, is not charged; nor is the agent's, which happens once for a target.
A repeat is a few pairs that follow one another in the run of the accuracy part; its ratio is the geometric mean over
the operations. The lab has several processes a pair: the first of each are one series, the second another, each with a
variance of its own over the repeat's pairs, for it has as many values, as far apart in time, as pyperf's one series.
Interval: Student's t on the logarithms of the repeats' ratios, of which the upper end of the two-sided 95 % interval
decides.
"""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from lab.stats.intervals import t_interval

REPEATS = 10
GOAL = 0.5
AIM = 0.25
LEAST_PROCESSES = 2  # a single value has no variance


def products(measured: pd.DataFrame, repeats: int = REPEATS) -> pd.DataFrame:
    """One row an operation, repeat, arm and series: variance of the logarithms, seconds a process, their product.

    ``measured`` has a row a process: operation, pair, arm, again (its series), value_ns, wall_s, reason. Pairs beyond a
    multiple of the repeats are left out, so that all repeats are of one size.
    """
    good = measured[(measured["reason"] == "") & measured["arm"].isin(["lab", "pyperf"])]
    if "again" not in good.columns:
        good = good.assign(again=0)
    # Only as far as every operation went by either: a repeat of the noisy ones alone is no repeat of the others.
    pairs = int(good.groupby(["operation", "arm"])["pair"].max().min()) + 1 if len(good) else 0
    repeats = min(repeats, pairs // LEAST_PROCESSES)
    if not repeats:
        return pd.DataFrame(columns=["operation", "repeat", "arm", "again", "variance", "wall_s", "product"])
    size = pairs // repeats
    good = good[good["pair"] < size * repeats]
    good = good.assign(log=np.log(good["value_ns"].astype(float)), repeat=(good["pair"] // size).astype(int))
    found = good.groupby(["operation", "repeat", "arm", "again"], sort=False).agg(
        variance=("log", "var"), wall_s=("wall_s", "mean"), processes=("log", "count")
    )
    found["product"] = found["variance"] * found["wall_s"]
    return found[found["processes"] >= LEAST_PROCESSES].reset_index()


def ratios(found: pd.DataFrame) -> pd.DataFrame:
    """One row an operation and repeat: the lab's product over pyperf's; no row where either has no scatter at all.

    Of several series the geometric mean: the logarithm of a variance is biased by how few values it has, and so every
    series is as pyperf's. One that one process in a hundred disturbs looks better by it than it is: ``by_operation``
    pools the variances, and the page tells both.
    """
    if found.empty:
        return pd.DataFrame(columns=["operation", "repeat", "ratio"])
    positive = found[found["product"] > 0]
    logs = positive.assign(log=np.log(positive["product"]))
    wide = logs.pivot_table(index=["operation", "repeat"], columns="arm", values="log", aggfunc="mean")
    if not {"lab", "pyperf"} <= set(wide.columns):
        return pd.DataFrame(columns=["operation", "repeat", "ratio"])
    return pd.Series(np.exp(wide["lab"] - wide["pyperf"]), name="ratio").dropna().reset_index()


def by_operation(found: pd.DataFrame) -> pd.DataFrame:
    """One row an operation: scatter and seconds of each arm, and the ratio of products pooled over the repeats."""
    rows = []
    for operation, mine in found.groupby("operation", sort=False):
        row: dict[str, object] = {"operation": operation}
        products = {}
        for arm in ("lab", "pyperf"):
            of_arm = mine[mine["arm"] == arm]
            scatter = math.sqrt(float(of_arm["variance"].mean())) if len(of_arm) else math.nan
            wall_s = float(of_arm["wall_s"].mean()) if len(of_arm) else math.nan
            row |= {f"{arm}_scatter": scatter, f"{arm}_wall_s": wall_s}
            products[arm] = scatter**2 * wall_s
        row["ratio"] = products["lab"] / products["pyperf"] if products["pyperf"] else math.nan
        rows.append(row)
    columns = ["operation", "lab_scatter", "lab_wall_s", "pyperf_scatter", "pyperf_wall_s", "ratio"]
    return pd.DataFrame(rows, columns=columns)


def judged(of_repeats: pd.DataFrame) -> dict[str, object]:
    """Geometric mean over operations and repeats, its interval over the repeats, and whether the goal is reached."""
    logs = of_repeats.assign(log=np.log(of_repeats["ratio"].astype(float))).groupby("repeat")["log"].mean()
    if len(logs) < 2:  # noqa: PLR2004 - one repeat has no scatter
        return {"ratio": None, "repeats": len(logs), "goal": GOAL, "aim": AIM, "verdict": "cannot tell"}
    centre, low, high = (math.exp(value) for value in t_interval(list(logs)))
    verdict = "reached" if high <= GOAL else "missed" if low > GOAL else "cannot tell"
    return {
        "ratio": centre,
        "ci_low": low,
        "ci_high": high,
        "repeats": len(logs),
        "goal": GOAL,
        "aim": AIM,
        "aim_reached": high <= AIM,
        "verdict": verdict,
    }
