"""Read and write the CSVs of a run folder by their schema: UTF-8, RFC 4180, empty for not applicable.

A spreadsheet takes a text that begins with ``=``, ``+``, ``-``, ``@``, a tab or a carriage return for a formula and
runs it (OWASP, "CSV Injection"). Such a text gets an apostrophe before it when it is written and loses it when it is
read here, so that what is read is what was written; one that begins with apostrophes and then such a character gets one
more, so that nothing is ever taken away that was not added. Numbers are left alone.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from lab.errors import BadFiles
from lab.tables import schema

Codes = np.ndarray[Any, np.dtype[np.int64]]

LINES_AT_ONCE = 50_000
FORMULA = re.compile(r"'*[=+\-@\t\r]")
GUARDED = re.compile(r"'+[=+\-@\t\r]")


def guarded(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with an apostrophe before every text that a spreadsheet would run."""
    return changed(frame, lambda text: f"'{text}" if FORMULA.match(text) else text)


def unguarded(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame as it was before ``guarded``."""
    return changed(frame, lambda text: text[1:] if GUARDED.match(text) else text)


def changed(frame: pd.DataFrame, change: Callable[[str], str]) -> pd.DataFrame:
    """The frame with its texts changed; each distinct text is looked at once."""
    found: dict[str, pd.Series[str]] = {}
    for name in [name for name, dtype in frame.dtypes.items() if dtype == "string"]:
        texts = {text: change(text) for text in frame[name].dropna().unique().tolist()}
        other = {text: new for text, new in texts.items() if text != new}
        if other:
            found[str(name)] = frame[name].replace(other)
    return frame.assign(**found) if found else frame


def conform(frame: pd.DataFrame, columns: tuple[schema.Column, ...]) -> pd.DataFrame:
    """The frame with exactly these columns, in their order and dtypes; what is missing becomes empty."""
    # Column by column and joined once: a quarter of the time of reindex() and astype(), and no text is copied.
    nothing = pd.Series(np.nan, index=frame.index, dtype="float64")
    empty = {dtype: nothing.astype(dtype) for dtype in {column.dtype for column in columns if column.name not in frame}}
    parts = [_cast(frame[column.name], column) if column.name in frame else empty[column.dtype] for column in columns]
    return pd.concat(parts, axis=1).set_axis(schema.names(columns), axis=1)


def _cast(values: pd.Series[Any], column: schema.Column) -> pd.Series[Any]:
    return values if values.dtype == pd.api.types.pandas_dtype(column.dtype) else values.astype(column.dtype)


def write(frame: pd.DataFrame, path: Path, columns: tuple[schema.Column, ...]) -> None:
    """Write the frame as CSV; it appears whole or not at all."""
    full = conform(frame, columns)
    begin(path, list(full.columns))
    for rows in pieces(len(full)):
        append(path, full.iloc[rows])
    finish(path)


def write_repeated(heads: pd.DataFrame, codes: Codes, tails: pd.DataFrame, path: Path) -> None:
    """Write as CSV the rows of ``heads`` at ``codes``, each joined with the row of ``tails`` at the same place.

    The bytes are those that ``write`` makes of the joined frame, in less time.
    """
    begin(path, [*heads.columns, *tails.columns])
    texts = lines_of(guarded(heads))
    for rows in pieces(len(codes)):
        append_repeated(path, texts, codes[rows], tails.iloc[rows])
    finish(path)


def pieces(rows: int) -> list[slice]:
    """Which rows are made into lines at once, in their order: a table's lines take more memory than its numbers."""
    return [slice(start, start + LINES_AT_ONCE) for start in range(0, rows, LINES_AT_ONCE)]


def begin(path: Path, names: list[str]) -> None:
    """Begin the CSV of these columns, beside the file that ``finish`` makes of it."""
    with _partial(path).open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\r\n").writerow(names)


def append(path: Path, rows: pd.DataFrame) -> None:
    """Add rows, whose columns are those that it was begun with."""
    with _partial(path).open("a", encoding="utf-8", newline="") as file:
        file.writelines(f"{line}\r\n" for line in lines_of(guarded(rows)))


def append_repeated(path: Path, heads: list[str], codes: Codes, tails: pd.DataFrame) -> None:
    """Add rows, each of the text of ``heads`` at its code and its row of ``tails``."""
    ends = lines_of(guarded(tails))
    with _partial(path).open("a", encoding="utf-8", newline="") as file:
        file.writelines(f"{heads[code]},{end}\r\n" for code, end in zip(codes.tolist(), ends, strict=True))


def finish(path: Path) -> None:
    """Let the CSV that was begun take its place."""
    _partial(path).replace(path)


def _partial(path: Path) -> Path:
    return path.with_name(path.name + ".partial")


def lines_of(frame: pd.DataFrame) -> list[str]:
    """Each row as a line of a CSV without its end; what is missing is empty."""
    return list(map(",".join, zip(*(_fields(frame[name]) for name in frame.columns), strict=True)))


def _fields(column: pd.Series[Any]) -> list[str]:
    """A column's cells as they stand in a CSV. Texts are quoted where they must be, each different one once."""
    if pd.api.types.is_float_dtype(column.dtype):  # almost all are different, and 0.0 is no other than -0.0
        texts = map(str, column.tolist())
        return ["" if gone else text for gone, text in zip(column.isna().tolist(), texts, strict=True)]
    numbers, different = pd.factorize(column)
    plain = pd.api.types.is_numeric_dtype(column.dtype)
    cells = [*map(str if plain else _quoted, different.tolist()), ""]  # what is missing has the number -1
    return [cells[number] for number in numbers.tolist()]


def _quoted(text: str) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\r\n").writerow([text, ""])  # the last field: one empty text alone is quoted
    return buffer.getvalue().removesuffix(",\r\n")


def _refuse_cut_off(path: Path) -> None:
    if path.suffix == ".gz":  # its own checksum tells
        return
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 1))
        if file.read() not in (b"", b"\n"):
            raise ValueError("its last line was cut off")


def read(path: Path, columns: tuple[schema.Column, ...]) -> pd.DataFrame:
    """Read a CSV by column name; columns the file has beyond the schema are left out.

    Raises:
        BadFiles: the file is missing, is no CSV, or lacks a column.
    """
    dtypes = {column.name: column.dtype for column in columns}
    try:
        _refuse_cut_off(path)
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
    return unguarded(frame[list(dtypes)])
