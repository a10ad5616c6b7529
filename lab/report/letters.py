"""What the figures of one page share: the letters, each once, and the colours by name. The page is half as large."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lab.report.save import SWITCHED

if TYPE_CHECKING:
    from collections.abc import Iterable

FONT = r"DejaVuSans(-[A-Za-z]+)?-([0-9a-f]+)"
SCALE = "scale(0.015625)"  # what the font's units are to Matplotlib
LETTER = re.compile(rf'<path id="(?:\w+-)?{FONT}"(?: d="([^"]*)")? transform="{re.escape(SCALE)}"/>')
USE = re.compile(rf'<use xlink:href="#\w+-{FONT}"(?: transform="translate\(([^)]*)\)")?/>')
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
