"""What a column is, and how tables of them are written down."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Dtype = Literal["string", "Int64", "float64"]


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column: ``dtype`` is the pandas dtype it is read with; empty cells are not applicable or not measured."""

    name: str
    dtype: Dtype
    meaning: str


def columns(*rows: tuple[str, Dtype, str]) -> tuple[Column, ...]:
    """Columns of one table, or of a part of it, in their order: name, dtype, meaning."""
    return tuple(Column(name=name, dtype=dtype, meaning=meaning) for name, dtype, meaning in rows)


def with_ends(name: str, meaning: str) -> tuple[Column, ...]:
    """A quantity and the ends of its 95 % interval over rounds."""
    ends = "end of its 95 % interval; empty below five rounds"
    return columns(
        (name, "float64", meaning),
        (f"{name}_ci_low", "float64", f"lower {ends}"),
        (f"{name}_ci_high", "float64", f"upper {ends}"),
    )


def names(table: tuple[Column, ...]) -> list[str]:
    """The names of a table's columns in their order."""
    return [column.name for column in table]
