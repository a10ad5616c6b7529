"""samples.csv -> ipc_crossings.csv: between which two sizes one mechanism stops being faster than another.

At each size both were measured at, the ratio of the two, paired by round, says which is faster, or that its interval
holds 1 and nobody can tell. A crossing lies between a size at which one is faster and the next decided one, at which
the other is; the sizes between that decide nothing are counted. Nothing is interpolated, and two mechanisms may cross
more than once. The intervals are not corrected for the number of pairs.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from lab import schema, tables
from lab.stats.by_round import geometric_means_by
from lab.stats.messages import CONDITIONS, message_logs

PAIR = [*CONDITIONS, "one", "other"]
ENDS = ("", "_ci_low", "_ci_high")


def ipc_crossings(samples: pd.DataFrame) -> pd.DataFrame:
    """The table, with the columns of ``schema.IPC_CROSSINGS``."""
    ratios = pairwise(message_logs(samples))
    decided = ratios[(ratios["ci_low"] > 1) | (ratios["ci_high"] < 1)].sort_values([*PAIR, "payload_bytes"])
    if decided.empty:
        return tables.conform(pd.DataFrame(), schema.IPC_CROSSINGS)
    decided = decided.assign(sign=np.sign(np.log(decided["value"])))
    before = decided.groupby(PAIR, dropna=False, sort=False)[
        ["sign", "payload_bytes", "position", "value", "ci_low", "ci_high"]
    ].shift()
    crossed = before["sign"].notna() & (before["sign"] != decided["sign"])
    table = _oriented(decided[crossed], before[crossed])
    order = [*CONDITIONS, "faster_below", "faster_above", "below_bytes"]
    return tables.conform(table.sort_values(order, ignore_index=True), schema.IPC_CROSSINGS)


def pairwise(logs: pd.DataFrame) -> pd.DataFrame:
    """For every two mechanisms and size: the time of ``one`` over that of ``other``, and the size's ``position``."""
    same = [*CONDITIONS, "payload_bytes", "round"]
    pairs = logs.merge(logs, on=same, suffixes=("_one", "_other"))
    pairs = pairs[pairs["mechanism_one"] < pairs["mechanism_other"]]
    pairs = pairs.rename(columns={"mechanism_one": "one", "mechanism_other": "other"})
    pairs = pairs.assign(log=(pairs["log_one"] - pairs["log_other"]).astype("float64"))
    ratios = geometric_means_by(pairs, [*PAIR, "payload_bytes"]).sort_values([*PAIR, "payload_bytes"])
    return ratios.assign(position=ratios.groupby(PAIR, dropna=False, sort=False).cumcount())


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
    return table
