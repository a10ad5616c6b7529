"""What it costs that the C library gives the memory of each large message back to the kernel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.report import labels
from lab.report.findings.finding import Finding, best_target, of_target
from lab.report.findings.messages import SCENARIO

if TYPE_CHECKING:
    from lab.report.data import RunData

REMEDY = "MALLOC_MMAP_THRESHOLD_=134217728 MALLOC_TRIM_THRESHOLD_=134217728"


def allocator(data: RunData) -> Finding | None:
    """Compare fresh processes with such that have freed a larger block, at the size with the largest ratio.

    None where fresh processes are not slower: where there are intervals, the whole one must be above 1.
    """
    rows = [row for row in data.pick(SCENARIO, "round_trip") if row.payload_bytes and not row.pickled]
    target = best_target(data, [row for row in rows if not row.is_fresh])
    if target is None:
        return None
    mine = of_target(rows, target)
    fresh = {(row.mechanism, row.payload_bytes, row.placement): row for row in mine if row.is_fresh}
    found = []
    for row in mine:
        there = fresh.get((row.mechanism, row.payload_bytes, row.placement))
        if row.is_fresh or there is None:
            continue
        ratio = data.per_round.ratio(there.key, row.key)
        if ratio is not None and (ratio.value if ratio.low is None else ratio.low) > 1:
            found.append((ratio, there, row))
    if not found:
        return None
    ratio, slow, fast = max(found, key=lambda each: each[0].value)
    text = (
        f"A round trip of {labels.size(slow.payload_bytes or 0)} over {labels.plain(slow.mechanism)} takes "
        f"{labels.duration(slow.estimate or 0)} ({labels.row_interval(slow)}) in fresh processes and "
        f"{labels.duration(fast.estimate or 0)} ({labels.row_interval(fast)}) once both have freed a larger block: "
        f"{labels.number(ratio.value)} times as long ({labels.interval(ratio)}), because glibc returns the memory of "
        f"each message to the kernel. To keep it, start Python with {REMEDY}. {target.sentence}"
    )
    return Finding(text, "ipc_round_trip")
