"""The selfcheck as Markdown and as one HTML file that needs nothing else, both of the content of selfcheck.json."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from lab.report import html, markdown
from lab.report.save import dark_colours, inline
from lab.selfcheck import forest
from lab.selfcheck.sections import Section, headline, sections

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
    _replace(folder / "selfcheck.md", _markdown(page))
    _replace(folder / "selfcheck.html", _html(page))


def _warnings(content: Content) -> list[str]:
    found = []
    if content["quick"]:
        found.append("Made with --quick: it shows that everything works, and decides nothing.")
    if not content["finished"]:
        found.append("Not finished: parts are missing.")
    return found


def _markdown(page: Page) -> str:
    environment = Environment(
        loader=PackageLoader("lab.selfcheck"),
        autoescape=False,  # noqa: S701 -- this is no HTML; `finalize` escapes every expression for Markdown
        finalize=markdown.escaped,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["table"] = markdown.table
    return environment.get_template("selfcheck.md").render(page=page).rstrip() + "\n"


def _html(page: Page) -> str:
    environment = Environment(
        loader=PackageLoader("lab.selfcheck"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["unbroken"] = html.unbroken
    source = PackageLoader("lab.report").get_source(environment, "style.css")[0]
    style = Markup(source)  # noqa: S704 -- our own file, no data in it
    drawn = inline(page.figure, forest.NAME) if page.figure else ""
    figure = Markup(drawn)  # noqa: S704 -- Matplotlib has escaped what it wrote
    template = environment.get_template("selfcheck.html")
    return template.render(page=page, style=style, figure=figure, dark_colours=dark_colours())


def _replace(path: Path, text: str) -> None:
    partial = path.with_name(path.name + ".partial")
    partial.write_text(text, encoding="utf-8", newline="\n")
    partial.replace(path)
