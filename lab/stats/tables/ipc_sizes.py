"""samples.csv -> ipc_sizes.csv: at each size, which mechanism wins, CPU time beside latency, and what Python adds.

Every ratio is paired by round (``lab.stats.round_stats``). A mechanism *wins* at a size where every other takes longer,
corrected for the number of pairs (``lab.stats.tables.messages``); where some do not, it and they are *cannot tell*, and
the rest are *slower*. ``over_raw`` holds a mechanism of multiprocessing against the system call beneath it, carrying
bytes in the same target and round: what the ratio exceeds 1 by is what Python adds, pickling included where the payload
is an object. Where a mechanism or the fastest one was disturbed nobody can tell, and the reason says by what.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from lab.stats.round_stats import geometric_means_by, too_few
from lab.stats.tables.messages import (
    CONDITIONS,
    FALSE_DISCOVERY_RATE,
    POINT,
    both_ways,
    disturbed_points,
    message_logs,
    pairwise,
)
from lab.tables import csv_files, schema

SIZE = [*CONDITIONS, "payload_bytes"]
RAW = {
    "pipe": "os_pipe",
    "simple_queue": "os_pipe",
    "queue": "os_pipe",
    "joinable_queue": "os_pipe",
    "duplex_pipe": "unix_socket",
    "listener_client": "unix_socket",
}


def ipc_sizes(samples: pd.DataFrame, disturbed: pd.DataFrame | None = None) -> pd.DataFrame:
    """The table, with the columns of ``schema.IPC_SIZES``; ``disturbed`` cells have no verdict but a reason."""
    logs = message_logs(samples)
    if logs.empty:
        return csv_files.conform(pd.DataFrame(), schema.IPC_SIZES)
    table = _named(geometric_means_by(logs, POINT), "message_ns")
    cpu = _named(geometric_means_by(message_logs(samples, "cpu_time"), POINT), "cpu_ns").drop(columns="rounds")
    points = disturbed_points(samples, disturbed)
    for part in (cpu, _over_fastest(logs, table, points), _over_raw(logs), points):
        table = table.merge(part, on=POINT, how="left")
    table = table.assign(
        verdict=_verdicts(table),
        raw_mechanism=table["mechanism"].map(RAW).where(table["over_raw"].notna()),
        reason=_reasons(table),
    )
    return csv_files.conform(table.sort_values(POINT, ignore_index=True), schema.IPC_SIZES)


def _named(table: pd.DataFrame, name: str) -> pd.DataFrame:
    return table.rename(columns={"value": name, "ci_low": f"{name}_ci_low", "ci_high": f"{name}_ci_high"})


def _over_fastest(logs: pd.DataFrame, table: pd.DataFrame, disturbed: pd.DataFrame) -> pd.DataFrame:
    fastest = table.loc[table.groupby(SIZE, dropna=False)["message_ns"].idxmin(), POINT]
    reference = logs.merge(fastest, on=POINT)[[*SIZE, "round", "log"]]
    paired = logs.merge(reference, on=[*SIZE, "round"], suffixes=("", "_other"))
    paired = paired.assign(log=paired["log"] - paired["log_other"])
    ratios = _named(geometric_means_by(paired, POINT), "over_fastest").drop(columns="rounds")
    ratios = ratios.merge(fastest.assign(fastest=True), on=POINT, how="left")
    rivals = both_ways(pairwise(logs, disturbed)).merge(
        fastest.rename(columns={"mechanism": "rival"}), on=[*SIZE, "rival"]
    )
    q_values = rivals.rename(columns={"q_value": "over_fastest_q"})[[*POINT, "over_fastest_q"]]
    return ratios.merge(q_values, on=POINT, how="left")


def _over_raw(logs: pd.DataFrame) -> pd.DataFrame:
    same = ["target", "operation", "placement", "payload_bytes", "round"]
    raw = logs[logs["payload"] == "bytes"].rename(columns={"mechanism": "raw", "log": "log_raw"})
    above = logs.assign(raw=logs["mechanism"].map(RAW)).dropna(subset=["raw"])
    paired = above.merge(raw[[*same, "raw", "log_raw"]], on=[*same, "raw"])
    paired = paired.assign(log=paired["log"] - paired["log_raw"])
    return _named(geometric_means_by(paired, POINT), "over_raw").drop(columns="rounds")


def _reasons(table: pd.DataFrame) -> pd.Series[str]:
    """Too few rounds, or what disturbed the cell, or the fastest that it is held against."""
    words = table["disturbed_by"].astype("string")
    of_fastest = words.where(table["fastest"].notna()).groupby([table[name] for name in SIZE], dropna=False)
    reasons = too_few(table["rounds"]).fillna("disturbed: " + words)
    return reasons.fillna("the fastest was disturbed: " + of_fastest.transform("first"))


def _verdicts(table: pd.DataFrame) -> pd.Series[str]:
    fastest = table["fastest"].notna()
    slower = (table["over_fastest_q"] <= FALSE_DISCOVERY_RATE) & (table["over_fastest"] > 1)
    groups = [table[name] for name in SIZE]
    rivals = (~fastest & ~slower).groupby(groups, dropna=False).transform("sum")
    alone = fastest.groupby(groups, dropna=False).transform("size") == 1
    of_fastest = np.where(alone, "alone", np.where(rivals == 0, "wins", "cannot tell"))
    verdicts = np.where(fastest, of_fastest, np.where(slower, "slower", "cannot tell"))
    return pd.Series(verdicts, index=table.index, dtype="string")
