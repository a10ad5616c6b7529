"""Escaped text and tables in Markdown, for CI summaries and pull requests."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lab.report.pages.table import Table

SPECIAL = re.compile(r"([\\`*\[\]|~$])")


class Ready(str):
    """Text that is Markdown already."""

    __slots__ = ()


def escaped(value: object) -> str:
    """The value as one line of Markdown without markup, HTML or table separators."""
    if isinstance(value, Ready):
        return value
    line = " ".join(str(value).split())
    line = line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return SPECIAL.sub(r"\\\1", line)


def table(found: Table) -> Ready:
    """The table in Markdown; numeric columns are right-aligned."""
    rule = ["---:" if column in found.numeric else "---" for column in range(len(found.heads))]
    lines = [[escaped(head) for head in found.heads], rule]
    lines += [[escaped(cell) for cell in row] for row in found.rows]
    return Ready("\n".join(f"| {' | '.join(line)} |" for line in lines))
