"""What pools gain, what handing over a task costs, and what a CPU quota costs a job."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.report import labels
from lab.report.findings.finding import Finding, best_target, extremes, nearest_workers, of_target, standing_words
from lab.report.speedup import SCENARIO, Speedup, speedups
from lab.report.targets import largest
from lab.text import plural

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lab.report.data import Row, RunData
    from lab.report.targets import Target


def scaling(data: RunData) -> Finding | None:
    """Return the speed-up of processes and threads for pure Python on the largest CPU limit."""
    return gain(data, "pure_python")


def releasing(data: RunData) -> Finding | None:
    """Return the speed-up for work that releases the GIL."""
    return gain(data, "hashing")


def gain(data: RunData, work: str) -> Finding | None:
    """Return the speed-up with as many workers as CPUs, by each executor."""
    found = [item for item in speedups(data) if item.row.work == work and item.target.cpu_mode != "quota"]
    target = largest([item.target for item in found])
    if target is None:
        return None
    mine = [item for item in found if item.target.id == target.id]
    pool = [item.row for item in mine if item.row.executor == "processes"] or [item.row for item in mine]
    workers = nearest_workers(pool, target.cpus)
    here = {item.line: item for item in mine if item.workers == workers}
    spoken = [here[line] for line in sorted(here, key=spoken_order) if line[0] != "independent"]
    parts = [described(item, " as the serial job" if item is spoken[0] else "") for item in spoken]
    if not parts:
        return None
    capacity = next((item for line, item in here.items() if line[0] == "independent"), None)
    text = f"For {labels.work(work)}, {'; '.join(parts)}."
    return Finding(f"{text}{capacity_words(capacity)} {target.sentence}", "pool_scaling")


def spoken_order(line: tuple[str, str | None]) -> tuple[bool, str, str]:
    """Sort processes before threads."""
    return line[0] != "processes", line[0], line[1] or ""


def described(item: Speedup, than: str) -> str:
    """Return one executor's speed-up in words; ``than`` is what it is compared with, given once."""
    sides = labels.compared(item.value, "faster", "slower")
    verb = "is" if item.workers == 1 else "are"
    return f"{counted(item.workers, item.row)} {verb} {labels.number(item.value.value)} times as fast{than} ({sides})"


def counted(workers: int, row: Row) -> str:
    """``2 processes (fork)``, ``1 thread``."""
    count = labels.counted(workers, row.executor)
    return f"{count} ({row.start_method})" if row.start_method else count


def capacity_words(capacity: Speedup | None) -> str:
    """Return the gain of independent processes, which is the capacity, in words."""
    if capacity is None:
        return ""
    count = labels.counted(capacity.workers, "processes")
    return (
        f" Without a pool, with the job divided beforehand, {count} reach "
        f"{labels.number(capacity.value.value)} times ({labels.interval(capacity.value)})."
    )


def oversubscription(data: RunData) -> Finding | None:
    """Compare twice as many processes as CPUs with as many."""
    found = [
        item
        for item in speedups(data)
        if (item.row.work, item.row.executor, item.row.start_method) == ("pure_python", "processes", "fork")
        and item.target.cpu_mode != "quota"
    ]
    target = largest([item.target for item in found])
    by_workers = {item.workers: item.row for item in found if target and item.target.id == target.id}
    cpus = int(target.cpus or 0) if target else 0
    if target is None or cpus not in by_workers or 2 * cpus not in by_workers:
        return None
    ratio = data.per_round.ratio(by_workers[2 * cpus].key, by_workers[cpus].key)
    if ratio is None:
        return None
    return Finding(
        f"With more workers than CPUs, a pool of {2 * cpus} processes takes {labels.number(ratio.value)} times as long "
        f"for pure Python as one of {cpus} ({labels.compared(ratio, 'slower', 'faster')}). {target.sentence}",
        "pool_scaling",
    )


def calls(data: RunData) -> Finding | None:
    """Return the fastest and the slowest call for one trivial task, with as many workers as CPUs or nearly."""
    rows = data.pick("pool.api")
    target = best_target(data, [row for row in rows if data.targets[row.target].cpu_mode != "quota"])
    if target is None:
        return None
    mine = of_target(rows, target)
    workers = nearest_workers(mine, target.cpus)
    mine = [row for row in mine if row.workers == workers and row.start_method]  # interpreters have none
    method = min((row.start_method or "" for row in mine), key=lambda name: (name != "fork", name), default="")
    mine = [row for row in mine if row.start_method == method]
    found = extremes(data, mine)
    low, high = found.fastest, found.slowest
    ratio = data.per_round.ratio(high.key, low.key)
    if low.operation == high.operation or ratio is None:
        return None
    amortised = f"; amortised over a chunk of {low.chunksize}" if (low.chunksize or 1) > 1 else ""
    return Finding(
        f"Handing one trivial task to a pool of {plural(low.workers, 'worker')} ({method}) is fastest of {len(mine)} "
        f"calls by {low.operation}{standing_words(found, lambda row: row.operation)}, "
        f"{labels.duration(low.estimate or 0)} ({labels.row_interval(low)}{amortised}), and slowest by "
        f"{high.operation}, {labels.duration(high.estimate or 0)} ({labels.row_interval(high)}): "
        f"{labels.number(ratio.value)} times as long ({labels.interval(ratio)}). {target.sentence}",
        "pool_api",
    )


def overflow(data: RunData) -> Finding | None:
    """Return whether task N+1 waited for a worker."""
    rows = data.pick("pool.overflow", "waited", "count")
    target = best_target(data, rows)
    if target is None:
        return None
    mine = of_target(rows, target)
    total = sum(row.n for row in mine)
    waited = sum((row.estimate or 0) * row.n for row in mine)
    often = "in every one" if round(waited) == total else f"in {round(waited)}"
    return Finding(
        f"With one task more than workers, the last task began only after another had ended {often} of {total} "
        f"repetitions (a count over {plural(max(row.rounds for row in mine), 'round')}). {target.sentence}",
        None,
        counted=True,
    )


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
