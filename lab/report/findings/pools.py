"""What pools gain, and what handing over a task costs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.report import labels
from lab.report.findings.finding import Finding, best_target, extremes, nearest_workers, of_target, standing_words
from lab.report.speedup import Speedup, speedups
from lab.report.targets import largest
from lab.text import plural

if TYPE_CHECKING:
    from lab.report.data import Row, RunData


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
    mine = [row for row in mine if row.workers == workers]
    method = "fork" if any(row.start_method == "fork" for row in mine) else min(row.start_method or "" for row in mine)
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
