"""Crossings: the two measured message sizes between which the best mechanism changes."""

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
    "Grey band: the best mechanism of the panel changes between these sizes. At both sizes the whole paired interval "
    "is on the winner's side, corrected for the number of pairs. No band: the data show no crossing."
)
BAND_ALPHA = 0.55


@dataclass(frozen=True, kw_only=True)
class Crossing:
    """``before`` is best at the smaller, ``after`` at the larger of two neighbouring measured sizes."""

    low_bytes: int
    high_bytes: int
    before: str
    after: str


def crossings(data: RunData, rows: Sequence[Row], *, best: str = "least") -> list[Crossing]:
    """The crossings that the data support; ``rows`` are of one target and placement.

    The best mechanism at a size has the least estimate (``best="most"``: the largest). A change counts where the whole
    interval of the ratio, paired by round, is on one side of 1 at the smaller size and on the other side at the larger.
    The best is chosen on the same rounds, so the interval is widened for all pairs of the panel at all sizes
    (Bonferroni).
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
        if is_ahead(data, by_size[low], (before, after), pairs) and is_ahead(
            data, by_size[high], (after, before), pairs
        ):
            found.append(Crossing(low_bytes=low, high_bytes=high, before=before, after=after))
    return found


def leader(rows: Mapping[str, Row], best: str) -> str:
    """The name of the best by estimate at one size."""
    pick = max if best == "most" else min
    return pick(rows, key=lambda name: rows[name].estimate or 0.0)


def series_name(row: Row) -> str:
    """The mechanism, with a remark where it carries pickled objects."""
    return labels.plain(row.mechanism) + (" (objects)" if row.pickled else "")


def is_ahead(data: RunData, rows: Mapping[str, Row], order: tuple[str, str], pairs: int) -> bool:
    """Whether the first of ``order`` is faster than the second, corrected for ``pairs``; rates are judged by time."""
    if not set(order) <= set(rows):
        return False
    winner, loser = (rows[name].key for name in order)
    ratio = data.per_round.ratio(loser, winner, 1 - (1 - CONFIDENCE) / pairs)
    return ratio is not None and ratio.low is not None and ratio.low > 1


def draw_bands(place: Axes, *, found: Sequence[Crossing]) -> None:
    """Draw a grey band between the two sizes of each crossing."""
    for crossing in found:
        place.axvspan(
            crossing.low_bytes, crossing.high_bytes, color=theme.GRID, alpha=BAND_ALPHA, zorder=0.5, linewidth=0
        )


def crossings_sentence(found: Sequence[Crossing]) -> str:
    """A sentence for the alternative text; empty without crossings."""
    parts = [
        f"from {item.before} to {item.after} between {labels.size(item.low_bytes)} and {labels.size(item.high_bytes)}"
        for item in found
    ]
    return f" The best changes {'; '.join(dict.fromkeys(parts))}." if parts else ""
