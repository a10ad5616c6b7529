"""The messages of a run, round by round: what the tables of IPC have in common.

One message is half a round trip, or the whole of one way (``operation`` says which). What is compared is always of one
target, operation, kind of payload and placement. Mechanisms are compared by ``lab.stats.best``; the family of its
false discovery rate is every pair of mechanisms at every size, placement, kind of payload and target of the run.
"""

from __future__ import annotations

import json
import math

import pandas as pd

from lab.stats.quality.disturbances import Disturbances
from lab.stats.rounds import CELL_COLUMNS, round_logs

CONDITIONS = ["target", "operation", "payload", "placement"]
SERIES = [*CONDITIONS, "mechanism"]
SIZE = [*CONDITIONS, "payload_bytes"]
POINT = [*SERIES, "payload_bytes"]
OPERATIONS = {"ipc.round_trip": "round_trip", "ipc.one_way": "one_way"}
HALF = math.log(2)


def message_logs(samples: pd.DataFrame, metric: str = "wall_time") -> pd.DataFrame:
    """Return one row per point and round: the columns of ``POINT``, ``round``, ``log`` (of the value per message)."""
    logs = round_logs(message_rows(samples), POINT, metric)
    if logs.empty:
        return pd.DataFrame(columns=[*POINT, "round", "log"])
    logs["log"] -= HALF * (logs["operation"] == "round_trip")
    return logs.sort_values([*POINT, "round"], ignore_index=True)


def disturbed_points(samples: pd.DataFrame, disturbed: Disturbances) -> pd.DataFrame:
    """Return the columns of ``POINT`` and ``disturbed_by`` (words) of points whose cell was disturbed."""
    if not disturbed:
        return pd.DataFrame(columns=[*POINT, "disturbed_by"])
    cells = pd.DataFrame(disturbed.keys(), columns=CELL_COLUMNS)
    words = cells.assign(disturbed_by=pd.Series([found.sentence for found in disturbed.values()], dtype="string"))
    points = message_rows(samples).drop_duplicates([*POINT, *CELL_COLUMNS])
    return points.merge(words, on=CELL_COLUMNS)[[*POINT, "disturbed_by"]].drop_duplicates(POINT, ignore_index=True)


def message_rows(samples: pd.DataFrame) -> pd.DataFrame:
    """Return the samples of messages in fresh processes, with the kind of their ``payload``.

    Messages of processes whose allocator retains memory are a comparison of their own.
    """
    rows = samples[samples["operation"] == samples["scenario"].map(OPERATIONS)].dropna(subset=["payload_bytes"])
    axes = {variant: json.loads(variant) for variant in rows["variant"].dropna().unique()}
    retained = {variant for variant, found in axes.items() if found.get("allocator") == "retained"}
    rows = rows[~rows["variant"].isin(retained)]
    return rows.assign(
        payload=rows["variant"].map({variant: found.get("payload") for variant, found in axes.items()}).astype("string")
    )
