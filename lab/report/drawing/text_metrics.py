"""Text metrics: width and line breaks, measured with the font itself, so that no text is cut off; tick labels."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from matplotlib.font_manager import FontProperties
from matplotlib.textpath import text_to_path

from lab.report.drawing import theme

if TYPE_CHECKING:
    from collections.abc import Callable

POINTS_PER_INCH = 72
HINTING = 1.05  # hinting may widen the glyphs of a PNG by this factor
BREAKS = re.compile(r"(?<=[-_/,])")  # where a name that is longer than its line may break


def width_inches(text: str, size: float, *, bold: bool = False) -> float:
    """Width of the longest line in inches; ``size`` is in points."""
    return max((_line(line, size, bold=bold) for line in text.splitlines()), default=0.0)


@cache
def _line(line: str, size: float, *, bold: bool) -> float:
    font = FontProperties(family=theme.RC["font.family"], size=size, weight="bold" if bold else "normal")
    width, _, _ = text_to_path.get_text_width_height_descent(line, font, ismath=False)
    return HINTING * float(width) / POINTS_PER_INCH


def wrapped(text: str, room: float, size: float, *, bold: bool = False) -> str:
    """Wrap the text to lines of at most ``room`` inches; existing line breaks are kept. ``size`` is in points."""

    def fits(line: str) -> bool:
        return width_inches(line, size, bold=bold) <= room

    lines = []
    for given in text.split("\n"):
        line = ""
        for word in given.split():
            longer = f"{line} {word}" if line else word
            if fits(longer):
                line = longer
                continue
            *whole, rest = _pieces(word, fits)
            lines += [*([line] if line else []), *whole]
            line = rest
        lines.append(line)
    return "\n".join(lines)


def _pieces(word: str, fits: Callable[[str], bool]) -> list[str]:
    """Break a word that is longer than a line: at ``BREAKS``, else between letters."""
    found = [""]
    for part in BREAKS.split(word):
        for letters in [part] if fits(part) else list(part):
            if fits(found[-1] + letters) or not found[-1]:
                found[-1] += letters
            else:
                found.append(letters)
    return found


def four_digits(value: float, _position: int | None) -> str:
    """A tick label of four digits, for ratios."""
    return f"{value:.4g}"


def all_digits(value: float, _position: int | None) -> str:
    """A tick label with all digits and a thousands separator."""
    return f"{value:,.10g}"
