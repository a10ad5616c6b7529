"""samples.csv -> ipc_sizes.csv: at each size, which mechanism wins, CPU time beside latency, and what Python adds.

Every ratio is paired by round (``lab.stats.rounds``), and ``verdict`` is that of ``lab.stats.best``. ``over_raw`` is
the time of a mechanism of multiprocessing over that of a bare loop of the system calls beneath it, one to write and one
to read a message of bytes (``channels.descriptors``, ``channels.sockets``), in the same target and round: what exceeds
1 is what ``multiprocessing`` adds, framing included, and pickling where the payload is an object. Where a mechanism or
the fastest one was disturbed nothing is decided, and the reason says by what.
"""

from __future__ import annotations

import pandas as pd

from lab.stats.best import standings
from lab.stats.quality.disturbances import UNDISTURBED, Disturbances
from lab.stats.rounds import BY_BLOCK, geometric_means_by, log_ratios, named, too_few
from lab.stats.tables.messages import POINT, SIZE, disturbed_points, message_logs
from lab.tables import csv_files, schema

RAW = {
    "pipe": "os_pipe",
    "simple_queue": "os_pipe",
    "queue": "os_pipe",
    "joinable_queue": "os_pipe",
    "duplex_pipe": "unix_socket",
    "listener_client": "unix_socket",
}


def ipc_sizes(samples: pd.DataFrame, disturbed: Disturbances = UNDISTURBED) -> pd.DataFrame:
    """Return the table, with the columns of ``schema.IPC_SIZES``; disturbed cells have a reason and no verdict."""
    return csv_files.conform(size_standings(samples, disturbed), schema.IPC_SIZES)


def size_standings(samples: pd.DataFrame, disturbed: Disturbances = UNDISTURBED) -> pd.DataFrame:
    """Return the table with all columns of ``lab.stats.best.standings`` too; the times are called ``message_ns``."""
    logs = message_logs(samples)
    if logs.empty:
        return pd.DataFrame()
    points = disturbed_points(samples, disturbed)
    table = named(standings(logs, SIZE, "mechanism", flagged=points), "message_ns")
    table = table.rename(columns={"q_value": "over_fastest_q"})
    cpu = named(geometric_means_by(message_logs(samples, "cpu_time"), POINT), "cpu_ns").drop(columns="rounds")
    for part in (cpu, _over_raw(logs), points):
        table = table.merge(part, on=POINT, how="left")
    table = table.assign(
        raw_mechanism=table["mechanism"].map(RAW).where(table["over_raw"].notna()), reason=_reasons(table)
    )
    return table.sort_values(POINT, ignore_index=True)


def _over_raw(logs: pd.DataFrame) -> pd.DataFrame:
    same = ["target", "operation", "placement", "payload_bytes", "round"]
    raw = logs[logs["payload"] == "bytes"].rename(columns={"mechanism": "raw"})
    above = logs.assign(raw=logs["mechanism"].map(RAW)).dropna(subset=["raw"])
    columns = [*same, "raw", "log", *({BY_BLOCK} & set(logs.columns))]
    paired = above.merge(raw[columns], on=[*same, "raw"], suffixes=("", "_raw"))
    paired = paired.assign(log=log_ratios(paired, "", "_raw"))
    return named(geometric_means_by(paired, POINT), "over_raw").drop(columns="rounds")


def _reasons(table: pd.DataFrame) -> pd.Series[str]:
    """Too few rounds, or what disturbed the cell, or the fastest one of its size."""
    words = table["disturbed_by"].astype("string")
    of_fastest = words.where(table["fastest"]).groupby([table[name] for name in SIZE], dropna=False)
    reasons = too_few(table["rounds"]).fillna("disturbed: " + words)
    return reasons.fillna("the fastest was disturbed: " + of_fastest.transform("first"))
