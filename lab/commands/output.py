"""Output of commands: results on standard output, everything else on standard error."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from rich.console import Console

    from lab.model import WallSplit
    from lab.report.building import Report


def console() -> Console:
    """A console on standard error, because standard output is for results. Rich respects NO_COLOR."""
    from rich.console import Console

    return Console(stderr=True)


def json_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--json``; lab/commands/schemas has the schema of what it prints."""
    return click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output.")(command)


def print_findings(
    built: Report,
    folder: Path,
    *,
    as_json: bool = False,
    failed: Sequence[str] | None = None,
    split: WallSplit | None = None,
) -> None:
    """Print the three most important findings of a report, then the path of its page; or all of it as one object."""
    if as_json:
        from lab.commands.objects import Measured, print_object

        found = {
            "folder": str(folder),
            "page": str(folder / "index.html"),
            "answers": [{"text": finding.text, "figure": finding.figure} for finding in built.findings],
            "failed": _failed_cells(folder) if failed is None else failed,
            "missing_figures": built.missing,
            "seconds": split,
        }
        print_object(found, Measured)
        return
    for number, finding in enumerate(built.findings[:3], 1):
        print(f"{number}. {finding.text}")
    print(folder / "index.html")


def _failed_cells(folder: Path) -> list[str]:
    """The ids of the cells that summary.csv has as failed or timed out."""
    from lab.tables import csv_files, schema

    rows = csv_files.read(folder / "summary.csv", schema.SUMMARY)
    rows = rows[rows["status"].isin(["failed", "timeout"])]
    return sorted(set(rows["scenario"] + "/" + rows["case"] + "@" + rows["target"]))


def print_table(rows: Sequence[Mapping[str, object]]) -> None:
    """Print rows with the same keys as a plain table with a header."""
    texts = [list(rows[0]), *([str(value) for value in row.values()] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*texts, strict=True)]
    for line in texts:
        print("  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip())
