"""The messages of a run, round by round: what the tables of IPC have in common.

One message is half a round trip, or the whole of one way (``operation`` tells which). What is compared is always of
one target, operation, kind of payload and placement.
"""

from __future__ import annotations

import json
import math

import pandas as pd

from lab.stats.by_round import round_logs
from lab.stats.conditions import CELL, in_words

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

    ``disturbed`` has the rows of ``lab.stats.conditions.disturbed_cells``; None where no conditions were recorded.
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
