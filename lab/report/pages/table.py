"""Tables as plain data: what both pages show, and what the HTML page sorts by."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

ANCHOR_BYTES = 5  # two rows of a million share an anchor about once


class Amount(str):
    """A quantity as it is shown, with the number that it sorts by: ``9 ms`` stands before ``1 s``."""

    __slots__ = ("order",)
    order: float

    def __new__(cls, shown: str, order: float) -> Self:
        """The shown text, which it is, and the number."""
        made = super().__new__(cls, shown)
        made.order = order
        return made


@dataclass(frozen=True, kw_only=True)
class Table:
    """Heads and rows of text; ``numeric`` columns stand at the right; ``anchors`` name the rows that have names."""

    heads: Sequence[str]
    rows: Sequence[Sequence[str]]
    numeric: frozenset[int] = frozenset()
    anchors: Sequence[str] = ()

    @property
    def named(self) -> list[tuple[str, Sequence[str]]]:
        """Every row with its anchor, empty where it has none."""
        return list(zip(self.anchors or [""] * len(self.rows), self.rows, strict=True))


def amount(shown: str, order: float | None) -> str:
    """An ``Amount`` where there is a number."""
    return shown if order is None else Amount(shown, float(order))


def anchor(*names: str) -> str:
    """The id of a row by what names it: the same in every report of the same cell, whatever the names hold."""
    digest = hashlib.blake2s("\0".join(names).encode(), digest_size=ANCHOR_BYTES).hexdigest()
    return f"row-{digest}"


def without_empty(table: Table) -> Table:
    """The table without the columns that have nothing in any row."""
    kept = [column for column in range(len(table.heads)) if any(row[column] for row in table.rows)]
    return Table(
        heads=[table.heads[column] for column in kept],
        rows=[[row[column] for column in kept] for row in table.rows],
        numeric=frozenset(place for place, column in enumerate(kept) if column in table.numeric),
        anchors=table.anchors,
    )
