"""What a CPU quota costs a job."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.report import labels
from lab.report.findings.finding import Finding, best_target, of_target
from lab.report.findings.pools import counted
from lab.report.speedup import SCENARIO

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lab.report.data import Row, RunData
    from lab.report.targets import Target


def quota(data: RunData) -> Finding | None:
    """Return what a quota costs the serial job, and what more workers change about it."""
    rows = [row for row in data.pick(SCENARIO, "job") if row.work == "pure_python"]
    limited = [row for row in rows if data.targets[row.target].cpu_mode == "quota"]
    target = best_target(data, limited)
    if target is None:
        return None
    mine = of_target(limited, target)
    parts = [part for part in (against_one_cpu(data, rows, mine, target), against_serial(data, mine)) if part]
    throttled = throttled_words(data, target)
    if not parts and not throttled:
        return None
    costs = "; ".join([*parts, *throttled])
    return Finding(f"Under a {target.limit}, for pure Python: {costs}. {target.sentence}", "quota_cost")


def against_one_cpu(data: RunData, rows: Sequence[Row], mine: Sequence[Row], target: Target) -> str:
    """Compare the serial job under the quota with the one on whole CPUs, of the same Python."""
    serial = next((row for row in mine if row.executor == "serial"), None)
    whole = [
        (data.targets[row.target].cpus or 0, row)
        for row in rows
        if row.executor == "serial" and same_python(data.targets[row.target], target)
    ]
    whole = [(cpus, row) for cpus, row in whole if serial and row.tasks == serial.tasks]  # else it is another job
    if serial is None or not whole:
        return ""
    other = min(whole, key=lambda pair: pair[0])[1]
    ratio = data.per_round.ratio(serial.key, other.key)
    if ratio is None:
        return ""
    owed = max(1.0, 1 / (target.cpus or 1))
    return (
        f"the serial job takes {labels.number(ratio.value)} times as long as on {data.targets[other.target].limit} "
        f"({labels.interval(ratio)}), of which the quota alone accounts for {labels.number(owed)}"
    )


def same_python(other: Target, target: Target) -> bool:
    """Whether the other target is a cpuset of the same interpreter in the same kind of place."""
    same = (other.version, other.place, other.os) == (target.version, target.place, target.os)
    same = same and other.host == target.host
    return same and other.cpu_mode == "cpuset"


def against_serial(data: RunData, mine: Sequence[Row]) -> str:
    """Compare the largest pool with the serial job under the same quota."""
    serial = next((row for row in mine if row.executor == "serial"), None)
    pools = [row for row in mine if row.executor == "processes"]
    if serial is None or not pools:
        return ""
    pool = max(pools, key=lambda row: row.workers or 0)
    ratio = data.per_round.ratio(pool.key, serial.key)
    if ratio is None:
        return ""
    sides = labels.compared(ratio, "slower", "faster")
    size = counted(pool.workers or 1, pool)
    times = labels.number(ratio.value)
    return f"a pool of {size} takes {times} times as long as the serial job under the same quota ({sides})"


def throttled_words(data: RunData, target: Target) -> list[str]:
    """Return throttled time and wall time of the largest pool in words."""
    pools = [row for row in of_target(data.pick(SCENARIO, "job", "throttled_time"), target) if is_pool(row)]
    if not pools:
        return []
    pool = max(pools, key=lambda row: row.workers or 0)
    wall = next((row for row in of_target(data.pick(SCENARIO, "job"), target) if row.case == pool.case), None)
    beside = f", and a job takes {labels.duration(wall.estimate or 0)}" if wall else ""
    words = (
        f"that pool is throttled for {labels.duration(pool.estimate or 0)} per job, summed over CPUs "
        f"({labels.row_interval(pool)}){beside}"
    )
    return [words]


def is_pool(row: Row) -> bool:
    """Whether the row is of a pool of processes on pure Python work."""
    return row.work == "pure_python" and row.executor == "processes"
