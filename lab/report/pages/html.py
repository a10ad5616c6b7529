"""The report as one HTML file that needs nothing else: figures, styles and tables are all inside."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from markupsafe import Markup

from lab.report import labels
from lab.report.drawing.glyphs import letters, light_colours, shared
from lab.report.drawing.save import inline
from lab.report.pages.templating import html_templates, own_file

if TYPE_CHECKING:
    from lab.report.pages.content import Content, Picture


def render(content: Content) -> str:
    """The page. What comes from data is escaped; the figures and our own style and script alone are markup."""
    templates = html_templates()
    templates.filters |= {
        "anchor": anchor,
        "foldable": foldable,
        "inlined": inlined_shared,
        "unbroken": unbroken,
        "words": words,
    }
    return templates.get_template("report.html").render(
        title=content.title,
        content=content,
        glyphs=glyphs(content),
        light=light_colours(),
        script=own_file(templates, "report.js"),
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
    """The figure as an element of the page, without what the page writes itself; Matplotlib has escaped its texts."""
    strips = (picture.around.head, picture.around.foot) if picture.around else ()
    return Markup(inline(picture.svg, picture.name, *strips))  # noqa: S704 -- see above; comments are taken out


def inlined_shared(picture: Picture) -> Markup:
    """The same, with the letters and colours that the figures of a page share taken out."""
    return Markup(shared(inlined(picture)))  # noqa: S704 -- see above
