"""The selfcheck as Markdown and as one HTML file that needs nothing else, both of the content of selfcheck.json."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markupsafe import Markup

from lab.files import replace_text
from lab.report import html
from lab.report.pages import html_templates, markdown_page
from lab.report.save import inline
from lab.selfcheck import forest
from lab.selfcheck.sections import Section, headline, sections

PACKAGE = "lab.selfcheck"
Content = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Page:
    """What both forms show."""

    title: str
    headline: Sequence[tuple[str, str]]
    warnings: Sequence[str]
    sections: Sequence[Section]
    figure: str


def write_pages(folder: Path, content: Content) -> None:
    """Write selfcheck.md, selfcheck.html and the figure into the folder; each is there whole or as it was."""
    rows = content["parts"].get("accuracy", {}).get("rows", [])
    figure = forest.draw([row for row in rows if row["comparison"] == "lab / bare"], folder / "figures")
    page = Page(
        title="Selfcheck of the comparison lab",
        headline=headline(content),
        warnings=_warnings(content),
        sections=sections(content),
        figure=figure,
    )
    replace_text(folder / "selfcheck.md", markdown_page("selfcheck.md", PACKAGE, page=page))
    replace_text(folder / "selfcheck.html", _html(page))


def _warnings(content: Content) -> list[str]:
    found = []
    if content["quick"]:
        found.append("Made with --quick: it shows that everything works, and decides nothing.")
    if not content["finished"]:
        found.append("Not finished: parts are missing.")
    return found


def _html(page: Page) -> str:
    templates = html_templates(PACKAGE)
    templates.filters["unbroken"] = html.unbroken
    drawn = inline(page.figure, forest.NAME) if page.figure else ""
    figure = Markup(drawn)  # noqa: S704 -- Matplotlib has escaped what it wrote
    return templates.get_template("selfcheck.html").render(title=page.title, page=page, figure=figure)
