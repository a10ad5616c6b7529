"""What moving a small message costs, by mechanism, and what the second read of a named pipe on Windows adds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.agent.toolkit.channels.axes import NAMED_PIPE_EDGE
from lab.report import labels
from lab.report.findings.finding import Extremes, Finding, best_target, extremes, of_target, standing_words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lab.report.data import Row, RunData

SCENARIO = "ipc.round_trip"
SMALL_BYTES = 64
FIXED_PLACEMENTS = ("same_cpu", "cross_cpu")


def fastest_and_slowest(data: RunData) -> Finding | None:
    """At 64 bytes, both sides on one CPU and on two; and what crossing to another CPU adds."""
    rows = [row for row in data.pick(SCENARIO, "round_trip") if not row.pickled and row.payload_bytes and row.is_fresh]
    rows = [row for row in rows if row.placement in FIXED_PLACEMENTS and data.targets[row.target].cpu_mode != "quota"]
    target = best_target(data, rows)
    if target is None:
        return None
    mine = of_target(rows, target)
    size = min((row.payload_bytes or 0 for row in mine), key=lambda count: abs(count - SMALL_BYTES))
    mine = [row for row in mine if row.payload_bytes == size]
    found = {name: here for name in FIXED_PLACEMENTS if (here := [row for row in mine if row.placement == name])}
    ends = {name: extremes(data, here) for name, here in found.items()}
    parts = [described(data, ends[name], len(here)) for name, here in found.items()]
    parts += [crossed(data, ends["same_cpu"].fastest, found["cross_cpu"])] if len(found) > 1 else []
    sentences = "; ".join(filter(None, parts))
    text = f"A round trip of {labels.size(size)} between two processes: {sentences}. {target.sentence}"
    return Finding(text, "ipc_round_trip")


def described(data: RunData, found: Extremes, count: int) -> str:
    """Return the fastest and the slowest of so many mechanisms of one placement in words."""
    low, high = found.fastest, found.slowest
    where = labels.placed(low.placement)
    cost = f"at {labels.duration(low.estimate or 0)} ({labels.row_interval(low)})"
    ratio = data.per_round.ratio(high.key, low.key)
    if low is high or ratio is None:
        return f"with {where}, {labels.plain(low.mechanism)} {cost}"
    standing = standing_words(found, lambda row: labels.plain(row.mechanism))
    return (
        f"with {where}, {labels.plain(low.mechanism)} is the fastest of {count} mechanisms{standing} {cost}, and "
        f"{labels.plain(high.mechanism)} the slowest at {labels.duration(high.estimate or 0)}, "
        f"{labels.number(ratio.value)} times as long ({labels.interval(ratio)})"
    )


def crossed(data: RunData, low: Row, across: Sequence[Row]) -> str:
    """Return what the mechanism that is fastest on one CPU takes across two; empty where that was not measured."""
    there = next((row for row in across if row.mechanism == low.mechanism), None)
    ratio = data.per_round.ratio(there.key, low.key) if there else None
    if ratio is None:
        return ""
    return (
        f"{labels.plain(low.mechanism)} takes {labels.number(ratio.value)} times as long across two CPUs as on one "
        f"({labels.interval(ratio)})"
    )


BELOW, ABOVE = NAMED_PIPE_EDGE


def named_pipes(data: RunData) -> Finding | None:
    """Compare a message of 129 bytes with one of 128, over each pipe, on Windows; other systems have no such edge."""
    rows = [row for row in data.pick(SCENARIO, "round_trip") if row.payload_bytes in NAMED_PIPE_EDGE]
    rows = [row for row in rows if row.placement == "same_cpu" and not row.pickled]
    rows = [row for row in rows if data.targets[row.target].os == "windows"]
    target = best_target(data, rows)
    if target is None:
        return None
    mine = of_target(rows, target)
    parts = [part for name in sorted({row.mechanism or "" for row in mine}) if (part := step(data, mine, name))]
    if not parts:
        return None
    text = f"A round trip of {ABOVE} B over a named pipe, which is read for {BELOW} B and then for the rest"
    return Finding(f"{text}: {'; '.join(parts)}. {target.sentence}", "ipc_round_trip")


def step(data: RunData, rows: Sequence[Row], mechanism: str) -> str:
    """Return how many times as long the size above the edge takes as the one below, in words."""
    by_size = {row.payload_bytes: row for row in rows if row.mechanism == mechanism}
    if set(by_size) != set(NAMED_PIPE_EDGE):
        return ""
    ratio = data.per_round.ratio(by_size[ABOVE].key, by_size[BELOW].key)
    if ratio is None:
        return ""
    name = labels.plain(mechanism)
    return f"{name} takes {labels.number(ratio.value)} times as long as with {BELOW} B ({labels.interval(ratio)})"
