"""The files of a comparison: compare.csv, compare.md and compare.html with its forest plot.

The same comparison gives the same bytes.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import matplotlib as mpl

from lab.comparisons.within import comparisons
from lab.errors import UsageError
from lab.report import labels
from lab.report.data import FOLDER, records
from lab.report.drawing import theme
from lab.report.drawing.forest import Branch, draw_pages
from lab.report.drawing.layout import Text, caption_of
from lab.report.drawing.save import save
from lab.report.pages import html
from lab.report.pages.content import Picture
from lab.report.pages.table import Table, amount, without_empty
from lab.report.pages.templating import html_templates, markdown_page
from lab.stats.rounds import Estimate
from lab.stats.tables.compare import VERDICTS
from lab.stats.tests import FALSE_DISCOVERY_RATE
from lab.tables import csv_files, schema
from lab.text import plural, replace_text

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from lab.comparisons.comparison import Comparison
    from lab.comparisons.differences import Difference
    from lab.comparisons.sides import Run

NUMERIC = frozenset({3, 4, 5, 6, 7, 8})
HEADS = (
    *("verdict", "case", "operation", "base", "new", "ratio", "95% interval", "rounds", "q"),
    *("metric", "targets", "reason"),
)
BY_SCENARIO = "-by-scenario"
READING = (
    "A ratio is the cost of NEW over the cost of BASE, so above 1 is worse. Rates are inverted.",
    (
        "Slower and faster: a test shows that the ratio is beyond the threshold, after correction for the number of "
        f"comparisons (false discovery rate {FALSE_DISCOVERY_RATE:.0%}), and the whole 95% interval is beyond it too."
    ),
    "Same: the whole 90% interval is within the threshold.",
    "Inconclusive: neither, and the row gives the reason.",
    (
        "Intervals are over rounds. Two targets of one run are paired by round; two runs are compared by Welch's test. "
        "A verdict needs five rounds."
    ),
)


@dataclass(frozen=True, kw_only=True)
class Page:
    """The content of compare.md and compare.html."""

    title: str
    caveats: Sequence[str]
    headline: Sequence[tuple[str, str]]
    differences: Table
    pictures: Sequence[Picture]
    overall: Table
    rows: Table
    unmeasured: Table | None = None
    csv: str
    reading: Sequence[str] = READING


def write_pages(comparison: Comparison, folder: Path, name: str = "compare") -> Path:
    """Write NAME.csv, NAME.md, NAME.html and the figures into the folder; return the path of the HTML page.

    Raises:
        UsageError: the folder cannot be written.
    """
    figures = folder / "figures"
    try:
        figures.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{folder} cannot be written ({error.strerror}); choose another folder with --out") from None
    for old in figures.glob(f"{name}-forest-*"):
        old.unlink()
    csv_files.write(comparison.rows, folder / f"{name}.csv", schema.COMPARE)
    csv_files.write(comparison.overall, folder / f"{name}{BY_SCENARIO}.csv", schema.COMPARE)
    unmeasured = comparison.rows["verdict"] == "not measured"
    page = Page(
        title=f"{comparison.base} compared with {comparison.new}",
        caveats=comparison.caveats,
        headline=headline(comparison),
        differences=differences_table(comparison.differences),
        pictures=pictures(comparison, figures, f"{name}-forest"),
        overall=rows_table(comparison.overall),
        rows=rows_table(comparison.rows[~unmeasured]),
        unmeasured=rows_table(comparison.rows[unmeasured]),
        csv=f"{name}.csv",
    )
    replace_text(folder / f"{name}.md", render_markdown(page))
    replace_text(folder / f"{name}.html", render_html(page))
    return folder / f"{name}.html"


def write_run(run: Run) -> None:
    """Write the comparisons within a run as pages and CSVs into its folder ``comparisons``, which is replaced."""
    folder = run.path / FOLDER
    if folder.is_dir():
        shutil.rmtree(folder)
    for name, comparison in comparisons(run).items():
        write_pages(comparison, folder, name)


def headline(comparison: Comparison) -> list[tuple[str, str]]:
    """BASE and NEW, the number of each verdict, the threshold and the lab's error rates."""
    counts = comparison.counts()
    return [
        ("BASE", comparison.base),
        ("NEW", comparison.new),
        (
            "Verdicts",
            ", ".join(f"{counts[word]} {word}" for word in VERDICTS if word in counts) or "nothing to compare",
        ),
        (
            "Threshold",
            f"± {100 * comparison.threshold:.3g}%",
        ),
        ("What this machine can show", comparison.floor_line),
    ]


def differences_table(found: Sequence[tuple[str, Difference]]) -> Table:
    """The differences in provenance, those that matter first."""
    rows = [
        ["" if item.matters else "does not affect the values", label, item.name, item.base, item.new]
        for label, item in found
    ]
    return without_empty(Table(heads=("weight", "targets", "what differs", "BASE", "NEW"), rows=rows))


def rows_table(frame: pd.DataFrame) -> Table:
    """All rows, the worst first; the targets are named where there are several pairs."""
    found = records(frame)
    several = len({pair_label(record) for record in found}) > 1
    return without_empty(Table(heads=HEADS, rows=[row(record, pair=several) for record in found], numeric=NUMERIC))


def row(record: Mapping[str, Any], *, pair: bool) -> list[str]:
    """One comparison as text; amounts keep the numbers that they sort by."""
    unit, ratio, q_value = str(record["unit"] or ""), record["ratio"], record["q_value"]
    return [
        str(record["verdict"]),
        f"{record['scenario']} {record['case']}",
        str(record["operation"] or ""),
        amount(labels.quantity(record["base"], unit), record["base"]),
        amount(labels.quantity(record["new"], unit), record["new"]),
        amount("" if ratio is None else f"{ratio:.3f}", ratio),
        span(record),
        "" if record["rounds"] is None else str(record["rounds"]),
        amount("" if q_value is None else f"{q_value:.2g}", q_value),
        labels.plain(record["metric"]),
        pair_label(record) if pair else "",
        str(record["reason"] or ""),
    ]


def span(record: Mapping[str, Any]) -> str:
    """The interval as text; empty where there is none."""
    return "" if record["ci_low"] is None else f"{record['ci_low']:.3f} to {record['ci_high']:.3f}"


def pair_label(record: Mapping[str, Any]) -> str:
    """The targets of a row as text."""
    one, other = str(record["base_target"] or ""), str(record["new_target"] or "")
    return one if one == other else f"{one} → {other}"


def pictures(comparison: Comparison, folder: Path, stem: str) -> list[Picture]:
    """Draw and save the forest plot, which may have several pages; or the reason why there is none."""
    found = branches(comparison.rows)
    if not found:
        return [
            Picture(
                name=f"{stem}-1",
                reason="no ratio has an interval, because a side was not measured or has too few rounds",
            )
        ]
    text = Text(
        title=f"What changes from {comparison.base} to {comparison.new}?",
        subtitle="Cost of NEW over cost of BASE with 95% intervals, the worst on top. Below 1 is better. The band is "
        "the threshold.",
        notes=[*comparison.caveats, comparison.floor_line + "."],
        legends=[],
    )
    with mpl.rc_context(theme.RC):  # type: ignore[arg-type]  # the stubs list all names
        drawn = draw_pages(found, text, comparison.threshold)
    words = ", ".join(f"{count} {word}" for word, count in comparison.counts().items())
    alternative = f"Forest plot of {plural(len(found), 'ratio')}: {words}."
    return [
        Picture(name=name, alternative=alternative, svg=save(figure, folder, name), caption=caption_of(figure))
        for name, figure in ((f"{stem}-{number}", figure) for number, figure in enumerate(drawn, 1))
    ]


def branches(frame: pd.DataFrame) -> list[Branch]:
    """The rows that have an interval, as rows of a forest plot with short names."""
    drawn = [record for record in records(frame) if record["ratio"] is not None and record["ci_low"] is not None]
    several = len({pair_label(record) for record in drawn}) > 1
    return [
        Branch(
            name=" ".join(filter(None, name_parts(record, pair=several))),
            value=Estimate(record["ratio"], record["ci_low"], record["ci_high"], record["rounds"] or 0),
            verdict=str(record["verdict"]),
        )
        for record in drawn
    ]


def name_parts(record: Mapping[str, Any], *, pair: bool) -> list[str]:
    """Case, operation, the metric where it is not the wall time, and the targets where there are several pairs."""
    metric = "" if record["metric"] == "wall_time" else f"({labels.plain(record['metric'])})"
    case = f"{record['scenario']}/{record['case']}"
    return [case, str(record["operation"] or ""), metric, pair_label(record) if pair else ""]


def render_markdown(page: Page) -> str:
    """The page as Markdown."""
    return markdown_page("compare.md", page=page)


def render_html(page: Page) -> str:
    """The page as one self-contained HTML file."""
    templates = html_templates()
    templates.filters["inlined"] = html.inlined
    return templates.get_template("compare.html").render(title=page.title, page=page)
