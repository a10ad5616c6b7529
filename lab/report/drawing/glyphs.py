"""What the figures of one page share: the letters, each once, and the colours by name. The page is half as large."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lab.report.drawing.save import SWITCHED

if TYPE_CHECKING:
    from collections.abc import Iterable

FONT = r"DejaVuSans(-[A-Za-z]+)?-([0-9a-f]+)"
SCALE = "scale(0.015625)"  # what the font's units are to Matplotlib
LETTER = re.compile(rf'<path id="(?:\w+-)?{FONT}"(?: d="([^"]*)")? transform="{re.escape(SCALE)}"/>')
USE = re.compile(rf'<use xlink:href="#(?:\w+-)?{FONT}"(?: transform="translate\(([^)]*)\)")?/>')
UNSEEN = re.compile(r"<!--.*?-->|<metadata>.*?</metadata>|(?<=<g) id=\"[^\"]*\"", re.DOTALL)
DECIMALS = re.compile(r"(?<![\d.])([1-9]\d*\.\d\d)\d+")  # of places; below 1 they may be scales
ADVANCE = re.compile(r"(<use href=\"#\w+\" x=\"\d+)\.\d+")  # hundredths of the letters' size
STYLE = re.compile(r' style="([^"]*)"')
OUTLINE = re.compile(r"(?<= d=\")[^\"]*")
COLOUR = re.compile(r"var\((--\w+), #[0-9a-f]{6}\)")


def shared(inlined: str) -> str:
    """An inlined figure without what ``letters`` and ``light_colours`` give to the page."""
    body = re.sub(r"<defs>\s*</defs>\s*", "", LETTER.sub("", inlined))
    return COLOUR.sub(r"var(\1)", USE.sub(written, body))


def letters(svgs: Iterable[str]) -> str:
    """The letters of all figures as an element of the page that their text refers to; nothing where there are none."""
    found = {name(path): path[3] or "" for svg in svgs for path in LETTER.finditer(svg)}
    paths = [f'<path id="{key}" d="{" ".join(d.split())}" transform="{SCALE}"/>' for key, d in sorted(found.items())]
    return f'<svg class="glyphs" aria-hidden="true"><defs>{"".join(paths)}</defs></svg>' if paths else ""


def light_colours() -> str:
    """The style sheet's lines that give the named colours their values on a light page."""
    return " ".join(f"--{name}: {light};" for light, name in SWITCHED.items())


def written(use: re.Match[str]) -> str:
    """One letter of a text, from the page's own."""
    x, _, y = (use[3] or "").partition(" ")
    place = (f' x="{x}"' if x else "") + (f' y="{y}"' if y not in ("", "0") else "")
    return f'<use href="#{name(use)}"{place}/>'


def name(found: re.Match[str]) -> str:
    """The id of a letter on the page: face and number in the font."""
    return f"{(found[1] or '-g')[1].lower()}{found[2]}"


def compact(svg: str) -> str:
    """A figure that draws the same and stands alone in about half the bytes."""
    body = UNSEEN.sub("", svg)
    body = LETTER.sub(lambda path: f'<path id="{name(path)}" d="{path[3] or ""}" transform="{SCALE}"/>', body)
    body = ADVANCE.sub(r"\1", USE.sub(written, body))
    body = OUTLINE.sub(lambda path: re.sub(r"\s*([A-Za-z])\s*", r"\1", path[0]), DECIMALS.sub(r"\1", body))
    return re.sub(r"\s*\n\s*", "\n", classed(body))


def classed(body: str) -> str:
    """The styles of the elements as classes, each written once."""
    names = {style: f"s{number}" for number, style in enumerate(dict.fromkeys(STYLE.findall(body)))}
    rules = "".join(f".{short}{{{style}}}" for style, short in names.items())
    body = STYLE.sub(lambda style: f' class="{names[style[1]]}"', body)
    return body.replace("</style>", f"{rules}</style>", 1)
