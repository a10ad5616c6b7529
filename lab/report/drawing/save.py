"""Save figures reproducibly: the same data give the same bytes, without dates and versions, and with fixed ids."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import matplotlib as mpl

from lab.report.drawing import theme

if TYPE_CHECKING:
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
