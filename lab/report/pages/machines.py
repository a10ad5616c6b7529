"""The page of two machines side by side: differences in provenance, then ratios within each machine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lab.comparisons.machines import machine_pairs, ratios_within
from lab.comparisons.pairing import shared_differences
from lab.report.data import FOLDER, records
from lab.report.pages.comparison import Page, differences_table, render_html, render_markdown
from lab.report.pages.content import Picture
from lab.report.pages.table import Table, amount, without_empty
from lab.tables import csv_files, schema
from lab.text import replace_text

if TYPE_CHECKING:
    from lab.comparisons.pairing import Pair
    from lab.comparisons.sides import Run

NAME = "linux-containers-beside-windows"
HEADS = ("case", "operation", "reference", "Linux container", "95% interval", "Windows", "95% interval", "targets")
CAVEAT = (
    "These are two machines with different hardware, system, build and antivirus, so their times are not compared. "
    "Every ratio is taken within one machine."
)
READING = (
    "A ratio is the time of the case over the time of the reference on the same machine, paired by round.",
    "An interval needs five rounds. Machines are not compared with each other, and rows have no verdicts.",
)


def write_machines(run: Run) -> None:
    """Write the page and its CSV into the run's folder ``comparisons``, if the run has such a pair of machines."""
    pairs = machine_pairs(run)
    if not pairs:
        return
    folder = run.path / FOLDER
    folder.mkdir(exist_ok=True)
    frame = ratios_within(pairs)
    csv_files.write(frame, folder / f"{NAME}.csv", schema.MACHINES)
    machines = dict.fromkeys(run.manifest.host_of(target).label for pair in pairs for target in ids(pair))
    page = Page(
        title="Linux containers and Windows, each machine on its own",
        caveats=[CAVEAT],
        headline=[("Machines", ", ".join(machines)), ("Pairs", ", ".join(pair.label for pair in pairs))],
        differences=differences_table(shared_differences(pairs)),
        pictures=[Picture(name=NAME, reason="times of different machines are not drawn on one axis")],
        overall=Table(heads=(), rows=()),
        rows=rows_table(records(frame)),
        csv=f"{NAME}.csv",
        reading=READING,
    )
    replace_text(folder / f"{NAME}.md", render_markdown(page))
    replace_text(folder / f"{NAME}.html", render_html(page))


def ids(pair: Pair) -> tuple[str, str]:
    """Both targets of a pair."""
    return pair.base_target, pair.new_target


def rows_table(rows: Sequence[Mapping[str, Any]]) -> Table:
    """The table of all cases: the ratio to the reference on each machine."""
    lines = [
        [
            f"{row['scenario']} {row['case']}",
            str(row["operation"] or ""),
            str(row["reference"]),
            *(ratio(row, "base") + ratio(row, "new")),
            f"{row['base_target']}, {row['new_target']}",
        ]
        for row in rows
    ]
    return without_empty(Table(heads=HEADS, rows=lines, numeric=frozenset({3, 4, 5, 6})))


def ratio(row: Mapping[str, Any], side: str) -> list[str]:
    """A ratio and its interval as text."""
    value, low, high = (row[f"{side}_{name}"] for name in ("ratio", "ci_low", "ci_high"))
    shown = "" if value is None else f"{value:.3g}"
    return [amount(shown, value), "" if low is None else f"{low:.3g} to {high:.3g}"]
