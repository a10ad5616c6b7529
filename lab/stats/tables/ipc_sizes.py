"""samples.csv -> ipc_sizes.csv: at each size, which mechanism wins, CPU time beside latency, and what Python adds.

Every ratio is paired by round (``lab.stats.rounds``), and ``verdict`` is that of ``lab.stats.best``. ``over_raw`` is
the time of a mechanism of multiprocessing over that of a bare loop of the system calls beneath it, one to write and one
to read a message of bytes (``channels.descriptors``, ``channels.sockets``), in the same target and round: what exceeds
1 is what ``multiprocessing`` adds, framing included, and pickling where the payload is an object. Where a mechanism or
the fastest one was disturbed nothing is decided, and the reason says by what.
"""

from __future__ import annotations

import pandas as pd

from lab.stats.best import Standing, standings
from lab.stats.quality.disturbances import UNDISTURBED, Disturbances
from lab.stats.rounds import KEY_COLUMNS, Key, geometric_means_by, named, too_few
from lab.stats.tables.messages import POINT, SIZE, disturbed_points, message_logs, message_rows
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
    logs = message_logs(samples)
    if logs.empty:
        return csv_files.conform(pd.DataFrame(), schema.IPC_SIZES)
    points = disturbed_points(samples, disturbed)
    table = named(standings(logs, SIZE, "mechanism", flagged=points), "message_ns")
    table = table.rename(columns={"q_value": "over_fastest_q"})
    cpu = named(geometric_means_by(message_logs(samples, "cpu_time"), POINT), "cpu_ns").drop(columns="rounds")
    for part in (cpu, _over_raw(logs), points):
        table = table.merge(part, on=POINT, how="left")
    table = table.assign(
        raw_mechanism=table["mechanism"].map(RAW).where(table["over_raw"].notna()), reason=_reasons(table)
    )
    return csv_files.conform(table.sort_values(POINT, ignore_index=True), schema.IPC_SIZES)


def mechanism_standings(samples: pd.DataFrame, disturbed: Disturbances = UNDISTURBED) -> list[dict[Key, Standing]]:
    """Return how the cells of each group of mechanisms stand, by the rule and the family of the table."""
    logs = message_logs(samples)
    if logs.empty:
        return []
    table = standings(logs, SIZE, "mechanism", flagged=disturbed_points(samples, disturbed))
    cells = message_rows(samples)[[*POINT, *KEY_COLUMNS[1:3]]].drop_duplicates()
    groups = cells.merge(table, on=POINT).groupby(SIZE, dropna=False, sort=False)
    return [
        {
            (row["target"], row["scenario"], row["case"], row["operation"]): Standing.of(row)
            for row in rows.to_dict("records")
        }
        for _, rows in groups
    ]


def _over_raw(logs: pd.DataFrame) -> pd.DataFrame:
    same = ["target", "operation", "placement", "payload_bytes", "round"]
    raw = logs[logs["payload"] == "bytes"].rename(columns={"mechanism": "raw", "log": "log_raw"})
    above = logs.assign(raw=logs["mechanism"].map(RAW)).dropna(subset=["raw"])
    paired = above.merge(raw[[*same, "raw", "log_raw"]], on=[*same, "raw"])
    paired = paired.assign(log=paired["log"] - paired["log_raw"])
    return named(geometric_means_by(paired, POINT), "over_raw").drop(columns="rounds")


def _reasons(table: pd.DataFrame) -> pd.Series[str]:
    """Too few rounds, or what disturbed the cell, or the fastest one of its size."""
    words = table["disturbed_by"].astype("string")
    of_fastest = words.where(table["fastest"]).groupby([table[name] for name in SIZE], dropna=False)
    reasons = too_few(table["rounds"]).fillna("disturbed: " + words)
    return reasons.fillna("the fastest was disturbed: " + of_fastest.transform("first"))
