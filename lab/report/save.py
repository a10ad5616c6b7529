"""Write figures so that the same data give the same bytes: no date, no version of the software, fixed ids."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import matplotlib as mpl

from lab.report import theme

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.figure import Figure

SWITCHED = {colour.lower(): f"f{number}" for number, colour in enumerate(theme.DARK)}
PNG_DPI = 110
PIXELS_A_POINT = 96 / 72
SMALLEST = 0.8  # of the natural size, so that letters of 8 points have 8 pixels; a narrower page scrolls the figure


def save(figure: Figure, folder: Path, name: str) -> str:
    """Write NAME.svg and NAME.png; the SVG's text is returned."""
    svg, png = folder / f"{name}.svg", folder / f"{name}.png"
    with mpl.rc_context(theme.RC):  # type: ignore[arg-type]  # the stubs list all names
        figure.savefig(svg, format="svg", metadata={"Date": None, "Creator": None})
        figure.savefig(png, format="png", dpi=PNG_DPI, metadata={"Software": None})
    return svg.read_text(encoding="utf-8")


def inline(svg: str, name: str) -> str:
    """The SVG as an element of a page: no prologue, ids of its own, its style kept to itself."""
    body = svg[svg.index("<svg") :]
    body = re.sub(r"<!--.*?-->", "", body, flags=re.DOTALL)
    body = re.sub(r"<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
    body = re.sub(r'\bid="([^"]+)"', rf'id="{name}-\1"', body)
    body = re.sub(r'(href="|url\()#([^")]+)', rf"\1#{name}-\2", body)
    body = body.replace('<style type="text/css">*{', f'<style type="text/css">#{name} svg *{{')
    body = re.sub(r"(?<=[:\s])#([0-9a-f]{6})(?=[;\"\s])", themed, body)
    body = re.sub(r"<svg ([^>]*)>", sized, body, count=1, flags=re.DOTALL)
    return re.sub(r"\n\s*", "\n", body).strip()


def themed(colour: re.Match[str]) -> str:
    """A colour that a dark page replaces; where the page does not name it, it stays."""
    return f"var(--{SWITCHED[colour[0]]}, {colour[0]})" if colour[0] in SWITCHED else colour[0]


def dark_colours() -> str:
    """The style sheet's lines that replace the colours on a dark page."""
    return " ".join(f"--{SWITCHED[light.lower()]}: {dark.lower()};" for light, dark in theme.DARK.items())


def sized(opening: re.Match[str]) -> str:
    """The SVG's opening tag with its natural size as the largest, and the smallest at which it can be read."""
    attributes = re.sub(r'\s(?:width|height)="[^"]*"', "", " " + opening[1])
    width = re.search(r'viewBox="0 0 ([0-9.]+)', attributes)
    pixels = float(width[1]) * PIXELS_A_POINT if width else 0.0
    return f'<svg{attributes} style="max-width:{pixels:.0f}px;min-width:{pixels * SMALLEST:.0f}px">'
