"""The cost of a named pipe's second read: Windows reads 128 bytes of a message first, then the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.agent.toolkit.channels.axes import NAMED_PIPE_EDGE
from lab.report import labels
from lab.report.findings.finding import Finding, best_target, of_target
from lab.report.findings.messages import SCENARIO

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lab.report.data import Row, RunData

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
