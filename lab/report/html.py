"""The report as one HTML file that needs nothing else: figures, styles and tables are all inside."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from lab.report import labels
from lab.report.letters import letters, light_colours, shared
from lab.report.save import dark_colours, inline

if TYPE_CHECKING:
    from lab.report.content import Content, Picture


def render(content: Content) -> str:
    """The page. What comes from data is escaped; the figures and our own style and script alone are markup."""
    loader = PackageLoader("lab.report")
    environment = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["anchor"] = anchor
    environment.filters["foldable"] = foldable
    environment.filters["inlined"] = inlined_shared
    environment.filters["unbroken"] = unbroken
    environment.filters["words"] = words
    own = {
        name: Markup(loader.get_source(environment, file)[0])  # noqa: S704 -- our own files, no data in them
        for name, file in {"style": "style.css", "script": "report.js"}.items()
    }
    return environment.get_template("report.html").render(
        content=content, glyphs=glyphs(content), light=light_colours(), dark=dark_colours(), **own
    )


def words(name: str) -> str:
    """``pool_scaling`` as ``Pool scaling``."""
    return labels.plain(name).capitalize().replace("Ipc", "IPC").replace("api", "API")


def glyphs(content: Content) -> Markup:
    """The letters of all figures of the page."""
    return Markup(letters(picture.svg for section in content.sections for picture in section.drawn))  # noqa: S704 -- paths


def unbroken(text: str) -> str:
    """A number stays on one line with its unit."""
    return re.sub(r"(?<=\d) (?=(?:ns|µs|ms|s|B|[KMG]iB|%|CPUs?)\b|%)", "\u00a0", text)


def foldable(name: str) -> Markup:
    """A long name that may break after its underscores."""
    return Markup("_<wbr>").join(name.split("_"))


def anchor(title: str) -> str:
    """An id out of a heading."""
    return "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in title.lower()).strip("-")


def inlined(picture: Picture) -> Markup:
    """The figure as an element of the page; Matplotlib has escaped what it wrote."""
    return Markup(inline(picture.svg, picture.name))  # noqa: S704 -- see above; comments are taken out


def inlined_shared(picture: Picture) -> Markup:
    """The same, with the letters and colours that the figures of a page share taken out."""
    return Markup(shared(inlined(picture)))  # noqa: S704 -- see above
