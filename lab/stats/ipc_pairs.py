"""Every two mechanisms at every size: the ratio of their times, and whether it stands among so many.

Sources: Benjamini and Hochberg (JRSS B 57, 1995) for the false discovery rate; Benjamini and Yekutieli (JASA 100, 2005)
for its holding when a direction is told as well; Williams, Jones and Tukey (JEBS 24, 1999) for all pairs of a set.
Ratios are paired by round, with Student's t (``lab.stats.by_round``). The family is every pair of mechanisms at every
size, placement, kind of payload and target of the run: the fastest is chosen on the same rounds, and with all pairs
corrected for it does not matter which of them one looks at. The intervals beside the q are each by itself 95 %. As in
``lab.stats.compare`` a pair with a cell that was disturbed is not tested and decides nothing; its ratio still stands.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import scipy.special

from lab.stats.by_round import geometric_means_by
from lab.stats.compare import adjusted
from lab.stats.messages import CONDITIONS, POINT
from lab.stats.summary import MIN_ROUNDS

PAIR = [*CONDITIONS, "one", "other"]
FALSE_DISCOVERY_RATE = 0.05


def pairwise(logs: pd.DataFrame, disturbed: pd.DataFrame) -> pd.DataFrame:
    """For every two mechanisms and size: the time of ``one`` over that of ``other``, and whether it is ``decided``.

    Args:
        logs: rows of ``lab.stats.messages.message_logs``.
        disturbed: rows of ``lab.stats.messages.disturbed_points``.

    Returns:
        ``PAIR``, ``payload_bytes``, ``rounds``, ``value``, ``ci_low``, ``ci_high``, ``q_value`` (NaN below five
        rounds, and where one was disturbed), ``decided``, and the size's ``position`` among those of the pair, which
        they are sorted by.
    """
    same = [*CONDITIONS, "payload_bytes", "round"]
    pairs = logs.merge(logs, on=same, suffixes=("_one", "_other"))
    pairs = pairs[pairs["mechanism_one"] < pairs["mechanism_other"]]
    pairs = pairs.rename(columns={"mechanism_one": "one", "mechanism_other": "other"})
    pairs = pairs.assign(log=(pairs["log_one"] - pairs["log_other"]).astype("float64"))
    point = [*PAIR, "payload_bytes"]
    ratios = geometric_means_by(pairs, point).merge(_p_values(pairs, point), on=point)
    ratios = ratios.sort_values(point, ignore_index=True)
    untrusted = _has(disturbed, ratios, "one") | _has(disturbed, ratios, "other")
    q_value = adjusted(ratios["p_value"].mask(untrusted).to_numpy(dtype=float))
    position = ratios.groupby(PAIR, dropna=False, sort=False).cumcount()
    return ratios.drop(columns="p_value").assign(
        q_value=q_value, decided=q_value <= FALSE_DISCOVERY_RATE, position=position
    )


def both_ways(ratios: pd.DataFrame) -> pd.DataFrame:
    """``CONDITIONS``, ``payload_bytes``, ``mechanism``, ``rival``, ``q_value`` and ``decided``: each pair twice."""
    kept = ratios[[*PAIR, "payload_bytes", "q_value", "decided"]]
    turned = kept.rename(columns={"one": "rival", "other": "mechanism"})
    return pd.concat([kept.rename(columns={"one": "mechanism", "other": "rival"}), turned], ignore_index=True)


def _has(points: pd.DataFrame, ratios: pd.DataFrame, side: str) -> pd.Series[bool]:
    """Whether the mechanism on this side of each ratio is among the points."""
    keys = ratios.rename(columns={side: "mechanism"})[POINT].merge(points[POINT], on=POINT, how="left", indicator=True)
    return (keys["_merge"] == "both").set_axis(ratios.index)


def _p_values(pairs: pd.DataFrame, point: list[str]) -> pd.DataFrame:
    """Of the hypothesis that the two take equally long; NaN below ``MIN_ROUNDS``."""
    table = pairs.groupby(point, dropna=False, sort=False)["log"].agg(["count", "mean", "std"]).reset_index()
    count, mean, deviation = (table[name].to_numpy(dtype=float) for name in ("count", "mean", "std"))
    with np.errstate(divide="ignore", invalid="ignore"):
        p_value = 2 * scipy.special.stdtr(np.maximum(count - 1, 1), -np.abs(mean) / (deviation / np.sqrt(count)))
    p_value = np.where(deviation == 0, np.where(mean == 0, 1.0, 0.0), p_value)
    return table[point].assign(p_value=np.where(count >= MIN_ROUNDS, p_value, np.nan))
