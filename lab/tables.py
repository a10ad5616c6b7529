"""Read and write the CSVs of a run folder by their schema: UTF-8, RFC 4180, empty for not applicable."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from lab import schema
from lab.errors import BadFiles


def conform(frame: pd.DataFrame, columns: tuple[schema.Column, ...]) -> pd.DataFrame:
    """The frame with exactly these columns, in their order and dtypes; what is missing becomes empty."""
    full = frame.reindex(columns=schema.names(columns))
    return full.astype({column.name: column.dtype for column in columns})


def write(frame: pd.DataFrame, path: Path, columns: tuple[schema.Column, ...]) -> None:
    """Write the frame as CSV; it appears whole or not at all."""
    partial = path.with_name(path.name + ".partial")
    conform(frame, columns).to_csv(partial, index=False, encoding="utf-8", lineterminator="\r\n")
    partial.replace(path)


def read(path: Path, columns: tuple[schema.Column, ...]) -> pd.DataFrame:
    """Read a CSV by column name; columns the file has beyond the schema are left out.

    Raises:
        BadFiles: the file is missing, is no CSV, or lacks a column.
    """
    dtypes = {column.name: column.dtype for column in columns}
    try:
        frame = pd.read_csv(path, dtype=dtypes, keep_default_na=False, na_values=[""], encoding="utf-8")
    except FileNotFoundError:
        raise BadFiles(f"{path} is missing; rebuild it with: python -m lab report {path.parent}") from None
    except (ValueError, UnicodeDecodeError) as error:
        raise BadFiles(
            f"{path} is not a CSV of the lab ({error}); rebuild it with: python -m lab report {path.parent}"
        ) from None
    missing = [name for name in dtypes if name not in frame.columns]
    if missing:
        raise BadFiles(f"{path} lacks the column {missing[0]}; rebuild it with: python -m lab report {path.parent}")
    return frame[list(dtypes)]
