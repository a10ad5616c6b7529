"""The files of a gate: gate.json, gate.md, gate.html, and compare.csv for the comment on a pull request."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from lab.gate.repository import Side
from lab.gate.verdicts import SOUGHT, Row, share_found
from lab.report import labels
from lab.report.pages.table import Table, amount, without_empty
from lab.report.pages.templating import html_templates, markdown_page
from lab.tables import csv_files, schema
from lab.text import in_words, plural, replace_text

PACKAGE = "lab.gate"
HEADS = (
    *("function", "verdict", "ratio", "95% interval", "base", "head"),
    *("CPU base", "CPU head", "CPU ratio", "memory base", "memory head", "rounds"),
)
READING = (
    "The ratio is the time of head over that of base, for one pass over all items, paired by round. Above 1 is slower.",
    "A round measures both sides next to each other, each in a fresh process, the one or the other first.",
    (
        "Slower and faster: the whole 95% interval is beyond the threshold, and q, corrected for all functions, is at "
        "most 0.05. Same: the 90% interval is within the threshold."
    ),
    "CPU is the CPU time of all processes and memory the largest sum of their PSS; both inform and decide no verdict.",
    "Intervals hold for this session on this machine.",
)


@dataclass(frozen=True, kw_only=True)
class Gate:
    """The result of a gate."""

    base: Side
    head: Side
    python: str
    target: str
    threshold: float
    spent_s: float
    rows: Sequence[Row]

    @property
    def sentences(self) -> list[str]:
        """What was compared, what was left out, and what this precision finds."""
        found = share_found(self.rows)
        sides = f"Base {self.base.words}, head {self.head.words}"
        place = f"Python {self.python} on {self.target}, {in_words(self.spent_s)}"
        lines = [f"{sides}; {place}; threshold {100 * self.threshold:.3g}%."]
        if found is not None:
            count = plural(sum(row.p_found is not None for row in self.rows), "function")
            lines.append(
                f"With this scatter a slow-down of {100 * SOUGHT:.0f}% would be found in {found:.0%} of {count}, "
                "on average by simulation."
            )
        lines += [f"{note[:1].upper()}{note[1:].rstrip('.')}." for note in (*self.base.notes, *self.head.notes)]
        lines += [f"{row.function}: {note}." for row in self.rows for note in row.notes]
        return lines

    @property
    def failures(self) -> list[Row]:
        """Functions that were not measured."""
        return [row for row in self.rows if row.is_failed]

    @property
    def table(self) -> Table:
        """One row per function."""
        rows = [
            [
                row.function,
                row.verdict,
                "" if row.ratio is None else amount(labels.number(row.ratio), row.ratio),
                _between(row.ci_low, row.ci_high),
                _seconds(row.base_s),
                _seconds(row.head_s),
                _seconds(row.base_cpu_s),
                _seconds(row.head_cpu_s),
                "" if row.cpu_ratio is None else amount(labels.number(row.cpu_ratio), row.cpu_ratio),
                amount(labels.size(row.base_memory_bytes), row.base_memory_bytes) if row.base_memory_bytes else "",
                amount(labels.size(row.head_memory_bytes), row.head_memory_bytes) if row.head_memory_bytes else "",
                str(row.rounds or ""),
            ]
            for row in self.rows
        ]
        return without_empty(Table(heads=HEADS, rows=rows, numeric=frozenset(range(2, 12))))

    def as_object(self) -> dict[str, object]:
        """The object of ``--json`` and gate.json."""
        return {
            "base": {"commit": self.base.commit, "words": self.base.words},
            "head": {"commit": self.head.commit, "words": self.head.words},
            "python": self.python,
            "target": self.target,
            "threshold": self.threshold,
            "share_found": {"change": SOUGHT, "share": share_found(self.rows)},
            "notes": self.sentences[1:],
            "rows": [dataclasses.asdict(row) for row in self.rows],
        }


def write_pages(gate: Gate, frame: pd.DataFrame, folder: Path) -> Path:
    """Write the files into the folder, which may exist; return the path of the HTML page."""
    folder.mkdir(parents=True, exist_ok=True)
    values = {"title": f"{gate.head.words} compared with {gate.base.words}", "gate": gate, "reading": READING}
    replace_text(folder / "gate.json", json.dumps(gate.as_object(), indent=1) + "\n")
    replace_text(folder / "gate.md", markdown_page("gate.md", package=PACKAGE, **values))
    replace_text(folder / "gate.html", html_templates(PACKAGE).get_template("gate.html").render(**values))
    csv_files.write(frame, folder / "compare.csv", schema.COMPARE)
    return folder / "gate.html"


def _between(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else f"{labels.number(low, 1.0)} to {labels.number(high, 1.0)}"


def _seconds(value: float | None) -> str:
    return "" if value is None else amount(labels.duration(value * 1e9), value)
