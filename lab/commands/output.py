"""Output of commands: results on standard output, everything else on standard error."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console


def console() -> Console:
    """A console on standard error, because standard output is for results. Rich respects NO_COLOR."""
    from rich.console import Console

    return Console(stderr=True)


def print_findings(built: Any, folder: Path) -> None:
    """Print the three most important findings of a report, then the path of its page."""
    for number, finding in enumerate(built.findings[:3], 1):
        print(f"{number}. {finding.text}")
    print(folder / "index.html")


def print_table(rows: Sequence[Mapping[str, object]]) -> None:
    """Print rows with the same keys as a plain table with a header."""
    texts = [list(rows[0]), *([str(value) for value in row.values()] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*texts, strict=True)]
    for line in texts:
        print("  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip())
