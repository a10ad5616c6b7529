"""Read and write the CSVs of a run folder by their schema: UTF-8, RFC 4180, empty for not applicable.

A spreadsheet runs a text that begins with ``=``, ``+``, ``-``, ``@``, a tab or a carriage return as a formula (OWASP,
"CSV Injection"). Writing therefore puts an apostrophe before such a text, and reading removes it. A text that begins
with apostrophes followed by such a character gets one more apostrophe, so that reading always restores the text.
Numbers are not changed.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pandas as pd

from lab.errors import BadFiles
from lab.tables import schema
from lab.text import one_line

Codes = np.ndarray[Any, np.dtype[np.int64]]
Floats = np.ndarray[Any, np.dtype[np.float64]]

# pandas stores texts and computes sums by other packages where these are installed. The same raw files must give the
# same tables in every environment, so none of them is used.
pd.options.mode.string_storage = "python"  # else pyarrow, whose booleans have no arithmetic
pd.options.compute.use_bottleneck = False
pd.options.compute.use_numexpr = False

LINES_AT_ONCE = 50_000
DTYPES = {name: pd.api.types.pandas_dtype(name) for name in get_args(schema.Dtype)}  # looking one up takes a while
FORMULA = re.compile(r"'*[=+\-@\t\r]")
GUARDED = re.compile(r"'+[=+\-@\t\r]")
LATER_COLUMNS = frozenset({"block"})  # which files of older labs do not have
OLDER_VERDICTS = {"undecided": "inconclusive", "cannot tell": "inconclusive"}  # word-ok: as older runs wrote them


def guarded(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with an apostrophe before every text that a spreadsheet would run as a formula."""
    return map_texts(frame, lambda text: f"'{text}" if FORMULA.match(text) else text)


def unguarded(frame: pd.DataFrame) -> pd.DataFrame:
    """Reverse ``guarded``."""
    return map_texts(frame, lambda text: text[1:] if GUARDED.match(text) else text)


def map_texts(frame: pd.DataFrame, change: Callable[[str], str]) -> pd.DataFrame:
    """The frame with ``change`` applied to the texts of its string columns, once per distinct text."""
    found: dict[str, pd.Series[str]] = {}
    for name in [name for name, dtype in frame.dtypes.items() if dtype == "string"]:
        texts = {text: change(text) for text in frame[name].dropna().unique().tolist()}
        other = {text: new for text, new in texts.items() if text != new}
        if other:
            found[str(name)] = frame[name].replace(other)
    return frame.assign(**found) if found else frame


def conform(frame: pd.DataFrame, columns: tuple[schema.Column, ...]) -> pd.DataFrame:
    """The frame with exactly these columns, in their order and dtypes; missing columns become empty."""
    # Column by column, joined once: this takes a quarter of the time of reindex() and astype(), and copies no text.
    nothing = pd.Series(np.nan, index=frame.index, dtype="float64")
    empty = {dtype: nothing.astype(dtype) for dtype in {column.dtype for column in columns if column.name not in frame}}
    parts = [_cast(frame[column.name], column) if column.name in frame else empty[column.dtype] for column in columns]
    return pd.concat(parts, axis=1).set_axis(schema.names(columns), axis=1)


def _cast(values: pd.Series[Any], column: schema.Column) -> pd.Series[Any]:
    dtype = DTYPES[column.dtype]
    return values if values.dtype == dtype else values.astype(dtype)


def integers(values: Sequence[int | None]) -> pd.arrays.IntegerArray:
    """A column of integers in which None is missing; made in half the time of ``pd.array``, which infers a dtype."""
    try:
        numbers = np.array(values, dtype=np.int64)
        return pd.arrays.IntegerArray(numbers, np.zeros(len(numbers), dtype=bool))
    except TypeError:  # one of them is None
        numbers = np.array([value or 0 for value in values], dtype=np.int64)
        return pd.arrays.IntegerArray(numbers, np.array([value is None for value in values], dtype=bool))


def write(frame: pd.DataFrame, path: Path, columns: tuple[schema.Column, ...]) -> None:
    """Write the frame as a CSV atomically."""
    full = conform(frame, columns)
    _write(path, full.columns, len(full), lambda rows: lines_of(guarded(full.iloc[rows])))


def write_repeated(
    path: Path, heads: tuple[pd.DataFrame, Codes], values: tuple[str, Floats], tails: tuple[pd.DataFrame, Codes]
) -> None:
    """Write a CSV whose row i is a row of ``heads``, the value i, and a row of ``tails``.

    The bytes are those that ``write`` makes of the joined frame, in less time.

    Args:
        path: the file.
        heads: a frame and, per row of the CSV, the number of the frame's row that it begins with.
        values: the name of the column and its n values.
        tails: a frame and, per row of the CSV, the number of the frame's row that it ends with.
    """
    (head_frame, head_codes), (name, numbers), (tail_frame, tail_codes) = heads, values, tails
    head_texts, tail_texts = lines_of(guarded(head_frame)), lines_of(guarded(tail_frame))

    def lines(rows: slice) -> list[str]:
        codes = zip(head_codes[rows].tolist(), _floats(numbers[rows]), tail_codes[rows].tolist(), strict=True)
        return [f"{head_texts[head]},{value},{tail_texts[tail]}" for head, value, tail in codes]

    _write(path, [*head_frame.columns, name, *tail_frame.columns], len(numbers), lines)


def _write(path: Path, names: Iterable[str], rows: int, lines: Callable[[slice], list[str]]) -> None:
    """Write ``rows`` lines in parts of ``LINES_AT_ONCE``, because lines take more memory than a table's numbers."""
    partial = path.with_name(path.name + ".partial")
    with partial.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\r\n").writerow(names)
        for start in range(0, rows, LINES_AT_ONCE):
            file.write("\r\n".join([*lines(slice(start, start + LINES_AT_ONCE)), ""]))
    partial.replace(path)


def lines_of(frame: pd.DataFrame) -> list[str]:
    """Each row as a line of a CSV without its line end; missing values are empty."""
    return list(map(",".join, zip(*(_fields(frame[name]) for name in frame.columns), strict=True)))


def _fields(column: pd.Series[Any]) -> list[str]:
    """The fields of a column as in a CSV, quoted where necessary; each distinct value is converted once."""
    if pd.api.types.is_float_dtype(column.dtype):  # almost all values are distinct, and factorize merges 0.0 and -0.0
        return _floats(column.to_numpy(dtype=np.float64, na_value=np.nan))
    numbers, different = pd.factorize(column)
    plain = pd.api.types.is_numeric_dtype(column.dtype)
    fields = [*map(str if plain else _quoted, different.tolist()), ""]  # missing values have the number -1
    return [fields[number] for number in numbers.tolist()]


def _floats(values: Floats) -> list[str]:
    return ["" if value != value else repr(value) for value in values.tolist()]  # noqa: PLR0124 - NaN is not itself


def _quoted(text: str) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\r\n").writerow([text, ""])  # a second field, as a single empty one is quoted
    return buffer.getvalue().removesuffix(",\r\n")


def _refuse_cut_off(path: Path) -> None:
    if path.suffix == ".gz":  # its own checksum shows whether it is complete
        return
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 1))
        if file.read() not in (b"", b"\n"):
            raise ValueError("its last line was cut off")


def read(path: Path, columns: tuple[schema.Column, ...]) -> pd.DataFrame:
    """Read a CSV by column name; columns that are not in the schema are ignored, and older verdicts are renamed.

    Of ``LATER_COLUMNS`` those that the file lacks are empty.

    Raises:
        BadFiles: the file is missing, is not a CSV, or lacks a column.
    """
    dtypes = {column.name: column.dtype for column in columns}
    try:
        _refuse_cut_off(path)
        with np.errstate(invalid="ignore"):  # a number beyond integers is refused all the same
            frame = pd.read_csv(path, dtype=dtypes, keep_default_na=False, na_values=[""], encoding="utf-8")
    except FileNotFoundError:
        raise BadFiles(f"{path} is missing; rebuild it with: python -m lab report {path.parent}") from None
    except (ValueError, TypeError, OverflowError) as error:
        raise BadFiles(
            f"{path} is not a CSV of the lab ({one_line(error)}); rebuild it with: python -m lab report {path.parent}"
        ) from None
    missing = [name for name in dtypes if name not in frame.columns and name not in LATER_COLUMNS]
    if missing:
        raise BadFiles(f"{path} lacks the column {missing[0]}; rebuild it with: python -m lab report {path.parent}")
    found = unguarded(conform(frame, columns))
    return found.assign(verdict=found["verdict"].replace(OLDER_VERDICTS)) if "verdict" in dtypes else found
