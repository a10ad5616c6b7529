"""The ratios of two targets' cells with their standard errors, for ``lab.stats.compare`` to judge.

Sources: Kalibera and Jones, Rigorous Benchmarking in Reasonable Time (ISMM 2013), for ratios over the level of
replication above the process, here the round; Welch (Biometrika 34, 1947) for rounds that were not measured together.
Deviation: ratios are differences of logarithms, so that base over new is exactly new over base turned round.

A round's value is that of ``lab.stats.tables.summary``. Ratios are of costs, so that above 1 always means worse: a rate
is turned round. Cells are matched by scenario, case, operation and metric. What was disturbed, or failed in some rounds
(``lab.stats.quality``), has a ratio and is not judged.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from lab.stats.intervals import MIN_ROUNDS
from lab.stats.quality import lost_rounds
from lab.stats.tables.summary import round_centres

CELL = ["scenario", "case"]
KEY = [*CELL, "operation", "metric"]
Disturbed = Mapping[tuple[str, str], str]  # (scenario, case) -> cause
FREE = "placement free is not compared between different targets"
NO_LOGARITHM = "a value that is not above zero has no ratio"


def ratios(
    base: pd.DataFrame, new: pd.DataFrame, *, interleaved: bool = True, disturbed: Disturbed | None = None
) -> pd.DataFrame:
    """One row a cell, operation and metric of either side.

    Args:
        base: rows of samples.csv of one target.
        new: the same of the other one.
        interleaved: whether round k of both was measured together.
        disturbed: cells whose measurement was disturbed, with the cause.

    Returns:
        Identifying columns of ``schema.COMPARE``, ``base`` and ``new`` (geometric means), ``rounds``, ``log_ratio``,
        ``error`` (its standard error) and ``degrees`` (of freedom), ``measured`` (whether both have a value), and
        ``reason`` where the ratio may not be judged.
    """
    sides = {"base": round_logs(base), "new": round_logs(new)}
    found = paired(**sides) if interleaved else apart(**sides)
    keys = pd.concat([side[[*KEY, "unit"]] for side in sides.values()] + [unmeasured(base, new)])
    frame = keys.drop_duplicates(KEY).merge(found, on=KEY, how="left")
    rate = frame["unit"].astype("string").str.endswith("/s").fillna(value=False).astype(bool)
    frame["log_ratio"] = frame["log_ratio"].where(~rate, -frame["log_ratio"])
    frame["pairing"] = "paired" if interleaved else "apart"
    frame["base_target"], frame["new_target"] = target(base), target(new)
    frame["id"] = frame["scenario"] + "/" + frame["case"] + ":" + frame["operation"] + ":" + frame["metric"]
    frame["measured"] = frame["rounds"].notna()
    frame["reason"] = reasons(frame, base, new, disturbed or {})
    return frame


def round_logs(samples: pd.DataFrame) -> pd.DataFrame:
    """One row a key and round: ``log`` of the round's value, not a number where that is not above zero."""
    ok = samples[(samples["status"] == "ok") & (samples["warmup"] == 0)].dropna(subset=["value", "round"])
    if ok.empty:
        return pd.DataFrame(columns=[*KEY, "unit", "round", "log"]).astype({"log": float})
    ok = ok.assign(operation=ok["operation"].fillna(""))
    ok = ok.assign(group=ok.groupby(KEY, sort=False).ngroup())
    centres = round_centres(ok).merge(ok.drop_duplicates("group")[["group", *KEY, "unit"]], on="group")
    positive = centres["centre"].where(centres["centre"] > 0).astype(float)
    return centres.assign(log=np.log(positive)).drop(columns=["group", "centre"])


def paired(base: pd.DataFrame, new: pd.DataFrame) -> pd.DataFrame:
    """Mean and standard error of the log ratios of those rounds that both have."""
    both = base.drop(columns="unit").merge(new.drop(columns="unit"), on=[*KEY, "round"], suffixes=("_base", "_new"))
    both = both.assign(log_ratio=both["log_new"] - both["log_base"])
    found = both.groupby(KEY, sort=False).agg(
        base=("log_base", "mean"),
        new=("log_new", "mean"),
        log_ratio=("log_ratio", "mean"),
        scatter=("log_ratio", "std"),
        rounds=("log_ratio", "size"),
        logs=("log_ratio", "count"),
    )
    found["error"] = found["scatter"] / np.sqrt(found["rounds"])
    found["degrees"] = (found["rounds"] - 1).astype(float)
    found["log_ratio"] = found["log_ratio"].where(found["logs"] == found["rounds"])
    return finished(found)


def apart(base: pd.DataFrame, new: pd.DataFrame) -> pd.DataFrame:
    """Difference of the means of the rounds' logarithms, with Welch's standard error and degrees of freedom."""
    one, two = (
        side.groupby(KEY, sort=False).agg(
            log=("log", "mean"), variance=("log", "var"), rounds=("log", "size"), logs=("log", "count")
        )
        for side in (base, new)
    )
    both = one.add_suffix("_base").join(two.add_suffix("_new"), how="inner")
    first, second = (both[f"variance_{side}"] / both[f"rounds_{side}"] for side in ("base", "new"))
    with np.errstate(divide="ignore", invalid="ignore"):
        freedom = (first + second) ** 2 / (first**2 / (both["rounds_base"] - 1) + second**2 / (both["rounds_new"] - 1))
    without_scatter = (both["rounds_base"] + both["rounds_new"] - 2).astype(float)
    whole = (both["logs_base"] == both["rounds_base"]) & (both["logs_new"] == both["rounds_new"])
    found = both.assign(
        base=both["log_base"],
        new=both["log_new"],
        log_ratio=(both["log_new"] - both["log_base"]).where(whole),
        rounds=both[["rounds_base", "rounds_new"]].min(axis=1),
        error=np.sqrt(first + second),
        degrees=freedom.where(first + second > 0, without_scatter),
    )
    return finished(found)


def finished(found: pd.DataFrame) -> pd.DataFrame:
    """Values in place of their logarithms, and no standard error below the rounds that an interval needs."""
    few = (found["rounds"] < MIN_ROUNDS) | found["log_ratio"].isna()
    found = found.assign(base=np.exp(found["base"]), new=np.exp(found["new"]), error=found["error"].mask(few))
    return found[["base", "new", "rounds", "log_ratio", "error", "degrees"]].reset_index()


def unmeasured(base: pd.DataFrame, new: pd.DataFrame) -> pd.DataFrame:
    """A key for every cell of which neither side has a value: a cell that is missing is a row."""
    both = pd.concat([base, new], ignore_index=True)
    have = both[(both["status"] == "ok") & both["value"].notna()]
    rest = both[~pd.MultiIndex.from_frame(both[CELL]).isin(pd.MultiIndex.from_frame(have[CELL].drop_duplicates()))]
    rest = rest.drop_duplicates(CELL)
    return rest[[*CELL, "metric", "unit"]].assign(operation="")


def target(samples: pd.DataFrame) -> str:
    """The label of the target that the rows are of; empty where there are none."""
    return "" if samples.empty else str(samples["target"].iloc[0])


def reasons(frame: pd.DataFrame, base: pd.DataFrame, new: pd.DataFrame, disturbed: Disturbed) -> pd.Series:
    """Why a ratio may not be judged; empty where it may."""
    found = pd.Series(pd.NA, index=frame.index, dtype="string")
    cells = pd.MultiIndex.from_frame(frame[CELL])
    rounds = frame["rounds"].fillna(0).astype(int)
    found = found.mask(rounds < MIN_ROUNDS, rounds.astype("string") + f" of {MIN_ROUNDS} rounds")
    found = found.mask(frame["measured"] & frame["log_ratio"].isna(), NO_LOGARITHM)
    if target(base) != target(new):
        placed = pd.concat([base, new])
        free = placed.loc[placed["placement"] == "free", CELL].drop_duplicates()
        found = found.mask(cells.isin(pd.MultiIndex.from_frame(free)), FREE)
    for cell, cause in disturbed.items():
        found = found.mask(cells == cell, f"disturbed: {cause}")
    for side, samples in {"base": base, "new": new}.items():
        for (_, scenario, case), words in lost_rounds(samples).items():
            found = found.mask(cells == (scenario, case), f"{side}: {words}")
    missing = ~frame["measured"]
    if missing.any():
        found[missing] = why_missing(frame[missing], {"base": base, "new": new})
    return found


def why_missing(frame: pd.DataFrame, sides: Mapping[str, pd.DataFrame]) -> list[str]:
    """Of each row without a value the side and the status and reason that stand in its samples."""
    told = {side: statuses(samples) for side, samples in sides.items()}
    measured = {
        side: set(round_logs(samples)[KEY].itertuples(index=False, name=None)) for side, samples in sides.items()
    }
    words = []
    for key in frame[KEY].itertuples(index=False, name=None):
        lacking = [side for side in sides if key not in measured[side]]
        parts = [f"{side}: {told[side].get(key[:2], 'not in its plan')}" for side in lacking]
        words.append("; ".join(parts) or "no round that both have")
    return words


def statuses(samples: pd.DataFrame) -> dict[tuple[str, str], str]:
    """Cell -> its status and reason where it failed, else that it lacks what was asked."""
    ordered = samples.assign(good=samples["status"] == "ok").sort_values("good", kind="stable").drop_duplicates(CELL)
    rows = ordered[[*CELL, "status", "reason"]].astype(object).itertuples(index=False, name=None)
    return {
        (scenario, case): "no value of this" if status == "ok" else f"{status}, {reason}"
        for scenario, case, status, reason in rows
    }
