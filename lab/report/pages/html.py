"""The report as one self-contained HTML file, with figures, styles and scripts."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from markupsafe import Markup

from lab.report import labels
from lab.report.drawing.save import glyph_definitions, inline, light_colours, without_shared_parts
from lab.report.pages.templating import html_templates, own_file

if TYPE_CHECKING:
    from lab.report.pages.content import Content, Picture


def render(content: Content) -> str:
    """The page. Texts from data are escaped; only figures and the lab's own styles and scripts are markup."""
    templates = html_templates()
    templates.filters |= {
        "anchor": anchor,
        "foldable": foldable,
        "inlined": inlined_without_shared_parts,
        "unbroken": unbroken,
        "figure_title": figure_title,
    }
    return templates.get_template("report.html").render(
        title=content.title,
        content=content,
        glyphs=glyphs(content),
        light=light_colours(),
        script=own_file(templates, "report.js"),
    )


def figure_title(name: str) -> str:
    """The name of a figure as a title: ``Pool scaling`` for ``pool_scaling``."""
    return labels.plain(name).capitalize().replace("Ipc", "IPC").replace("api", "API")


def glyphs(content: Content) -> Markup:
    """The glyphs of all figures of the page."""
    return Markup(glyph_definitions(picture.svg for section in content.sections for picture in section.drawn))  # noqa: S704 -- paths


def unbroken(text: str) -> str:
    """Put a no-break space between a number and its unit."""
    return re.sub(r"(?<=\d) (?=(?:ns|µs|ms|s|B|[KMG]iB|%|CPUs?)\b|%)", "\u00a0", text)


def foldable(name: str) -> Markup:
    """Allow line breaks after the underscores of a name."""
    return Markup("_<wbr>").join(name.split("_"))


def anchor(title: str) -> str:
    """The id of a heading."""
    return "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in title.lower()).strip("-")


def inlined(picture: Picture) -> Markup:
    """The figure as an element of the page, cropped to the panels and legends; Matplotlib has escaped its texts."""
    strips = (picture.caption.head, picture.caption.foot) if picture.caption else ()
    return Markup(inline(picture.svg, picture.name, *strips))  # noqa: S704 -- see above; comments are taken out


def inlined_without_shared_parts(picture: Picture) -> Markup:
    """The figure as an element of a page that defines the shared glyphs and colours once."""
    return Markup(without_shared_parts(inlined(picture)))  # noqa: S704 -- see above
