"""samples.csv -> ipc_cost.csv: what any message costs (start-up), and what every byte adds.

Source: Hockney, The communication challenge for MPP (Parallel Computing 20, 1994): t(S) = start-up + S / bandwidth.
The line is fitted to each round by least squares of the relative deviation, because sizes reach from a byte to
megabytes and an unweighted loss would see the largest alone; both coefficients are held at 0 or above. The rounds'
coefficients are replicates: mean and Student's t over them. Where the line is far from what was measured the row says
so, since a buffer that fills or a second write (16 KiB, 64 KiB) makes a step, which a line does not have.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from lab.stats.intervals import MIN_ROUNDS
from lab.stats.rounds import geometric_means_by, means_by, named
from lab.stats.tables.messages import POINT, SERIES, message_logs
from lab.tables import csv_files, schema

MIN_SIZES = 3  # one more size than there are coefficients
DESCRIBES = 0.25  # relative deviation beyond which the line does not describe the data
NS_A_SECOND = 1e9


def ipc_cost(samples: pd.DataFrame) -> pd.DataFrame:
    """Return the table, with the columns of ``schema.IPC_COST``: one row per series (``messages.SERIES``)."""
    logs = message_logs(samples)
    if logs.empty:
        return csv_files.conform(pd.DataFrame(), schema.IPC_COST)
    points = geometric_means_by(logs, POINT).rename(columns={"value": "message_ns"})
    sizes = points.groupby(SERIES, dropna=False, sort=False)["payload_bytes"]
    table = sizes.agg(sizes="count", smallest_bytes="min", largest_bytes="max").reset_index()
    lines = line_of_each_round(logs)
    for name, column in (("startup_ns", "startup"), ("byte_ns", "a_byte")):
        found = named(means_by(lines, SERIES, column), name)
        table = table.merge(found if name == "startup_ns" else found.drop(columns="rounds"), on=SERIES, how="left")
    table = _with_bandwidth(table).merge(_goodness(points, table), on=SERIES, how="left")
    reasons = pd.Series([_reason(row) for row in table.to_dict("records")], index=table.index, dtype="string")
    table = table.assign(reason=reasons)
    return csv_files.conform(table, schema.IPC_COST)


def line_of_each_round(logs: pd.DataFrame) -> pd.DataFrame:
    """Return ``startup`` (ns) and ``a_byte`` (ns) of every series and round that has enough sizes."""
    time, size = np.exp(logs["log"]), logs["payload_bytes"].astype("float64")
    terms = logs[[*SERIES, "round"]].assign(
        count=1, w=time**-2, wx=size / time**2, wxx=(size / time) ** 2, wy=1 / time, wxy=size / time
    )
    sums = terms.groupby([*SERIES, "round"], dropna=False, sort=False).sum().reset_index()
    sums = sums[sums["count"] >= MIN_SIZES]
    spread = sums["w"] * sums["wxx"] - sums["wx"] ** 2
    a_byte = (sums["w"] * sums["wxy"] - sums["wx"] * sums["wy"]) / spread
    startup = (sums["wy"] - a_byte * sums["wx"]) / sums["w"]
    below = a_byte < 0, startup < 0
    startup = startup.mask(below[0], sums["wy"] / sums["w"]).mask(below[1], 0.0)
    a_byte = a_byte.mask(below[1], sums["wxy"] / sums["wxx"]).mask(below[0], 0.0)
    return sums[[*SERIES, "round"]].assign(startup=startup, a_byte=a_byte)


def _with_bandwidth(table: pd.DataFrame) -> pd.DataFrame:
    """Add bytes per second, from the ns per byte; an end that would be infinite is empty."""
    for end, other in (("", ""), ("_ci_low", "_ci_high"), ("_ci_high", "_ci_low")):
        a_byte = table[f"byte_ns{other}"].astype("float64")
        table[f"bandwidth{end}"] = NS_A_SECOND / a_byte.where(a_byte > 0)
    table["startup_ns_ci_low"] = table["startup_ns_ci_low"].clip(lower=0)
    return table


def _goodness(points: pd.DataFrame, table: pd.DataFrame) -> pd.DataFrame:
    """Return R squared of the logarithms, and where the line is farthest from what was measured."""
    both = points.merge(table[[*SERIES, "startup_ns", "byte_ns"]].dropna(subset=["startup_ns", "byte_ns"]), on=SERIES)
    line = both["startup_ns"] + both["byte_ns"] * both["payload_bytes"].astype("float64")
    off = np.log(both["message_ns"]) - np.log(line)
    both = both.assign(log=np.log(both["message_ns"]), off=off, deviation=np.expm1(np.abs(off)))
    groups = both.groupby(SERIES, dropna=False)
    both = both.assign(total=(both["log"] - groups["log"].transform("mean")) ** 2, left=both["off"] ** 2)
    sums = both.groupby(SERIES, dropna=False)[["total", "left"]].sum()
    worst = both.loc[both.groupby(SERIES, dropna=False)["deviation"].idxmax(), [*SERIES, "deviation", "payload_bytes"]]
    worst = worst.rename(columns={"deviation": "worst_deviation", "payload_bytes": "worst_payload_bytes"})
    found = (1 - sums["left"] / sums["total"].where(sums["total"] > 0)).rename("r2").reset_index()
    return found.merge(worst, on=SERIES)


def _reason(row: dict[Any, Any]) -> str | None:
    if row["sizes"] < MIN_SIZES or pd.isna(row["startup_ns"]):
        return f"{row['sizes']} of {MIN_SIZES} sizes that a line needs"
    reasons = []
    if row["rounds"] < MIN_ROUNDS:
        reasons.append(f"{row['rounds']:.0f} of {MIN_ROUNDS} rounds")
    if row["worst_deviation"] > DESCRIBES:
        off, size = row["worst_deviation"], row["worst_payload_bytes"]
        reasons.append(f"the line does not describe the data: at {size} bytes it is off by {off:.0%}")
    return "; ".join(reasons) or None
