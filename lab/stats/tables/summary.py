"""samples.csv -> summary.csv: one row per target, case, operation and metric, with its interval over rounds.

Positive metrics are averaged as logarithms (geometric mean), counts as they are. What a round's value is says
``lab.stats.rounds``; the sources are in ``lab.stats.intervals``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from lab.stats.intervals import MIN_ROUNDS, median_ranks, t_interval
from lab.stats.quality.disturbances import likely_causes
from lab.stats.quality.flags import lost_rounds
from lab.stats.quality.stability import (
    HALF_WIDTH,
    MODE_ROUNDS,
    NOT_EXAMINED,
    UNKNOWN_CAUSE,
    is_bimodal,
    with_causes,
)
from lab.stats.rounds import CELL_COLUMNS, CENTRED, Cell, round_centres
from lab.tables import csv_files, schema

ARITHMETIC = frozenset({"count", "context_switches", "throttled_time"})  # 0 or more, and 0 has no logarithm
IDENTITY = schema.names(schema.IDENTITY)


def summarize(
    samples: pd.DataFrame, conditions: pd.DataFrame | None = None, groups: np.ndarray[Any, Any] | None = None
) -> pd.DataFrame:
    """Return the summary, with the columns of ``schema.SUMMARY``, in the order in which the rows first appear.

    Args:
        samples: rows of samples.csv.
        conditions: columns of ``schema.CONDITIONS``: the system's state during the batches, which explains noise.
        groups: numbers of the rows by their identity, where they are known already; finding them is half of the work.
    """
    enters = ((samples["status"] == "ok") & (samples["warmup"] == 0) & samples["value"].notna()).to_numpy(dtype=bool)
    if groups is None:
        groups = samples.groupby(IDENTITY, dropna=False, sort=False).ngroup().to_numpy()
    places = np.flatnonzero(enters)
    numbers, firsts = _in_order_of_appearance(groups[places])
    ok = samples.loc[enters, [*CELL_COLUMNS, *CENTRED]].assign(group=numbers)
    first = samples.iloc[places[firsts]][IDENTITY].reset_index(drop=True)
    parts = [_measured(ok, first), _unmeasured(samples, ok)]
    filled = [part for part in parts if not part.empty]
    frame = pd.concat(filled, ignore_index=True) if filled else pd.DataFrame()
    summary = with_losses(csv_files.conform(frame, schema.SUMMARY), lost_rounds(samples))
    if conditions is None or conditions.empty:
        return summary
    causes = (
        summary[CELL_COLUMNS].merge(likely_causes(conditions), on=CELL_COLUMNS, how="left").set_index(summary.index)
    )
    return csv_files.conform(with_causes(summary, causes), schema.SUMMARY)


def with_losses(summary: pd.DataFrame, lost: Mapping[Cell, str]) -> pd.DataFrame:
    """Return the summary with the lost rounds in the ``reason`` of estimates that are of the other rounds alone."""
    if not lost:
        return summary
    cells = summary[CELL_COLUMNS].itertuples(index=False, name=None)
    words = pd.Series([lost.get(cell) for cell in cells], index=summary.index, dtype="string")
    words = words + ": the estimate is of the others"
    both = summary["reason"] + "; " + words
    return summary.assign(reason=summary["reason"].mask(words.notna(), both.fillna(words)))


def _measured(ok: pd.DataFrame, first: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of what was measured; row i of ``first`` has the identity of group i."""
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
    """Return the values of each group, in their order; groups are numbered from 0 and none is empty."""
    ends = np.cumsum(np.bincount(groups))[:-1]
    return np.split(values[np.argsort(groups, kind="stable")], ends)


def quantiles(parts: list[np.ndarray[Any, Any]], share: float) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return this quantile of each part; parts of one size share a call, which takes longer than its work."""
    sizes = np.array([len(part) for part in parts])
    found = np.empty(len(parts))
    for size in np.unique(sizes).tolist():
        places = np.flatnonzero(sizes == size)
        found[places] = np.quantile(np.stack([parts[place] for place in places]), share, axis=1)
    return found


def _in_order_of_appearance(groups: np.ndarray[Any, Any]) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Return the groups, renumbered in the order in which they appear, and the place where each appears first."""
    numbers, different = pd.factorize(groups)
    firsts = np.full(len(different), len(groups))
    np.minimum.at(firsts, numbers, np.arange(len(groups)))
    return numbers, firsts


def estimate(centres: np.ndarray[Any, Any], batches: np.ndarray[Any, Any], metric: str) -> dict[str, object]:
    """Return estimate, interval and stability of one group, from its rounds' centres and all of its batches."""
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
    bimodal = is_bimodal(centres)
    ranks = median_ranks(len(centres)) if bimodal else None
    if ranks:
        ordered = np.sort(values)
        low, high = float(ordered[ranks[0]]), float(ordered[ranks[1]])
        middle = float(np.median(ordered))  # these ends enclose the median; the mean may lie outside
        found["estimate"] = math.exp(middle) if logs else middle
    ci_low, ci_high = (math.exp(low), math.exp(high)) if logs else (low, high)
    if metric in ARITHMETIC:
        ci_low = max(ci_low, 0.0)  # none of these metrics can be negative
    found |= {"ci_low": ci_low, "ci_high": ci_high}
    found |= _stability(low, high, mean, logs=logs, bimodal=bimodal)
    if found["stable"] == "noisy" and len(centres) < MODE_ROUNDS:
        found["reason"] = f"{found['reason']}; {NOT_EXAMINED} ({len(centres)} of {MODE_ROUNDS} rounds)"
    return found


def coefficient_of_variation(centres: np.ndarray[Any, Any]) -> float | None:
    """Return standard deviation over mean of the rounds' centres; None below two rounds or for a mean of zero."""
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
    """Return a row with n = 0 for every cell that has no sample at all, with the first reason that was given."""
    rest = samples[samples["status"] != "ok"]
    if rest.empty:
        return pd.DataFrame()
    if not ok.empty:
        have = pd.MultiIndex.from_frame(ok[CELL_COLUMNS].drop_duplicates())
        rest = rest[~pd.MultiIndex.from_frame(rest[CELL_COLUMNS]).isin(have)]
    rest = rest.drop_duplicates(CELL_COLUMNS)
    return rest[[*IDENTITY, "status", "reason"]].assign(n=0, rounds=0)
