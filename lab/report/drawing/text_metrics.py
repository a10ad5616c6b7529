"""How wide text is, and where its lines break: measured with the font itself, so that nothing is cut off.

What stands at ticks: named functions, since figures travel to another process, and a lambda cannot.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from matplotlib.font_manager import FontProperties
from matplotlib.textpath import text_to_path

from lab.report.drawing import theme

if TYPE_CHECKING:
    from collections.abc import Callable

POINTS_AN_INCH = 72
HINTING = 1.05  # by so much letters that are fitted to the pixels of a PNG may be wider
SEAMS = re.compile(r"(?<=[-_/,])")  # where a name that is too long for its line may break


def width_inches(text: str, size: float, *, bold: bool = False) -> float:
    """The width of the longest line in inches; ``size`` is in points."""
    return max((_line(line, size, bold=bold) for line in text.splitlines()), default=0.0)


@cache
def _line(line: str, size: float, *, bold: bool) -> float:
    font = FontProperties(family=theme.RC["font.family"], size=size, weight="bold" if bold else "normal")
    width, _, _ = text_to_path.get_text_width_height_descent(line, font, ismath=False)
    return HINTING * float(width) / POINTS_AN_INCH


def wrapped(text: str, room: float, size: float, *, bold: bool = False) -> str:
    """Lines of at most ``room`` inches; breaks that are there stay."""

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
    """A word that is longer than a line, broken at its seams, and between letters where it has none."""
    found = [""]
    for part in SEAMS.split(word):
        for letters in [part] if fits(part) else list(part):
            if fits(found[-1] + letters) or not found[-1]:
                found[-1] += letters
            else:
                found.append(letters)
    return found


def four_digits(value: float, _position: int | None) -> str:
    """A ratio."""
    return f"{value:.4g}"


def all_digits(value: float, _position: int | None) -> str:
    """A plain number with its thousands apart."""
    return f"{value:,.10g}"
