"""samples.csv -> ipc_crossings.csv: between which two sizes one mechanism stops being faster than another.

At each size at which both were measured, the ratio of the two says which is faster, or that they cannot be
distinguished (``lab.stats.best.pairwise``). A crossing lies between a size at which one is faster and the next decided
size, at which the other is; the sizes between them that decide nothing are counted. Nothing is interpolated, and two
mechanisms may cross more than once.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from lab.stats.best import pairwise
from lab.stats.quality.disturbances import UNDISTURBED, Disturbances
from lab.stats.rounds import exponentials
from lab.stats.tables.messages import CONDITIONS, SIZE, disturbed_points, message_logs
from lab.tables import csv_files, schema

ENDS = ("", "_ci_low", "_ci_high")
PAIR = [*CONDITIONS, "one", "other"]


def ipc_crossings(samples: pd.DataFrame, disturbed: Disturbances = UNDISTURBED) -> pd.DataFrame:
    """Return the table, with the columns of ``schema.IPC_CROSSINGS``; disturbed cells decide nothing."""
    pairs = pairwise(message_logs(samples), SIZE, "mechanism", flagged=disturbed_points(samples, disturbed))
    ratios = exponentials(pairs).sort_values([*PAIR, "payload_bytes"], ignore_index=True)
    ratios = ratios.assign(position=ratios.groupby(PAIR, dropna=False, sort=False).cumcount())
    decided = ratios[ratios["decided"]]
    if decided.empty:
        return csv_files.conform(pd.DataFrame(), schema.IPC_CROSSINGS)
    decided = decided.assign(sign=np.sign(np.log(decided["value"])))
    previous = decided.groupby(PAIR, dropna=False, sort=False)[
        ["sign", "payload_bytes", "position", "value", "ci_low", "ci_high", "q_value"]
    ].shift()
    crossed = previous["sign"].notna() & (previous["sign"] != decided["sign"])
    table = _oriented(decided[crossed], previous[crossed])
    order = [*CONDITIONS, "faster_below", "faster_above", "below_bytes"]
    return csv_files.conform(table.sort_values(order, ignore_index=True), schema.IPC_CROSSINGS)


def _oriented(after: pd.DataFrame, before: pd.DataFrame) -> pd.DataFrame:
    """Return the crossings as ratios of the mechanism that is faster below to the one that is faster above."""
    one_first = (before["sign"] < 0).to_numpy()
    table = after[CONDITIONS].assign(
        faster_below=np.where(one_first, after["one"], after["other"]),
        faster_above=np.where(one_first, after["other"], after["one"]),
        below_bytes=before["payload_bytes"],
        above_bytes=after["payload_bytes"],
        undecided_between=after["position"] - before["position"] - 1,
    )
    for side, rows in (("below", before), ("above", after)):
        value, low, high = (rows[name].to_numpy(dtype=float) for name in ("value", "ci_low", "ci_high"))
        inverted = (value, low, high), (1 / value, 1 / high, 1 / low)
        for end, straight, inverse in zip(ENDS, *inverted, strict=True):
            table[f"ratio_{side}{end}"] = np.where(one_first, straight, inverse)
        table[f"q_{side}"] = rows["q_value"]
    return table
