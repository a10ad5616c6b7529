"""The selfcheck's pages, Markdown and one self-contained HTML file, with the figure of the accuracy."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
from markupsafe import Markup
from matplotlib.figure import Figure

from lab.report.drawing import theme
from lab.report.drawing.save import inline, save
from lab.report.pages import html
from lab.report.pages.templating import html_templates, markdown_page
from lab.text import replace_text
from lab.validation.selfcheck.accuracy import Row
from lab.validation.selfcheck.results import Selfcheck
from lab.validation.selfcheck.sections import headline, sections

PACKAGE = "lab.validation.selfcheck"
FIGURE = "accuracy"
SHOWN_AT_LEAST, SHOWN_AT_MOST = (0.88, 1.12), (0.5, 2.0)  # of the axis
PADDING = 0.01  # so that the end of an interval is distinguishable from the edge
ROW_INCHES, MARGIN_INCHES, WIDTH_INCHES = 0.3, 1.1, 8.0
STYLES = {
    "equivalent": theme.Style(theme.GREEN, "o"),
    "different": theme.Style(theme.VERMILLION, "X"),
    "inconclusive": theme.Style(theme.MUTED, "s"),
}


def write_pages(folder: Path, content: Selfcheck) -> None:
    """Write selfcheck.md, selfcheck.html and the figure into the folder."""
    rows = content.parts.accuracy.rows if content.parts.accuracy else ()
    svg = draw([row for row in rows if row.comparison == "lab / bare"], folder / "figures")
    page = {
        "title": "Selfcheck of the comparison lab",
        "headline": headline(content),
        "warnings": [
            *(["Made with --quick: it only shows that everything works."] if content.quick else []),
            *(["Not finished: parts are missing."] if not content.finished else []),
        ],
        "sections": sections(content),
        "figure": Markup(inline(svg, FIGURE) if svg else ""),  # noqa: S704 -- Matplotlib has escaped it
    }
    templates = html_templates(PACKAGE)
    templates.filters["unbroken"] = html.unbroken
    replace_text(folder / "selfcheck.md", markdown_page("selfcheck.md", PACKAGE, page=page))
    replace_text(
        folder / "selfcheck.html", templates.get_template("selfcheck.html").render(title=page["title"], page=page)
    )


def draw(rows: Sequence[Row], folder: Path) -> str:
    """Save the figure of every ratio with its 90% interval over its zone; the SVG's text, empty without intervals."""
    known = [
        (row, row.ratio, row.ci90_low, row.ci90_high)
        for row in reversed(rows)
        if row.ratio is not None and row.ci90_low is not None and row.ci90_high is not None
    ]
    if not known:
        return ""
    folder.mkdir(parents=True, exist_ok=True)
    with mpl.rc_context(theme.RC):  # type: ignore[arg-type]  # the stubs list all names
        figure = Figure(figsize=(WIDTH_INCHES, MARGIN_INCHES + ROW_INCHES * len(known)), layout="constrained")
        panel = figure.subplots()
        for place, (row, ratio, low, high) in enumerate(known):
            zone, style = (row.zone_low, row.zone_high), STYLES[row.verdict]
            panel.fill_betweenx([place - 0.4, place + 0.4], *zone, color=theme.SKY, alpha=0.3, linewidth=0)
            reach = [[ratio - low], [high - ratio]]
            panel.errorbar([ratio], [place], xerr=reach, fmt=style.marker, color=style.colour, capsize=2.5)
        left = min(SHOWN_AT_LEAST[0], *(low for _, _, low, _ in known)) - PADDING
        right = max(SHOWN_AT_LEAST[1], *(high for _, _, _, high in known)) + PADDING
        panel.set_xlim(max(left, SHOWN_AT_MOST[0]), min(right, SHOWN_AT_MOST[1]))
        panel.axvline(1.0, color=theme.INK, linewidth=0.8)
        panel.set_yticks(range(len(known)), [row.operation for row, *_ in known])
        panel.grid(visible=False, axis="y")
        panel.set_xlabel("time in the lab / time in the bare loop, with its 90% interval; band: zone of equivalence")
        for verdict, style in STYLES.items():
            panel.plot([], [], linestyle="none", marker=style.marker, color=style.colour, label=verdict)
        figure.legend(loc="outside upper left", ncols=len(STYLES), frameon=False)
        return save(figure, folder, FIGURE)
