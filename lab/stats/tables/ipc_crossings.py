"""samples.csv -> ipc_crossings.csv: between which two sizes one mechanism stops being faster than another.

At each size both were measured at, the ratio of the two, paired by round and corrected for the number of pairs
(``lab.stats.tables.messages``), says which is faster, or that nobody can tell. A crossing lies between a size at which
one is faster and the next decided one, at which the other is; the sizes between that decide nothing are counted.
Nothing is interpolated, and two mechanisms may cross more than once.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from lab.stats.tables.messages import CONDITIONS, PAIR, disturbed_points, message_logs, pairwise
from lab.tables import csv_files, schema

ENDS = ("", "_ci_low", "_ci_high")


def ipc_crossings(samples: pd.DataFrame, disturbed: pd.DataFrame | None = None) -> pd.DataFrame:
    """The table, with the columns of ``schema.IPC_CROSSINGS``; ``disturbed`` cells decide nothing."""
    ratios = pairwise(message_logs(samples), disturbed_points(samples, disturbed))
    decided = ratios[ratios["decided"]]
    if decided.empty:
        return csv_files.conform(pd.DataFrame(), schema.IPC_CROSSINGS)
    decided = decided.assign(sign=np.sign(np.log(decided["value"])))
    before = decided.groupby(PAIR, dropna=False, sort=False)[
        ["sign", "payload_bytes", "position", "value", "ci_low", "ci_high", "q_value"]
    ].shift()
    crossed = before["sign"].notna() & (before["sign"] != decided["sign"])
    table = _oriented(decided[crossed], before[crossed])
    order = [*CONDITIONS, "faster_below", "faster_above", "below_bytes"]
    return csv_files.conform(table.sort_values(order, ignore_index=True), schema.IPC_CROSSINGS)


def _oriented(after: pd.DataFrame, before: pd.DataFrame) -> pd.DataFrame:
    """The crossings, as the mechanism that is faster below the crossing over the one that is faster above it."""
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
        turned = (value, low, high), (1 / value, 1 / high, 1 / low)
        for end, straight, inverse in zip(ENDS, *turned, strict=True):
            table[f"ratio_{side}{end}"] = np.where(one_first, straight, inverse)
        table[f"q_{side}"] = rows["q_value"]
    return table
