"""The ratios of two targets' cells and scenarios with their standard errors, for ``lab.stats.tables.compare`` to judge.

Sources: Kalibera and Jones, Rigorous Benchmarking in Reasonable Time (ISMM 2013), for ratios over the level of
replication above the process, here the round; Welch (Biometrika 34, 1947) for rounds that were not measured together;
Fleming and Wallace (CACM 29, 1986) for the geometric mean of ratios. Deviations: ratios are differences of logarithms,
so that base over new is exactly new over base inverted; the mean over a scenario's cells is taken within each round and
the interval is over rounds, because cells of one round share what disturbs the round.

Ratios are of costs, so that above 1 always means worse: a rate is inverted. Cells are matched by scenario, case,
operation and metric. A flagged cell (disturbed, or with lost rounds: ``lab.stats.quality.flags``) has a ratio that is
not judged.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from lab.stats.intervals import MIN_ROUNDS
from lab.stats.quality.flags import lost_rounds
from lab.stats.rounds import log_ratios, round_values, too_few, welch, with_blocks

CELL = ["scenario", "case"]
KEY = [*CELL, "operation", "metric"]
GROUP = ["scenario", "metric"]
CellCauses = Mapping[tuple[str, str], str]  # (scenario, case) -> what disturbed it
FREE = "placement free is not compared between different targets"
OTHER_JOB = "the two jobs have different numbers of tasks, as they follow the number of CPUs"
JOBS = ("job", "job_with_start")  # operations whose value is of a whole job
NO_LOGARITHM = "a value that is not above zero has no ratio"
MEAN = "geometric mean"  # the operation of a scenario's row


def cell_ratios(
    base: pd.DataFrame, new: pd.DataFrame, *, interleaved: bool = True, disturbed: CellCauses | None = None
) -> pd.DataFrame:
    """Return one row per cell, operation and metric of either side.

    Args:
        base: rows of samples.csv of one target.
        new: those of the other target.
        interleaved: whether round k of both was measured together.
        disturbed: cells that were disturbed on either side, with the cause.

    Returns:
        Identifying columns of ``schema.COMPARE``, ``base`` and ``new`` (geometric means), ``rounds``, ``log_ratio``,
        ``error`` (its standard error) and ``degrees`` (of freedom), ``measured`` (whether both have a value), and
        ``reason`` where the ratio may not be judged.
    """
    sides = {"base": _logs(base), "new": _logs(new)}
    found = _paired(**sides) if interleaved else _unpaired(**sides)
    keys = pd.concat([side[[*KEY, "unit"]] for side in sides.values()] + [_unmeasured(base, new)])
    frame = keys.drop_duplicates(KEY).merge(found, on=KEY, how="left")
    frame["log_ratio"] = frame["log_ratio"].where(~_is_rate(frame), -frame["log_ratio"])
    frame["pairing"] = "paired" if interleaved else "apart"
    frame["base_target"], frame["new_target"] = _target(base), _target(new)
    frame["id"] = frame["scenario"] + "/" + frame["case"] + ":" + frame["operation"] + ":" + frame["metric"]
    frame["measured"] = frame["rounds"].notna()
    frame["reason"] = _reasons(frame, base, new, disturbed or {})
    missing = ~frame["measured"]
    if missing.any():
        frame.loc[missing, "reason"] = _missing_reasons(frame[missing], {"base": base, "new": new}, sides)
    return frame


def scenario_ratios(base: pd.DataFrame, new: pd.DataFrame) -> pd.DataFrame:
    """Return one row per scenario and metric that both interleaved sides have, with the columns of ``cell_ratios``.

    It says what changes for a scenario as the profile measures it: another selection of cells has another mean. Cells
    with placement free are left out between different targets, and so are those that lack a round which another cell
    of the scenario has: a mean over other cells in each round would compare cells and not targets.
    """
    both = _logs(base).merge(_logs(new), on=[*KEY, "unit", "round"], suffixes=("_base", "_new"))
    both = both[~_is_free(both, base, new) & ~_is_other_job(both, base, new)]
    change = log_ratios(both, "_new", "_base")
    both = _complete(both.assign(log_ratio=change.where(~_is_rate(both), -change)).dropna(subset=["log_ratio"]))
    rounds = both.groupby([*GROUP, "round"], sort=False)["log_ratio"].agg(["mean", "size"]).reset_index()
    found = rounds.groupby(GROUP, sort=False).agg(
        log_ratio=("mean", "mean"), scatter=("mean", "std"), rounds=("mean", "size"), cells=("size", "max")
    )
    found = found.reset_index()
    return found.assign(
        case="mean of " + found["cells"].astype("string"),
        operation=MEAN,
        id=found["scenario"] + ":" + found["metric"],
        error=(found["scatter"] / np.sqrt(found["rounds"])).mask(found["rounds"] < MIN_ROUNDS),
        degrees=(found["rounds"] - 1).astype(float),
        pairing="paired",
        base_target=_target(base),
        new_target=_target(new),
        measured=True,
        reason=too_few(found["rounds"]),
    )


def _logs(samples: pd.DataFrame) -> pd.DataFrame:
    """Return one row per key and round: ``log`` of the round's value, NaN where that is not above zero."""
    rows = samples.assign(operation=samples["operation"].fillna(""))
    values = round_values(rows, [*KEY, "unit"], metric=None)
    positive = values["value"].where(values["value"] > 0).astype(float)
    logs = values.assign(log=np.log(positive)).drop(columns="value")
    return with_blocks(logs, rows, [*KEY, "unit"], metric=None)


def _paired(base: pd.DataFrame, new: pd.DataFrame) -> pd.DataFrame:
    """Return mean and standard error of the log ratios of those rounds that both have."""
    both = base.drop(columns="unit").merge(new.drop(columns="unit"), on=[*KEY, "round"], suffixes=("_base", "_new"))
    both = both.assign(log_ratio=log_ratios(both, "_new", "_base"))
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
    return _finished(found)


def _unpaired(base: pd.DataFrame, new: pd.DataFrame) -> pd.DataFrame:
    """Return differences of the mean logarithms, with Welch's standard error and degrees of freedom."""
    one, two = (
        side.groupby(KEY, sort=False).agg(
            log=("log", "mean"), variance=("log", "var"), rounds=("log", "size"), logs=("log", "count")
        )
        for side in (base, new)
    )
    both = one.add_suffix("_base").join(two.add_suffix("_new"), how="inner")
    error, degrees = welch((both["variance_base"], both["variance_new"]), (both["rounds_base"], both["rounds_new"]))
    whole = (both["logs_base"] == both["rounds_base"]) & (both["logs_new"] == both["rounds_new"])
    found = both.assign(
        base=both["log_base"],
        new=both["log_new"],
        log_ratio=(both["log_new"] - both["log_base"]).where(whole),
        rounds=both[["rounds_base", "rounds_new"]].min(axis=1),
        error=error,
        degrees=degrees,
    )
    return _finished(found)


def _finished(found: pd.DataFrame) -> pd.DataFrame:
    """Return values in place of logarithms, and no standard error below the rounds that an interval needs."""
    few = (found["rounds"] < MIN_ROUNDS) | found["log_ratio"].isna()
    found = found.assign(base=np.exp(found["base"]), new=np.exp(found["new"]), error=found["error"].mask(few))
    return found[["base", "new", "rounds", "log_ratio", "error", "degrees"]].reset_index()


def _is_rate(frame: pd.DataFrame) -> pd.Series[bool]:
    return frame["unit"].astype("string").str.endswith("/s").fillna(value=False).astype(bool)


def _target(samples: pd.DataFrame) -> str:
    """Return the target that the rows are of; empty where there are none."""
    return "" if samples.empty else str(samples["target"].iloc[0])


def _is_free(frame: pd.DataFrame, base: pd.DataFrame, new: pd.DataFrame) -> pd.Series[bool]:
    """Whether each row is of a cell with placement free, between different targets."""
    if _target(base) == _target(new):
        return pd.Series(data=False, index=frame.index)
    placed = pd.concat([base, new])
    free = placed.loc[placed["placement"] == "free", CELL].drop_duplicates()
    return pd.Series(pd.MultiIndex.from_frame(frame[CELL]).isin(pd.MultiIndex.from_frame(free)), index=frame.index)


def _is_other_job(frame: pd.DataFrame, base: pd.DataFrame, new: pd.DataFrame) -> pd.Series[bool]:
    """Whether each row is of a job that has another number of tasks on the other side."""
    one, other = (side.dropna(subset=["tasks"]).groupby(CELL)["tasks"].max() for side in (base, new))
    both = one.to_frame("base").join(other.rename("new"), how="inner")
    differing = both.index[both["base"] != both["new"]]
    return pd.Series(pd.MultiIndex.from_frame(frame[CELL]).isin(differing), frame.index) & frame["operation"].isin(JOBS)


def _complete(both: pd.DataFrame) -> pd.DataFrame:
    """Return the cells that have every round of their scenario."""
    if both.empty:
        return both
    mine = both.groupby(KEY)["round"].transform("nunique")
    most = both.groupby(GROUP)["round"].transform("nunique")
    return both[mine == most]


def _unmeasured(base: pd.DataFrame, new: pd.DataFrame) -> pd.DataFrame:
    """Return a key for every cell of which neither side has a value: a missing cell is a row."""
    both = pd.concat([base, new], ignore_index=True)
    have = both[(both["status"] == "ok") & both["value"].notna()]
    rest = both[~pd.MultiIndex.from_frame(both[CELL]).isin(pd.MultiIndex.from_frame(have[CELL].drop_duplicates()))]
    rest = rest.drop_duplicates(CELL)
    return rest[[*CELL, "metric", "unit"]].assign(operation="")


def _reasons(frame: pd.DataFrame, base: pd.DataFrame, new: pd.DataFrame, disturbed: CellCauses) -> pd.Series[str]:
    """Return why a measured ratio may not be judged; missing where it may."""
    cells = pd.MultiIndex.from_frame(frame[CELL])
    found = too_few(frame["rounds"].fillna(0).astype(int))
    found = found.mask(frame["measured"] & frame["log_ratio"].isna(), NO_LOGARITHM)
    found = found.mask(_is_free(frame, base, new), FREE)
    found = found.mask(_is_other_job(frame, base, new), OTHER_JOB)
    for cell, cause in disturbed.items():
        found = found.mask(cells == cell, f"disturbed: {cause}")
    for side, samples in {"base": base, "new": new}.items():
        for (_, scenario, case), words in lost_rounds(samples).items():
            found = found.mask(cells == (scenario, case), f"{side}: {words}")
    return found


def _missing_reasons(
    frame: pd.DataFrame, samples: Mapping[str, pd.DataFrame], logs: Mapping[str, pd.DataFrame]
) -> list[str]:
    """Return, for each row without a ratio, the side that has no value, and the status and reason of its samples."""
    statuses = {side: _statuses(rows) for side, rows in samples.items()}
    measured = {side: set(rows[KEY].itertuples(index=False, name=None)) for side, rows in logs.items()}
    words = []
    for key in frame[KEY].itertuples(index=False, name=None):
        lacking = [side for side in samples if key not in measured[side]]
        parts = [f"{side}: {statuses[side].get(key[:2], 'not in its plan')}" for side in lacking]
        words.append("; ".join(parts) or "no round that both have")
    return words


def _statuses(samples: pd.DataFrame) -> dict[tuple[str, str], str]:
    """Cell -> its status and reason where it failed, else that it has no such value."""
    ordered = samples.assign(good=samples["status"] == "ok").sort_values("good", kind="stable").drop_duplicates(CELL)
    rows = ordered[[*CELL, "status", "reason"]].astype(object).itertuples(index=False, name=None)
    return {
        (scenario, case): "no value of this" if status == "ok" else f"{status}, {reason}"
        for scenario, case, status, reason in rows
    }
