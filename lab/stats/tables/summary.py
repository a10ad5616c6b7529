"""samples.csv -> summary.csv: one row a target, case, operation and metric, with its interval over rounds.

Positive metrics are averaged as logarithms (geometric mean), counts as they are. The round's centre is the median of
its batches; under a quota it is the sum of the elapsed times over the sum of the operations, for the median of windows
hides the quota. See ``lab.stats.intervals`` for the source.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from lab.stats.disturbances import CELL, reasons
from lab.stats.intervals import MIN_ROUNDS, median_ranks, t_interval
from lab.stats.quality import HALF_WIDTH, UNKNOWN_CAUSE, Cell, is_bimodal, lost_rounds, with_causes
from lab.tables import csv_files, schema

ARITHMETIC = frozenset({"count", "context_switches", "throttled_time"})  # 0 or more, and 0 has no logarithm
IDENTITY = schema.names(schema.IDENTITY)
CENTRED = ["cpu_mode", "round", "value", "loops"]  # what a round's centre comes from


def summarize(
    samples: pd.DataFrame, conditions: pd.DataFrame | None = None, groups: np.ndarray[Any, Any] | None = None
) -> pd.DataFrame:
    """The summary, with the columns of ``schema.SUMMARY``, in the order in which the rows first appear.

    ``conditions`` (columns of ``schema.CONDITIONS``): what went on around the batches; it names causes of noise.
    ``groups`` numbers the rows by their identity, where that is known already; to find it out is half of the work.
    """
    enters = ((samples["status"] == "ok") & (samples["warmup"] == 0) & samples["value"].notna()).to_numpy(dtype=bool)
    if groups is None:
        groups = samples.groupby(IDENTITY, dropna=False, sort=False).ngroup().to_numpy()
    places = np.flatnonzero(enters)
    numbers, firsts = _in_order_of_appearance(groups[places])
    ok = samples.loc[enters, ["target", "scenario", "case", "cpu_mode", "round", "value", "loops"]].assign(
        group=numbers
    )
    first = samples.iloc[places[firsts]][IDENTITY].reset_index(drop=True)
    parts = [_measured(ok, first), _unmeasured(samples, ok)]
    filled = [part for part in parts if not part.empty]
    frame = pd.concat(filled, ignore_index=True) if filled else pd.DataFrame()
    summary = with_losses(csv_files.conform(frame, schema.SUMMARY), lost_rounds(samples))
    if conditions is None or conditions.empty:
        return summary
    causes = summary[CELL].merge(reasons(conditions), on=CELL, how="left").set_index(summary.index)
    return csv_files.conform(with_causes(summary, causes), schema.SUMMARY)


def with_losses(summary: pd.DataFrame, lost: Mapping[Cell, str]) -> pd.DataFrame:
    """The summary with a word in the ``reason`` of estimates that are of those rounds alone which did not fail."""
    if not lost:
        return summary
    cells = summary[CELL].itertuples(index=False, name=None)
    words = pd.Series([lost.get(cell) for cell in cells], index=summary.index, dtype="string")
    told = words + ": the estimate is of the others"
    both = summary["reason"] + "; " + told
    return summary.assign(reason=summary["reason"].mask(words.notna(), both.fillna(told)))


def round_centres(ok: pd.DataFrame) -> pd.DataFrame:
    """One row a group and round: ``group``, ``round``, ``centre``; ``ok`` must have a column ``group``."""
    quota = (ok["cpu_mode"] == "quota").to_numpy(dtype=bool, na_value=False)
    parts = [centre(ok[rows]) for centre, rows in ((_medians, ~quota), (_means, quota)) if rows.any()]
    centres: pd.DataFrame = pd.concat(parts).rename("centre").reset_index()
    return centres.sort_values(["group", "round"], ignore_index=True)


def _medians(ok: pd.DataFrame) -> pd.Series[Any]:
    return ok.groupby(["group", "round"], sort=True)["value"].median()


def _means(ok: pd.DataFrame) -> pd.Series[Any]:
    loops = ok["loops"].fillna(1).astype("float64")
    sums = ok.assign(loops=loops, total=ok["value"] * loops).groupby(["group", "round"], sort=True)
    return sums["total"].sum() / sums["loops"].sum()


def _measured(ok: pd.DataFrame, first: pd.DataFrame) -> pd.DataFrame:
    """The rows of what was measured; row i of ``first`` has the identity of group i."""
    if ok.empty:
        return pd.DataFrame()
    centres = {group: rows["centre"].to_numpy(dtype=float) for group, rows in round_centres(ok).groupby("group")}
    batches = _of_groups(ok["group"].to_numpy(), ok["value"].to_numpy(dtype=float))
    found = [
        {"group": group, **estimate(centres[group], batches[group], metric)}
        for group, metric in enumerate(first["metric"].tolist())
    ]
    return first.join(pd.DataFrame.from_records(found).set_index("group")).assign(batch_p95=quantiles(batches, 0.95))


def _of_groups(groups: np.ndarray[Any, Any], values: np.ndarray[Any, Any]) -> list[np.ndarray[Any, Any]]:
    """The values of each group, in their order; groups are numbered from 0 and none is empty."""
    ends = np.cumsum(np.bincount(groups))[:-1]
    return np.split(values[np.argsort(groups, kind="stable")], ends)


def quantiles(parts: list[np.ndarray[Any, Any]], share: float) -> np.ndarray[Any, np.dtype[np.float64]]:
    """This quantile of each part; parts of one size together, for a call takes longer than its work."""
    sizes = np.array([len(part) for part in parts])
    found = np.empty(len(parts))
    for size in np.unique(sizes).tolist():
        places = np.flatnonzero(sizes == size)
        found[places] = np.quantile(np.stack([parts[place] for place in places]), share, axis=1)
    return found


def _in_order_of_appearance(groups: np.ndarray[Any, Any]) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """The groups numbered anew in the order in which they appear, and the place where each appears first."""
    numbers, different = pd.factorize(groups)
    firsts = np.full(len(different), len(groups))
    np.minimum.at(firsts, numbers, np.arange(len(groups)))
    return numbers, firsts


def estimate(centres: np.ndarray[Any, Any], batches: np.ndarray[Any, Any], metric: str) -> dict[str, object]:
    """Estimate, interval and stability of one group, from its rounds' centres and all of its batches."""
    logs = metric not in ARITHMETIC and bool((centres > 0).all())
    values = np.log(centres) if logs else centres
    mean, low, high = t_interval(values.tolist())
    found: dict[str, object] = {
        "n": len(batches),
        "rounds": len(centres),
        "estimate": math.exp(mean) if logs else mean,
        "cv": coefficient_of_variation(centres),
        "status": "ok",
        "reason": None,
    }
    if len(centres) < MIN_ROUNDS:
        return {**found, "reason": f"{len(centres)} of {MIN_ROUNDS} rounds"}
    bimodal = is_bimodal(batches)
    ranks = median_ranks(len(centres)) if bimodal else None
    if ranks:
        ordered = np.sort(values)
        low, high = float(ordered[ranks[0]]), float(ordered[ranks[1]])
        middle = float(np.median(ordered))  # what these ends enclose; the mean may lie outside of them
        found["estimate"] = math.exp(middle) if logs else middle
    ci_low, ci_high = (math.exp(low), math.exp(high)) if logs else (low, high)
    if metric in ARITHMETIC:
        ci_low = max(ci_low, 0.0)  # none of them can be less, and so no less is covered
    found |= {"ci_low": ci_low, "ci_high": ci_high}
    return found | _stability(low, high, mean, logs=logs, bimodal=bimodal)


def coefficient_of_variation(centres: np.ndarray[Any, Any]) -> float | None:
    """Standard deviation over mean of the rounds' centres; None below two rounds or about zero."""
    mean = float(centres.mean())
    if len(centres) < 2 or mean == 0:  # noqa: PLR2004 - a single round has no scatter
        return None
    return float(centres.std(ddof=1)) / abs(mean)


def _stability(low: float, high: float, mean: float, *, logs: bool, bimodal: bool) -> dict[str, object]:
    if bimodal:
        return {"stable": "bimodal", "reason": UNKNOWN_CAUSE}
    if logs:
        half = math.exp((high - low) / 2) - 1
    else:
        half = (high - low) / 2 / abs(mean) if mean else (0.0 if high == low else math.inf)
    if half <= HALF_WIDTH:
        return {"stable": "stable"}
    return {"stable": "noisy", "reason": f"half-width {half:.1%} of the estimate; {UNKNOWN_CAUSE}"}


def _unmeasured(samples: pd.DataFrame, ok: pd.DataFrame) -> pd.DataFrame:
    """A row with n = 0 for every cell that has no sample at all, with the first reason that was given."""
    keys = ["target", "scenario", "case"]
    rest = samples[samples["status"] != "ok"]
    if rest.empty:
        return pd.DataFrame()
    if not ok.empty:
        have = pd.MultiIndex.from_frame(ok[keys].drop_duplicates())
        rest = rest[~pd.MultiIndex.from_frame(rest[keys]).isin(have)]
    rest = rest.drop_duplicates(keys)
    return rest[[*IDENTITY, "status", "reason"]].assign(n=0, rounds=0)
