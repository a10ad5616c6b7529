"""Tables as plain data, for both pages, with the numbers that the HTML page sorts by."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

ANCHOR_BYTES = 5  # two rows of a million share an anchor about once


class Amount(str):
    """A quantity as text, with the number that it sorts by, so that ``9 ms`` comes before ``1 s``."""

    __slots__ = ("order",)
    order: float

    def __new__(cls, shown: str, order: float) -> Self:
        """Create the text with its number."""
        made = super().__new__(cls, shown)
        made.order = order
        return made


@dataclass(frozen=True, kw_only=True)
class Table:
    """Heads and rows of text; ``numeric`` are indices of right-aligned columns, ``anchors`` are ids of the rows."""

    heads: Sequence[str]
    rows: Sequence[Sequence[str]]
    numeric: frozenset[int] = frozenset()
    anchors: Sequence[str] = ()

    @property
    def named(self) -> list[tuple[str, Sequence[str]]]:
        """Each row with its anchor, which may be empty."""
        return list(zip(self.anchors or [""] * len(self.rows), self.rows, strict=True))


def amount(shown: str, order: float | None) -> str:
    """An ``Amount``, or plain text for None."""
    return shown if order is None else Amount(shown, float(order))


def anchor(*names: str) -> str:
    """The id of a row, a hash of its names: every report gives the same cell the same id."""
    digest = hashlib.blake2s("\0".join(names).encode(), digest_size=ANCHOR_BYTES).hexdigest()
    return f"row-{digest}"


def without_empty(table: Table) -> Table:
    """The table without columns that are empty in all rows."""
    kept = [column for column in range(len(table.heads)) if any(row[column] for row in table.rows)]
    return Table(
        heads=[table.heads[column] for column in kept],
        rows=[[row[column] for column in kept] for row in table.rows],
        numeric=frozenset(place for place, column in enumerate(kept) if column in table.numeric),
        anchors=table.anchors,
    )
