"""One ratio a scenario: the geometric mean of its cells' ratios, for ``lab.stats.compare`` to judge.

Source: Fleming and Wallace (CACM 29, 1986) for the geometric mean of ratios. Deviation: the mean over cells is taken
within each round, and the interval is over rounds, for cells of one round share what disturbs the round. It says what
changes for a scenario as the profile measures it: another choice of cells has another mean.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from lab.stats.intervals import MIN_ROUNDS
from lab.stats.pairs import CELL, KEY, round_logs, target

GROUP = ["scenario", "metric"]
OPERATION = "geometric mean"


def scenario_ratios(base: pd.DataFrame, new: pd.DataFrame) -> pd.DataFrame:
    """One row a scenario and metric that both interleaved sides have, in the layout of ``lab.stats.pairs.ratios``.

    Cells that are free to run anywhere are left out between different targets, and so are those that lack a round
    which another cell of the scenario has: a mean over other cells in each round would compare cells, not targets.
    """
    both = round_logs(base).merge(round_logs(new), on=[*KEY, "unit", "round"], suffixes=("_base", "_new"))
    both = both[~placed_freely(both, base, new)]
    rate = both["unit"].astype("string").str.endswith("/s").fillna(value=False).astype(bool)
    change = both["log_new"] - both["log_base"]
    both = whole(both.assign(log_ratio=change.where(~rate, -change)).dropna(subset=["log_ratio"]))
    rounds = both.groupby([*GROUP, "round"], sort=False)["log_ratio"].agg(["mean", "size"]).reset_index()
    found = rounds.groupby(GROUP, sort=False).agg(
        log_ratio=("mean", "mean"), scatter=("mean", "std"), rounds=("mean", "size"), cells=("size", "max")
    )
    found = found.reset_index()
    few = found["rounds"] < MIN_ROUNDS
    told = found["rounds"].astype("string") + f" of {MIN_ROUNDS} rounds"
    return found.assign(
        case="mean of " + found["cells"].astype("string"),
        operation=OPERATION,
        id=found["scenario"] + ":" + found["metric"],
        error=(found["scatter"] / np.sqrt(found["rounds"])).mask(few),
        degrees=(found["rounds"] - 1).astype(float),
        pairing="paired",
        base_target=target(base),
        new_target=target(new),
        measured=True,
        reason=told.where(few, pd.NA),
    )


def placed_freely(both: pd.DataFrame, base: pd.DataFrame, new: pd.DataFrame) -> pd.Series:
    """Which rows are of cells that may run anywhere, between different targets."""
    if target(base) == target(new):
        return pd.Series(data=False, index=both.index)
    free = pd.concat([base, new]).query("placement == 'free'")[CELL].drop_duplicates()
    return pd.Series(pd.MultiIndex.from_frame(both[CELL]).isin(pd.MultiIndex.from_frame(free)), index=both.index)


def whole(both: pd.DataFrame) -> pd.DataFrame:
    """The cells that have every round of their scenario."""
    if both.empty:
        return both
    mine = both.groupby(KEY)["round"].transform("nunique")
    most = both.groupby(GROUP)["round"].transform("nunique")
    return both[mine == most]
