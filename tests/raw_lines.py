"""Raw files as a run makes them, of records that the agent might have written."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from lab.agent.protocol import encode_line
from lab.runs import raw
from lab.runs.folder import RunFolder
from lab.tables.read import read_tables


def append(folder: RunFolder, target: str, number: int, *records: Mapping[str, object]) -> None:
    """Seal the records as the agent does and append them as they would come."""
    for record in records:
        text = encode_line(dict(record)).encode()
        folder.append(target, number, text, raw.decode_stream_line(text))


def samples_of(folder: RunFolder) -> pd.DataFrame:
    """All columns of the run's samples.csv."""
    return read_tables(folder).samples.frame()
