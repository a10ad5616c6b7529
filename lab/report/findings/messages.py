"""What moving a small message costs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.report import labels
from lab.report.findings.finding import Finding, best_target, of_target

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lab.report.data import Row, RunData

SCENARIO = "ipc.round_trip"
SMALL_BYTES = 64
FIXED_PLACEMENTS = ("same_cpu", "cross_cpu")


def cheapest_and_dearest(data: RunData) -> Finding | None:
    """At 64 bytes, both sides on one CPU; and what crossing to another CPU adds."""
    rows = [row for row in data.pick(SCENARIO, "round_trip") if not row.pickled and row.payload_bytes]
    rows = [row for row in rows if row.placement in FIXED_PLACEMENTS and data.targets[row.target].cpu_mode != "quota"]
    target = best_target(data, rows)
    if target is None:
        return None
    mine = of_target(rows, target)
    size = min((row.payload_bytes or 0 for row in mine), key=lambda count: abs(count - SMALL_BYTES))
    mine = [row for row in mine if row.payload_bytes == size]
    parts = [part for name in FIXED_PLACEMENTS if (part := extremes(data, mine, name))]
    crossing = crossed(data, mine)
    if not parts:
        return None
    sentences = "; ".join(part for part in [*parts, crossing] if part)
    text = f"A round trip of {labels.size(size)} between two processes: {sentences}. {target.sentence}"
    return Finding(text, "ipc_round_trip")


def extremes(data: RunData, rows: Sequence[Row], placement: str) -> str:
    """The cheapest and the dearest mechanism of one placement."""
    mine = [row for row in rows if row.placement == placement]
    if not mine:
        return ""
    low, high = (pick(mine, key=lambda row: row.estimate or 0.0) for pick in (min, max))
    where = labels.placed(placement)
    cost = f"at {labels.duration(low.estimate or 0)} ({labels.row_interval(low)})"
    ratio = data.per_round.ratio(high.key, low.key)
    if low is high or ratio is None:
        return f"with {where}, {labels.plain(low.mechanism)} {cost}"
    return (
        f"with {where}, {labels.plain(low.mechanism)} is the cheapest of {len(mine)} mechanisms by estimate {cost}, "
        f"and {labels.plain(high.mechanism)} the dearest at {labels.duration(high.estimate or 0)}, "
        f"{labels.number(ratio.value)} times as long ({labels.interval(ratio)})"
    )


def crossed(data: RunData, rows: Sequence[Row]) -> str:
    """The mechanism that is cheapest on one CPU, across two."""
    here = [row for row in rows if row.placement == "same_cpu"]
    low = min(here, key=lambda row: row.estimate or 0.0, default=None)
    there = [row for row in rows if low and row.placement == "cross_cpu" and row.mechanism == low.mechanism]
    ratio = data.per_round.ratio(there[0].key, low.key) if there and low else None
    if ratio is None or low is None:
        return ""
    return (
        f"{labels.plain(low.mechanism)} takes {labels.number(ratio.value)} times as long across two CPUs as on one "
        f"({labels.interval(ratio)})"
    )
