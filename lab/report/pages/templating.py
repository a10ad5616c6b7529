"""What all pages have in common: how their templates are found, filled and escaped."""

from __future__ import annotations

from typing import Any

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from lab.report.drawing.save import dark_colours
from lab.report.pages import markdown

SCRIPTS = ("figures.js", "tables.js")  # of all pages
OWN = "lab.report"  # page.html and tables.html, which the templates of other packages build upon, are here


def html_templates(package: str = OWN) -> Environment:
    """The HTML templates of a package. What comes from data is escaped; Markup alone is not."""
    loader = ChoiceLoader([PackageLoader(name) for name in dict.fromkeys((package, OWN))])
    environment = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.globals["style"] = own_file(environment, "style.css")
    environment.globals["dark"] = dark_colours()
    environment.globals["scripts"] = Markup("\n").join(own_file(environment, name) for name in SCRIPTS)
    return environment


def own_file(environment: Environment, name: str) -> Markup:
    """A style sheet or script of ours, to stand in a page as it is."""
    assert environment.loader
    return Markup(environment.loader.get_source(environment, name)[0])  # noqa: S704 -- our own file, no data in it


def markdown_page(template: str, package: str = OWN, **values: Any) -> str:  # noqa: ANN401 -- handed on to the template
    """A page as Markdown; every expression of the template is escaped on its way out."""
    environment = Environment(
        loader=PackageLoader(package),
        autoescape=False,  # noqa: S701 -- this is no HTML; `finalize` escapes every expression for Markdown
        finalize=markdown.escaped,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["table"] = markdown.table
    return environment.get_template(template).render(**values).rstrip() + "\n"
