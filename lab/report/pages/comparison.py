"""The pages of a comparison: compare.csv, compare.md and compare.html with its forest plot.

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
from lab.report.drawing.layout import Text, around
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
    *("verdict", "case", "operation", "base", "new", "ratio", "95 % interval", "rounds", "q"),
    *("metric", "targets", "reason"),
)
BY_SCENARIO = "-by-scenario"
READING = (
    "A ratio is the cost of NEW over the cost of BASE: above 1 is worse; rates are turned round.",
    (
        "Slower and faster: the ratio is beyond the threshold by a test of that, held against the number of "
        f"comparisons (false discovery rate {FALSE_DISCOVERY_RATE:.0%}), and its whole 95 % interval is, too."
    ),
    "Same: the 90 % interval lies wholly within the threshold. Cannot tell: neither, and the reason stands beside it.",
    (
        "The replicate is the round; two targets of one run are paired by round, two runs are held against each other "
        "by Welch's test. Below five rounds nothing is told."
    ),
)


@dataclass(frozen=True, kw_only=True)
class Page:
    """What both pages say."""

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
    """Write NAME.csv, NAME.md, NAME.html and its figures into the folder; the path of the HTML page is returned.

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
        title=f"{comparison.base} beside {comparison.new}",
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
    """What a run holds side by side of itself, as pages and CSVs in its folder ``comparisons``, made anew."""
    folder = run.path / FOLDER
    if folder.is_dir():
        shutil.rmtree(folder)
    for name, comparison in comparisons(run).items():
        write_pages(comparison, folder, name)


def headline(comparison: Comparison) -> list[tuple[str, str]]:
    """How much was compared, and how it came out."""
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
            f"± {100 * comparison.threshold:.3g} %",
        ),
        ("Rates", comparison.floor_line),
    ]


def differences_table(found: Sequence[tuple[str, Difference]]) -> Table:
    """What differs in provenance; what matters stands first."""
    rows = [
        ["" if told.matters else "no number depends on it", label, told.name, told.base, told.new]
        for label, told in found
    ]
    return without_empty(Table(heads=("weight", "targets", "what differs", "BASE", "NEW"), rows=rows))


def rows_table(frame: pd.DataFrame) -> Table:
    """Every row, the worst first; the pair of targets is named where there are several."""
    found = records(frame)
    several = len({pair_label(record) for record in found}) > 1
    return without_empty(Table(heads=HEADS, rows=[row(record, pair=several) for record in found], numeric=NUMERIC))


def row(record: Mapping[str, Any], *, pair: bool) -> list[str]:
    """One comparison as text, with what it sorts by."""
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
    """The interval, where there is one."""
    return "" if record["ci_low"] is None else f"{record['ci_low']:.3f} to {record['ci_high']:.3f}"


def pair_label(record: Mapping[str, Any]) -> str:
    """The targets of a row."""
    one, other = str(record["base_target"] or ""), str(record["new_target"] or "")
    return one if one == other else f"{one} → {other}"


def pictures(comparison: Comparison, folder: Path, stem: str) -> list[Picture]:
    """The forest plot in its pages, saved; or why there is none."""
    found = branches(comparison.rows)
    if not found:
        return [
            Picture(name=f"{stem}-1", reason="no ratio has an interval: one side was not measured, or too few rounds")
        ]
    text = Text(
        title=f"What changes from {comparison.base} to {comparison.new}?",
        subtitle="Ratios with their 95 % intervals, the worst on top; the band is the threshold.",
        notes=[*comparison.caveats, comparison.floor_line + "."],
        legends=[],
    )
    with mpl.rc_context(theme.RC):  # type: ignore[arg-type]  # the stubs list all names
        drawn = draw_pages(found, text, comparison.threshold)
    words = ", ".join(f"{count} {word}" for word, count in comparison.counts().items())
    alternative = f"Forest plot of {plural(len(found), 'ratio')}: {words}."
    return [
        Picture(name=name, alternative=alternative, svg=save(figure, folder, name), around=around(figure))
        for name, figure in ((f"{stem}-{number}", figure) for number, figure in enumerate(drawn, 1))
    ]


def branches(frame: pd.DataFrame) -> list[Branch]:
    """The rows that have an interval, named as shortly as tells them apart; the others tell nothing by their place."""
    told = [record for record in records(frame) if record["ratio"] is not None and record["ci_low"] is not None]
    several = len({pair_label(record) for record in told}) > 1
    return [
        Branch(
            name=" ".join(filter(None, name_parts(record, pair=several))),
            value=Estimate(record["ratio"], record["ci_low"], record["ci_high"], record["rounds"] or 0),
            verdict=str(record["verdict"]),
        )
        for record in told
    ]


def name_parts(record: Mapping[str, Any], *, pair: bool) -> list[str]:
    """Case and operation; the metric where it is not the wall time, the targets where there are several pairs."""
    metric = "" if record["metric"] == "wall_time" else f"({labels.plain(record['metric'])})"
    case = f"{record['scenario']}/{record['case']}"
    return [case, str(record["operation"] or ""), metric, pair_label(record) if pair else ""]


def render_markdown(page: Page) -> str:
    """The page as Markdown."""
    return markdown_page("compare.md", page=page)


def render_html(page: Page) -> str:
    """The page as HTML that needs nothing else."""
    templates = html_templates()
    templates.filters["inlined"] = html.inlined
    return templates.get_template("compare.html").render(title=page.title, page=page)
