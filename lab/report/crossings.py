"""Where the best mechanism changes with the size of the message: bracketed between two measured sizes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from lab.report import labels
from lab.report.drawing import theme
from lab.stats.intervals import CONFIDENCE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes

    from lab.report.data import Row, RunData

CROSSING_NOTE = (
    "Grey bands: between these two sizes the best mechanism of the panel changes; each is ahead at its end with the "
    "whole paired interval, widened for the number of pairs. No band: none is supported."
)
BAND = 0.55


@dataclass(frozen=True, kw_only=True)
class Crossing:
    """Between two sizes measured next to each other, ``before`` gives way to ``after``."""

    low_bytes: int
    high_bytes: int
    before: str
    after: str


def crossings(data: RunData, rows: Sequence[Row], *, best: str = "least") -> list[Crossing]:
    """Every change of the first place that both ends support; ``rows`` are of one target and placement.

    The first place at a size is the least estimate (``best="most"``: the largest). A change counts where the ratio of
    the two, paired by round, lies wholly on one side of 1 at the smaller size and wholly on the other at the larger:
    without intervals there is none. The first place is chosen on the same rounds, so the interval is widened for all
    pairs of the panel at all its sizes (Bonferroni).
    """
    by_size: dict[int, dict[str, Row]] = {}
    for row in rows:
        by_size.setdefault(row.payload_bytes or 0, {}).setdefault(series_name(row), row)
    sizes = sorted(size for size in by_size if size)
    pairs = sum(math.comb(len(by_size[size]), 2) for size in sizes)
    found = []
    for low, high in pairwise(sizes):
        before, after = leader(by_size[low], best), leader(by_size[high], best)
        if before == after:
            continue
        if ahead(data, by_size[low], (before, after), pairs) and ahead(data, by_size[high], (after, before), pairs):
            found.append(Crossing(low_bytes=low, high_bytes=high, before=before, after=after))
    return found


def leader(rows: Mapping[str, Row], best: str) -> str:
    """The first by estimate at one size."""
    first = max if best == "most" else min
    return first(rows, key=lambda name: rows[name].estimate or 0.0)


def series_name(row: Row) -> str:
    """Mechanism and what it carries."""
    return labels.plain(row.mechanism) + (" (objects)" if row.pickled else "")


def ahead(data: RunData, rows: Mapping[str, Row], order: tuple[str, str], pairs: int) -> bool:
    """Whether the first beats the second at one size, as one of so many pairs; a rate is judged by its cell's time."""
    if not set(order) <= set(rows):
        return False
    winner, loser = (rows[name].key for name in order)
    ratio = data.per_round.ratio(loser, winner, 1 - (1 - CONFIDENCE) / pairs)
    return ratio is not None and ratio.low is not None and ratio.low > 1


def mark(place: Axes, *, found: Sequence[Crossing]) -> None:
    """A grey band from size to size."""
    for crossing in found:
        place.axvspan(crossing.low_bytes, crossing.high_bytes, color=theme.GRID, alpha=BAND, zorder=0.5, linewidth=0)


def spoken(found: Sequence[Crossing]) -> str:
    """A sentence for the alternative text; empty where nothing crosses."""
    parts = [
        f"{item.before} gives way to {item.after} between {labels.size(item.low_bytes)} and "
        f"{labels.size(item.high_bytes)}"
        for item in found
    ]
    return f" Crossings: {'; '.join(dict.fromkeys(parts))}." if parts else ""
