"""Where the fastest mechanism changes with the size of the message: bracketed between two measured sizes."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from lab.report import labels
from lab.report.drawing import theme

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes

    from lab.report.data import Row, RunData
    from lab.stats.best import Standing

CROSSING_NOTE = (
    "Grey bands: between these two sizes the fastest mechanism of the panel changes; at either size the difference "
    "between the two is certain at a false discovery rate of 5%. No band: no change is certain."
)
BAND_ALPHA = 0.55


@dataclass(frozen=True, kw_only=True)
class Crossing:
    """Between two sizes measured next to each other, ``before`` gives way to ``after``."""

    low_bytes: int
    high_bytes: int
    before: str
    after: str


def crossings(data: RunData, *panels: Sequence[Row]) -> list[list[Crossing]]:
    """Return, for each panel, every change of the fastest mechanism; a panel's rows have one target and placement.

    Which is the fastest, and whether another is certainly slower, is decided by the cells' times (``lab.stats.best``),
    also where the rows are rates. A change counts where the fastest mechanism at either size is certainly faster than
    the fastest one at the other size.
    """
    by_size: dict[tuple[int, int], dict[str, Row]] = {}
    for panel, rows in enumerate(panels):
        for row in rows:
            if row.payload_bytes:
                by_size.setdefault((panel, row.payload_bytes), {}).setdefault(series_name(row), row)
    standings = data.standings(*(list(named.values()) for named in by_size.values()))
    found: list[list[Crossing]] = [[] for _ in panels]
    standing = {
        place: {name: its[row.key] for name, row in named.items() if row.key in its}
        for (place, named), its in zip(by_size.items(), standings, strict=True)
    }
    for ((panel, low), below), ((other, high), above) in pairwise(sorted(standing.items())):
        before, after = (next((name for name, its in size.items() if its.fastest), None) for size in (below, above))
        if panel == other and before and after and is_slower(below, after) and is_slower(above, before):
            found[panel].append(Crossing(low_bytes=low, high_bytes=high, before=before, after=after))
    return found


def series_name(row: Row) -> str:
    """Mechanism and what it carries."""
    return labels.plain(row.mechanism) + (" (objects)" if row.pickled else "")


def is_slower(standing: Mapping[str, Standing], name: str) -> bool:
    """Whether this mechanism was measured at a size and is certainly slower there than the fastest."""
    return name in standing and standing[name].slower


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
