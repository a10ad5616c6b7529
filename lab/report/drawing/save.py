"""Save figures reproducibly: the same data give the same bytes, without dates and versions, and with fixed ids.

Matplotlib repeats the outline of each letter in every figure. A page that has each outline once is half as large.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import matplotlib as mpl

from lab.report.drawing import theme

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from matplotlib.figure import Figure

SWITCHED = {colour.lower(): f"f{number}" for number, colour in enumerate(theme.DARK)}
PNG_DPI = 110
POINTS_PER_INCH = 72
PIXELS_PER_POINT = 96 / POINTS_PER_INCH
SMALLEST = 0.8  # share of the natural size at which text of 8 points has 8 pixels; a narrower page scrolls


def save(figure: Figure, folder: Path, name: str) -> str:
    """Write NAME.svg and NAME.png, and return the text of the SVG."""
    svg, png = folder / f"{name}.svg", folder / f"{name}.png"
    with mpl.rc_context(theme.RC):  # type: ignore[arg-type]  # the stubs list all names
        figure.savefig(svg, format="svg", metadata={"Date": None, "Creator": None})
        figure.savefig(png, format="png", dpi=PNG_DPI, metadata={"Software": None})
    return svg.read_text(encoding="utf-8")


def inline(svg: str, name: str, head: float = 0.0, foot: float = 0.0) -> str:
    """The SVG as an element of a page: without a prologue, with ids prefixed by ``name`` and a scoped style.

    ``head`` and ``foot`` are the heights in inches of the strips that are cropped; ``data-whole`` has the full box.
    """
    body = svg[svg.index("<svg") :]
    body = re.sub(r"<!--.*?-->", "", body, flags=re.DOTALL)
    body = re.sub(r"<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
    body = re.sub(r'\bid="([^"]+)"', rf'id="{name}-\1"', body)
    body = re.sub(r'(href="|url\()#([^")]+)', rf"\1#{name}-\2", body)
    body = body.replace('<style type="text/css">*{', f'<style type="text/css">#{name} svg *{{')
    body = re.sub(r"(?<=[:\s])#([0-9a-f]{6})(?=[;\"\s])", themed, body)
    body = re.sub(r"<svg [^>]*>", lambda opening: sized(cropped(opening[0], head, foot)), body, count=1)
    return re.sub(r"\n\s*", "\n", body).strip()


def themed(colour: re.Match[str]) -> str:
    """A colour as a CSS variable that a dark page replaces, with the light colour as its fallback."""
    return f"var(--{SWITCHED[colour[0]]}, {colour[0]})" if colour[0] in SWITCHED else colour[0]


def dark_colours() -> str:
    """CSS that replaces the colours on a dark page."""
    return " ".join(f"--{SWITCHED[light.lower()]}: {dark.lower()};" for light, dark in theme.DARK.items())


def cropped(opening: str, head: float, foot: float) -> str:
    """The SVG's opening tag with a view box that crops the strips at its edges; heights are in inches."""
    box = re.search(r'viewBox="0 0 ([0-9.]+) ([0-9.]+)"', opening)
    if not box:
        return opening
    width, height = float(box[1]), float(box[2])
    shown = f"0 {head * POINTS_PER_INCH:.2f} {width:g} {height - (head + foot) * POINTS_PER_INCH:.2f}"
    return opening.replace(box[0], f'viewBox="{shown}" data-whole="0 0 {width:g} {height:g}"')


def sized(opening: str) -> str:
    """The SVG's opening tag with its natural size as maximum and its smallest legible size as minimum."""
    attributes = re.sub(r'\s(?:width|height)="[^"]*"', "", opening.removeprefix("<svg").removesuffix(">"))
    width = re.search(r'data-whole="0 0 ([0-9.]+)', attributes)
    pixels = float(width[1]) * PIXELS_PER_POINT if width else 0.0
    sizes = f"max-width:{pixels:.0f}px;min-width:{pixels * SMALLEST:.0f}px;--natural:{pixels:.0f}px"
    return f'<svg{attributes} style="{sizes}">'


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
