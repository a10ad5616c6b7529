"""Templates of all pages: how they are found, filled and escaped."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from lab.report.drawing.save import dark_colours

if TYPE_CHECKING:
    from lab.report.pages.table import Table

SCRIPTS = ("figures.js", "tables.js")  # of all pages
OWN = "lab.report"  # has page.html and parts.html, which the templates of other packages use


def html_templates(package: str = OWN) -> Environment:
    """The HTML templates of a package; all texts are escaped, except Markup."""
    loader = ChoiceLoader([PackageLoader(name) for name in dict.fromkeys((package, OWN))])
    environment = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.globals["style"] = own_file(environment, "style.css")
    environment.globals["dark"] = dark_colours()
    environment.globals["scripts"] = Markup("\n").join(own_file(environment, name) for name in SCRIPTS)
    return environment


def own_file(environment: Environment, name: str) -> Markup:
    """A stylesheet or script of the lab, inserted unescaped."""
    assert environment.loader
    return Markup(environment.loader.get_source(environment, name)[0])  # noqa: S704 -- our own file, no data in it


def markdown_page(template: str, package: str = OWN, **values: Any) -> str:  # noqa: ANN401 -- passed to the template
    """A page as Markdown; the value of every expression of the template is escaped."""
    environment = Environment(
        loader=PackageLoader(package),
        autoescape=False,  # noqa: S701 -- not HTML; `finalize` escapes every expression for Markdown
        finalize=escaped,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["table"] = table
    return environment.get_template(template).render(**values).rstrip() + "\n"


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
