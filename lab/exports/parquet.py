"""samples.csv as Parquet, which holds the types of its columns."""

from __future__ import annotations

import importlib.util
import io
from typing import TYPE_CHECKING

from lab.errors import UsageError

if TYPE_CHECKING:
    from lab.comparisons.sides import Side


def encode(side: Side) -> bytes:
    """The rows of samples.csv, of one target where the side names one.

    Raises:
        BadFiles: samples.csv is missing or damaged.
        UsageError: pyarrow is not installed.
    """
    if importlib.util.find_spec("pyarrow") is None:
        raise UsageError("Parquet needs the package pyarrow, which is not installed: pip install pyarrow")
    buffer = io.BytesIO()
    rows = side.run.samples if side.target is None else side.run.of(side.target)
    rows.to_parquet(buffer, engine="pyarrow", index=False)
    return buffer.getvalue()
