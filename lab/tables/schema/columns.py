"""The description of a column, and helpers that build tables of columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Dtype = Literal["string", "Int64", "float64"]


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column. ``dtype`` is its pandas dtype; an empty field means not applicable or not measured."""

    name: str
    dtype: Dtype
    meaning: str


def columns(*rows: tuple[str, Dtype, str]) -> tuple[Column, ...]:
    """Build the columns of a table, or of a part of it, from rows of name, dtype and meaning."""
    return tuple(Column(name=name, dtype=dtype, meaning=meaning) for name, dtype, meaning in rows)


def with_ends(name: str, meaning: str) -> tuple[Column, ...]:
    """Build the columns of a quantity and of the two ends of its 95% interval over rounds."""
    ends = "end of its 95% interval over rounds; empty below five rounds"
    return columns(
        (name, "float64", meaning),
        (f"{name}_ci_low", "float64", f"lower {ends}"),
        (f"{name}_ci_high", "float64", f"upper {ends}"),
    )


def names(table: tuple[Column, ...]) -> list[str]:
    """The names of a table's columns, in order."""
    return [column.name for column in table]
