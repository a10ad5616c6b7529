"""Write figures so that the same data give the same bytes: no date, no version of the software, fixed ids."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lab.report import theme

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from matplotlib.figure import Figure

SWITCHED = {colour.lower(): f"f{number}" for number, colour in enumerate(theme.DARK)}
FONT = r"DejaVuSans(-[A-Za-z]+)?-([0-9a-f]+)"
SCALE = "scale(0.015625)"  # what the font's units are to Matplotlib
GLYPH = re.compile(rf'<path id="{FONT}"(?: d="([^"]*)")? transform="{re.escape(SCALE)}"/>')
PNG_DPI = 110
PIXELS_A_POINT = 96 / 72
SMALLEST = 0.75  # of the natural size; a narrower page scrolls the figure


def save(figure: Figure, folder: Path, name: str) -> str:
    """Write NAME.svg and NAME.png; the SVG's text is returned."""
    svg, png = folder / f"{name}.svg", folder / f"{name}.png"
    figure.savefig(svg, format="svg", metadata={"Date": None, "Creator": None})
    figure.savefig(png, format="png", dpi=PNG_DPI, metadata={"Software": None})
    return svg.read_text(encoding="utf-8")


def inline(svg: str, name: str) -> str:
    """The SVG as an element of a page: no prologue, ids of its own, its style kept to itself, letters by ``glyphs``."""
    body = GLYPH.sub("", svg[svg.index("<svg") :])
    body = re.sub(r"<defs>\s*</defs>", "", body)
    body = re.sub(r"<!--.*?-->", "", body, flags=re.DOTALL)
    body = re.sub(r"<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
    body = re.sub(r'\bid="([^"]+)"', rf'id="{name}-\1"', body)
    body = re.sub(r'(href="|url\()#([^")]+)', rf"\1#{name}-\2", body)
    body = body.replace('<style type="text/css">*{', f'<style type="text/css">#{name} svg *{{')
    body = re.sub(rf'<use xlink:href="#{name}-{FONT}"(?: transform="translate\(([^)]*)\)")?/>', written, body)
    body = re.sub(r"(?<=[:\s])#([0-9a-f]{6})(?=[;\"\s])", themed, body)
    body = re.sub(r"<svg ([^>]*)>", sized, body, count=1, flags=re.DOTALL)
    return re.sub(r"\n\s*", "\n", body).strip()


def glyphs(svgs: Iterable[str]) -> str:
    """The letters of all figures, each once, as an element of the page that the figures' text refers to."""
    found = {letter(path): path[3] or "" for svg in svgs for path in GLYPH.finditer(svg)}
    paths = [f'<path id="{name}" d="{" ".join(d.split())}" transform="{SCALE}"/>' for name, d in sorted(found.items())]
    return f'<svg class="glyphs" aria-hidden="true"><defs>{"".join(paths)}</defs></svg>' if paths else ""


def written(use: re.Match[str]) -> str:
    """One letter of a text, from the page's own."""
    x, _, y = (use[3] or "").partition(" ")
    place = (f' x="{x}"' if x else "") + (f' y="{y}"' if y not in ("", "0") else "")
    return f'<use href="#{letter(use)}"{place}/>'


def letter(found: re.Match[str]) -> str:
    """The id of a letter on the page: face and number in the font."""
    return f"{(found[1] or 'g')[1:2].lower() or 'g'}{found[2]}"


def themed(colour: re.Match[str]) -> str:
    """A colour that a dark page replaces."""
    return f"var(--{SWITCHED[colour[0]]})" if colour[0] in SWITCHED else colour[0]


def colours(*, dark: bool) -> str:
    """The style sheet's lines that give the replaced colours their values."""
    pairs = zip(SWITCHED.values(), theme.DARK.items(), strict=True)
    return " ".join(f"--{name}: {(on_dark if dark else on_light).lower()};" for name, (on_light, on_dark) in pairs)


def sized(opening: re.Match[str]) -> str:
    """The SVG's opening tag with its natural size as the largest, and the smallest at which it can be read."""
    attributes = re.sub(r'\s(?:width|height)="[^"]*"', "", " " + opening[1])
    width = re.search(r'viewBox="0 0 ([0-9.]+)', attributes)
    pixels = float(width[1]) * PIXELS_A_POINT if width else 0.0
    return f'<svg{attributes} style="max-width:{pixels:.0f}px;min-width:{pixels * SMALLEST:.0f}px">'
