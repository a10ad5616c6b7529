"""Which worker counts may be within 5 % of the best one, as far as the rounds can tell.

Source: Hsu, Constrained simultaneous confidence intervals for multiple comparisons with the best (Annals of Statistics
12, 1984): every count is held against every other, so that it does not matter which looks best. A count is left out
where another is faster by more than 5 % with the whole interval of their ratio, paired by round. The intervals are
widened for the number of others, so that a count that is within 5 % of the best is kept in 95 % of runs at least.
Deviation: by Bonferroni instead of Hsu's constants, which suppose equal variances.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import scipy.special

from lab.stats.intervals import CONFIDENCE, MIN_ROUNDS

NEAR = 1.05  # times the best: what is as good for practical purposes


def near_best(jobs: pd.DataFrame, keys: list[str], doubtful: pd.DataFrame | None = None) -> pd.DataFrame:
    """``keys``, ``workers`` and ``near_best``: 1 where the count may be within 5 % of the best, 0 where it is not.

    It is missing where no other count shares five rounds with it.

    Args:
        jobs: the columns ``keys``, ``workers``, ``round`` and ``log``, a row a job and round.
        keys: what the jobs have in common whose counts are held against each other.
        doubtful: ``keys`` and ``workers`` of jobs by which nothing is decided: they are kept, and leave no count out.
    """
    rows = jobs[[*keys, "workers", "round", "log"]].assign(doubtful=False)
    if doubtful is not None and not doubtful.empty:
        marked = doubtful[[*keys, "workers"]].drop_duplicates().assign(doubtful=True)
        rows = rows.drop(columns="doubtful").merge(marked, on=[*keys, "workers"], how="left")
        rows["doubtful"] = rows["doubtful"].notna()
    pairs = rows.merge(rows, on=[*keys, "round"], suffixes=("", "_other"))
    pairs = pairs[pairs["workers"] != pairs["workers_other"]]
    pairs = pairs.assign(longer=(pairs["log"] - pairs["log_other"]).astype("float64"))
    pairs["open"] = pairs["doubtful"] | pairs["doubtful_other"]
    ratios = pairs.groupby([*keys, "workers", "workers_other", "open"], dropna=False, sort=False)["longer"]
    table = ratios.agg(["count", "mean", "std"]).reset_index()
    others = table.groupby([*keys, "workers"], dropna=False)["workers_other"].transform("size")
    told = table["count"] >= MIN_ROUNDS
    table = table.assign(left_out=(_low_ends(table, others) > np.log(NEAR)) & told & ~table["open"], told=told)
    found = table.groupby([*keys, "workers"], dropna=False, sort=False)[["left_out", "told"]].any().reset_index()
    kept = (~found["left_out"]).astype("Int64").where(found["told"])
    return found[[*keys, "workers"]].assign(near_best=kept)


def _low_ends(table: pd.DataFrame, others: pd.Series[int]) -> pd.Series[float]:
    """Lower ends of the logarithms' t-intervals, each one of so many."""
    count = table["count"].to_numpy(dtype=float)
    outside = (1 - CONFIDENCE) / 2 / others.to_numpy(dtype=float)
    half = scipy.special.stdtrit(np.maximum(count - 1, 1), 1 - outside) / np.sqrt(count)
    low: pd.Series[float] = table["mean"] - half * table["std"]
    return low
