"""Glyphs and colours that the figures of one page share.

Matplotlib repeats the outline of each letter in every figure. A page that has each outline once is half as large.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lab.report.drawing.save import SWITCHED

if TYPE_CHECKING:
    from collections.abc import Iterable

FONT = r"DejaVuSans(-[A-Za-z]+)?-([0-9a-f]+)"
SCALE = "scale(0.015625)"  # Matplotlib's scale of the font's units
GLYPH = re.compile(rf'<path id="(?:\w+-)?{FONT}"(?: d="([^"]*)")? transform="{re.escape(SCALE)}"/>')
USE = re.compile(rf'<use xlink:href="#(?:\w+-)?{FONT}"(?: transform="translate\(([^)]*)\)")?/>')
UNSEEN = re.compile(r"<!--.*?-->|<metadata>.*?</metadata>|(?<=<g) id=\"[^\"]*\"", re.DOTALL)
DECIMALS = re.compile(r"(?<![\d.])([1-9]\d*\.\d\d)\d+")  # of positions; numbers below 1 may be scales
ADVANCE = re.compile(r"(<use href=\"#\w+\" x=\"\d+)\.\d+")  # in hundredths of the font size
STYLE = re.compile(r' style="([^"]*)"')
OUTLINE = re.compile(r"(?<= d=\")[^\"]*")
COLOUR = re.compile(r"var\((--\w+), #[0-9a-f]{6}\)")


def without_shared_parts(inlined: str) -> str:
    """An inlined figure without the glyphs and colours that ``glyph_definitions`` and ``light_colours`` hold."""
    body = re.sub(r"<defs>\s*</defs>\s*", "", GLYPH.sub("", inlined))
    return COLOUR.sub(r"var(\1)", USE.sub(glyph_reference, body))


def glyph_definitions(svgs: Iterable[str]) -> str:
    """One SVG element that defines the glyphs of all figures; empty where no figure has text."""
    found = {glyph_id(path): path[3] or "" for svg in svgs for path in GLYPH.finditer(svg)}
    paths = [f'<path id="{key}" d="{" ".join(d.split())}" transform="{SCALE}"/>' for key, d in sorted(found.items())]
    return f'<svg class="glyphs" aria-hidden="true"><defs>{"".join(paths)}</defs></svg>' if paths else ""


def light_colours() -> str:
    """CSS that gives the named colours their values on a light page."""
    return " ".join(f"--{name}: {light};" for light, name in SWITCHED.items())


def glyph_reference(use: re.Match[str]) -> str:
    """One letter of a text as a reference to its glyph."""
    x, _, y = (use[3] or "").partition(" ")
    place = (f' x="{x}"' if x else "") + (f' y="{y}"' if y not in ("", "0") else "")
    return f'<use href="#{glyph_id(use)}"{place}/>'


def glyph_id(found: re.Match[str]) -> str:
    """The id of a glyph on the page: font face and number in the font."""
    return f"{(found[1] or '-g')[1].lower()}{found[2]}"


def compact(svg: str) -> str:
    """The same drawing as a standalone SVG of about half the size."""
    body = UNSEEN.sub("", svg)
    body = GLYPH.sub(lambda path: f'<path id="{glyph_id(path)}" d="{path[3] or ""}" transform="{SCALE}"/>', body)
    body = ADVANCE.sub(r"\1", USE.sub(glyph_reference, body))
    body = OUTLINE.sub(lambda path: re.sub(r"\s*([A-Za-z])\s*", r"\1", path[0]), DECIMALS.sub(r"\1", body))
    return re.sub(r"\s*\n\s*", "\n", styles_as_classes(body))


def styles_as_classes(body: str) -> str:
    """Replace the style attributes by classes, so that each style is written once."""
    names = {style: f"s{number}" for number, style in enumerate(dict.fromkeys(STYLE.findall(body)))}
    rules = "".join(f".{short}{{{style}}}" for style, short in names.items())
    body = STYLE.sub(lambda style: f' class="{names[style[1]]}"', body)
    return body.replace("</style>", f"{rules}</style>", 1)
