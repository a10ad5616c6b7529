"""A user's own CSV of workers and throughput -> worker counts and rounds."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from lab.errors import BadFiles
from lab.text import one_line

Array = np.ndarray[Any, Any]

COLUMNS = ("workers", "throughput")
TOO_LARGE = 1e100  # the squares of a fit would leave the range of a float
LOOKS_LIKE = 'it needs a first line "workers,throughput" and a row per measurement below it'


def read_rounds(path: Path) -> tuple[Array, Array]:
    """Return distinct worker counts, ascending (k,), and throughput (r, k): the r-th row of a count is of round r.

    A byte order mark, semicolons or tabs instead of commas, spaces around the fields and capitals in the headers are
    accepted; a repeat that a count lacks is NaN.

    Raises:
        BadFiles: no such file, not a CSV of these two columns, or a value that is not a number above zero.
    """
    frame = _numbers(_table(path), path)
    repeat = frame.groupby("workers").cumcount()
    wide = frame.assign(repeat=repeat).pivot_table(index="repeat", columns="workers", values="throughput")
    return wide.columns.to_numpy(dtype=float), wide.to_numpy(dtype=float)


def _table(path: Path) -> pd.DataFrame:
    text = _text(path)
    if not text.strip():
        raise BadFiles(f"{path} is empty; {LOOKS_LIKE}")
    head = text.lstrip().splitlines()[0]
    separator = max(",;\t", key=head.count)
    try:
        frame = pd.read_csv(io.StringIO(text), sep=separator, dtype="string", keep_default_na=False, header=None)
    except ValueError as error:
        raise BadFiles(f"{path} is not a CSV ({one_line(error)}); {LOOKS_LIKE}") from None
    names = [
        str(name).strip().lower() for name in frame.iloc[0]
    ]  # headers read as data: pandas would rename repeated ones
    frame = frame.iloc[1:].set_axis(names, axis=1)
    missing = [name for name in COLUMNS if names.count(name) != 1]
    if missing:
        raise BadFiles(
            f"{path} does not have one column {missing[0]!r}; its columns are {one_line(', '.join(names))}; "
            f"{LOOKS_LIKE}"
        )
    if frame.empty:
        raise BadFiles(f"{path} has a header and no rows; {LOOKS_LIKE}")
    table: pd.DataFrame = frame[list(COLUMNS)]
    return table


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise BadFiles(f"{path} is not UTF-8 text; save it as a CSV in UTF-8") from None
    except OSError as error:
        raise BadFiles(f"{path} cannot be read ({error.strerror}); name a CSV file") from None


def _numbers(table: pd.DataFrame, path: Path) -> pd.DataFrame:
    frame: pd.DataFrame = table.apply(lambda column: pd.to_numeric(column.str.strip(), errors="coerce"))
    frame = frame.astype("float64")
    positive = frame.gt(0) & frame.lt(TOO_LARGE)
    usable = positive.assign(workers=positive["workers"] & (frame["workers"] == frame["workers"].round()))
    for name, wanted in zip(
        COLUMNS, ("a whole number above 0", f"a number above 0 and below {TOO_LARGE:g}"), strict=True
    ):
        wrong = usable.index[~usable[name]]
        if len(wrong):
            text = one_line(table.loc[wrong[0], name])
            raise BadFiles(f"{path}: {name} of row {wrong[0]} is {text!r} and not {wanted}; correct or remove that row")
    return frame
