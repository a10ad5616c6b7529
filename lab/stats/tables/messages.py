"""The messages of a run, round by round: what the tables of IPC have in common.

One message is half a round trip, or the whole of one way (``operation`` tells which). What is compared is always of
one target, operation, kind of payload and placement.

Every two mechanisms at every size: the ratio of their times, and whether it stands among so many.

Sources: Benjamini and Hochberg (JRSS B 57, 1995) for the false discovery rate; Benjamini and Yekutieli (JASA 100, 2005)
for its holding when a direction is told as well; Williams, Jones and Tukey (JEBS 24, 1999) for all pairs of a set.
Ratios are paired by round, with Student's t (``lab.stats.round_stats``). The family is every pair of mechanisms at
every size, placement, kind of payload and target of the run: the fastest is chosen on the same rounds, and with all
pairs corrected for it does not matter which of them one looks at. The intervals beside the q are each by itself 95 %.
As in ``lab.stats.compare`` a pair with a cell that was disturbed is not tested and decides nothing; its ratio still
stands.
"""

from __future__ import annotations

import json
import math

import numpy as np
import pandas as pd
import scipy.special

from lab.stats.compare import adjusted
from lab.stats.disturbances import CELL, in_words
from lab.stats.intervals import MIN_ROUNDS
from lab.stats.round_stats import geometric_means_by, round_logs

CONDITIONS = ["target", "operation", "payload", "placement"]
SERIES = [*CONDITIONS, "mechanism"]
POINT = [*SERIES, "payload_bytes"]
OPERATIONS = {"ipc.round_trip": "round_trip", "ipc.one_way": "one_way"}
HALF = math.log(2)


def message_logs(samples: pd.DataFrame, metric: str = "wall_time") -> pd.DataFrame:
    """One row a point and round: the columns of ``POINT``, ``round``, ``log`` (of the value a message)."""
    logs = round_logs(_message_rows(samples), POINT, metric)
    if logs.empty:
        return pd.DataFrame(columns=[*POINT, "round", "log"])
    logs["log"] -= HALF * (logs["operation"] == "round_trip")
    return logs.sort_values([*POINT, "round"], ignore_index=True)


def disturbed_points(samples: pd.DataFrame, disturbed: pd.DataFrame | None) -> pd.DataFrame:
    """The columns of ``POINT``, ``disturbed_by`` (words): what a message costs there is not to be trusted.

    ``disturbed`` has the rows of ``lab.stats.disturbances.disturbed_cells``; None where no conditions were recorded.
    """
    if disturbed is None or disturbed.empty:
        return pd.DataFrame(columns=[*POINT, "disturbed_by"])
    words = disturbed[CELL].assign(disturbed_by=in_words(disturbed))
    cells = _message_rows(samples).drop_duplicates([*POINT, *CELL])
    return cells.merge(words, on=CELL)[[*POINT, "disturbed_by"]].drop_duplicates(POINT, ignore_index=True)


def _message_rows(samples: pd.DataFrame) -> pd.DataFrame:
    rows = samples[samples["operation"] == samples["scenario"].map(OPERATIONS)].dropna(subset=["payload_bytes"])
    kinds = {variant: payload_of(variant) for variant in rows["variant"].dropna().unique()}
    return rows.assign(payload=rows["variant"].map(kinds).astype("string"))


def payload_of(variant: str) -> str | None:
    """The kind of payload that a case's variant names, or None."""
    kind: str | None = json.loads(variant).get("payload")
    return kind


PAIR = [*CONDITIONS, "one", "other"]
FALSE_DISCOVERY_RATE = 0.05


def pairwise(logs: pd.DataFrame, disturbed: pd.DataFrame) -> pd.DataFrame:
    """For every two mechanisms and size: the time of ``one`` over that of ``other``, and whether it is ``decided``.

    Args:
        logs: rows of ``lab.stats.tables.messages.message_logs``.
        disturbed: rows of ``lab.stats.tables.messages.disturbed_points``.

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
