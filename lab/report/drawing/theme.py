"""One theme for all figures: a palette that colour-blind readers can distinguish (Okabe and Ito, 2008), and markers.

A Python version, a mechanism and an executor have the same style in every figure.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from lab.report.targets import Target, version_order

Line = str | tuple[float, tuple[float, ...]]  # Matplotlib's notation of dashes

BLUE, SKY, GREEN, PURPLE = "#0072B2", "#56B4E9", "#009E73", "#CC79A7"
VERMILLION, ORANGE, INK, BROWN = "#D55E00", "#E69F00", "#333333", "#8C564B"
MUTED, GRID, IDEAL = "#5B6470", "#E3E6EA", "#8A919C"
# Text on the cells of a heat map, whose colours are the same on a light and on a dark page.
ON_PALE, ON_DEEP = "#222222", "#FEFEFE"
# Replacements of colours on a dark page; other colours stay as they are.
DARK = {
    BLUE: "#3D9BDB",
    SKY: "#8CCBF2",
    GREEN: "#2FC79B",
    PURPLE: "#E0A0C6",
    VERMILLION: "#FF8A45",
    ORANGE: "#F0B53C",
    INK: "#E6E9EE",
    BROWN: "#C79A90",
    "#7A7A00": "#B5B540",
    "#5D3A9B": "#A98BE0",
    "#1A5E63": "#5FB5BC",
    "#A0003C": "#F06A94",
    MUTED: "#A3ACB8",
    GRID: "#343C48",
    "#FFFFFF": "#1C222B",
}

# Matplotlib's settings. Text is drawn as paths, so that a figure looks the same on every machine;
# names from data are never parsed as mathematics.
RC: dict[str, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 9.0,
    "text.color": INK,
    "text.parse_math": False,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.labelsize": 9.0,
    "axes.linewidth": 0.8,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlelocation": "left",
    "axes.titley": 1.0,  # fixed: to place titles itself, Matplotlib measures all tick labels twice
    "axes.titlesize": 9.5,
    "grid.color": GRID,
    "grid.linewidth": 0.7,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
    "lines.linewidth": 1.6,
    "lines.markersize": 5.5,
    "figure.facecolor": "white",
    "axes.facecolor": "white",
    "savefig.facecolor": "white",
    "svg.fonttype": "path",
    "svg.hashsalt": "comparison-lab",
    "path.simplify": False,
}


@dataclass(frozen=True)
class Style:
    """Colour, marker and line of one thing in all figures."""

    colour: str
    marker: str
    line: Line = "-"


VERSIONS = {
    "3.9": Style(BLUE, "o"),
    "3.10": Style(SKY, "s"),
    "3.11": Style(GREEN, "^"),
    "3.12": Style(PURPLE, "D"),
    "3.13": Style(VERMILLION, "v"),
    "3.14": Style(ORANGE, "P"),
    "3.15": Style(INK, "X"),
}
# For a second build or patch release of a version, and for future versions.
SPARE_STYLES = (
    Style(BROWN, "h"),
    Style("#7A7A00", "<"),
    Style("#5D3A9B", ">"),
    Style("#1A5E63", "p"),
    Style("#A0003C", "d"),
    Style(MUTED, "*"),
)

MECHANISMS = {
    "os_pipe": Style(INK, "o"),
    "pipe": Style(BLUE, "o"),
    "duplex_pipe": Style(SKY, "s"),
    "queue": Style(VERMILLION, "v"),
    "simple_queue": Style(ORANGE, "^"),
    "joinable_queue": Style(PURPLE, "D"),
    "manager_queue": Style(BROWN, "X"),
    "fifo": Style(GREEN, "^"),
    "unix_socket": Style(BLUE, "P"),
    "tcp_socket": Style(VERMILLION, "X"),
    "listener_client": Style(GREEN, "d"),
    "posix_mq": Style(ORANGE, "<"),
    "sysv_mq": Style(VERMILLION, ">"),
    "shared_memory": Style("#5D3A9B", "p"),
    "mmap": Style(GREEN, "*"),
    "eventfd": Style(SKY, "H"),
    "signal": Style(MUTED, "8"),
}

# Executors differ by their dashes; the colour shows the version.
EXECUTOR_LINES: dict[tuple[str, str | None], Line] = {
    ("threads", None): (0, (1, 1.4)),
    ("processes", "fork"): "-",
    ("processes", "forkserver"): (0, (4, 1.5)),
    ("processes", "spawn"): (0, (4, 1.3, 1, 1.3)),
}
OTHER_LINE: Line = (0, (3, 1, 1, 1, 1, 1))

METRICS = {
    "wall_time": Style(INK, "o"),
    "cpu_time": Style(BLUE, "s"),
    "throttled_time": Style(VERMILLION, "^"),
}
# Dashes for lines of the same colour.
DASHES: tuple[Line, ...] = ("-", (0, (4, 1.5)), (0, (1, 1.4)), (0, (4, 1.3, 1, 1.3)), (0, (7, 2)), OTHER_LINE)


def mechanism(name: str) -> Style:
    """The style of a mechanism; an unknown one is grey."""
    return MECHANISMS.get(name, Style(MUTED, "."))


def executor_line(executor: str | None, start_method: str | None) -> Line:
    """The dashes of an executor with its start method."""
    return EXECUTOR_LINES.get((executor or "", start_method), OTHER_LINE)


def versions(targets: Iterable[Target]) -> dict[str, Style]:
    """A style per version of the targets, oldest first; all differ until the spare styles are used up."""
    names = sorted({target.version for target in targets}, key=version_order)
    spare, taken, styles = iter(SPARE_STYLES), set(), {}
    for name in names:
        known = ".".join(name.split(".")[:2])
        if known in VERSIONS and known not in taken and not name.endswith("t"):
            taken.add(known)
            styles[name] = VERSIONS[known]
        else:
            styles[name] = next(spare, Style(MUTED, "."))
    return styles
