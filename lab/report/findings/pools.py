"""What pools gain and what handing over a task costs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.report import labels
from lab.report.figures.pool_api import chosen
from lab.report.findings.finding import Finding, best_target, nearest_workers, of_target
from lab.report.speedup import Speedup, speedups
from lab.report.targets import largest, plural

if TYPE_CHECKING:
    from lab.report.data import Row, RunData


def scaling(data: RunData) -> Finding | None:
    """Processes and threads for pure Python on the largest CPU limit."""
    return gain(data, "pure_python")


def releasing(data: RunData) -> Finding | None:
    """The same for work that releases the GIL."""
    return gain(data, "hashing")


def gain(data: RunData, work: str) -> Finding | None:
    """Speed-up with as many workers as CPUs, by each executor."""
    found = [item for item in speedups(data) if item.row.work == work and item.target.cpu_mode != "quota"]
    target = largest([item.target for item in found])
    if target is None:
        return None
    mine = [item for item in found if item.target.id == target.id]
    pool = [item.row for item in mine if item.row.executor == "processes"] or [item.row for item in mine]
    workers = nearest_workers(pool, target.cpus)
    here = {item.line: item for item in mine if item.workers == workers}
    parts = [described(here[line]) for line in sorted(here, key=spoken_order) if line[0] != "independent"]
    if not parts:
        return None
    capacity = next((item for line, item in here.items() if line[0] == "independent"), None)
    text = f"{labels.work(work)}, times the serial job's speed: {'; '.join(parts)}."
    return Finding(f"{text[0].upper()}{text[1:]}{capacity_words(capacity)} {target.sentence}", "pool_scaling")


def spoken_order(line: tuple[str, str | None]) -> tuple[bool, str, str]:
    """Processes before threads."""
    return line[0] != "processes", line[0], line[1] or ""


def described(item: Speedup) -> str:
    """One executor's speed-up in words."""
    sides = labels.compared(item.value, "faster", "slower")
    return f"{counted(item.workers, item.row)} {labels.number(item.value.value)} ({sides})"


def counted(workers: int, row: Row) -> str:
    """``2 processes (fork)``, ``1 thread``."""
    count = labels.counted(workers, row.executor)
    return f"{count} ({row.start_method})" if row.start_method else count


def capacity_words(capacity: Speedup | None) -> str:
    """What there was to gain."""
    if capacity is None:
        return ""
    count = labels.counted(capacity.workers, "processes")
    return (
        f" What the CPUs give {count} without a pool: {labels.number(capacity.value.value)} "
        f"({labels.interval(capacity.value)})."
    )


def oversubscription(data: RunData) -> Finding | None:
    """Twice as many processes as CPUs, against as many."""
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
        f"More workers than CPUs: a pool of {2 * cpus} processes takes {labels.number(ratio.value)} times as long as "
        f"one of {cpus} for pure Python work ({labels.compared(ratio, 'slower', 'faster')}). {target.sentence}",
        "pool_scaling",
    )


def calls(data: RunData) -> Finding | None:
    """The cheapest and the dearest call for one trivial task."""
    rows = chosen(data)
    target = best_target(data, [row for row in rows if data.targets[row.target].cpu_mode != "quota"])
    if target is None:
        return None
    mine = of_target(rows, target)
    method = "fork" if any(row.start_method == "fork" for row in mine) else mine[0].start_method
    mine = [row for row in mine if row.start_method == method]
    low, high = (pick(mine, key=lambda row: row.estimate or 0.0) for pick in (min, max))
    ratio = data.per_round.ratio(high.key, low.key)
    if low.operation == high.operation or ratio is None:
        return None
    return Finding(
        f"Of {len(mine)} calls of a pool, {low.operation} costs least for one trivial task by estimate, "
        f"{labels.duration(low.estimate or 0)} ({labels.row_interval(low)}), and {high.operation} most, "
        f"{labels.duration(high.estimate or 0)} ({labels.row_interval(high)}): {labels.number(ratio.value)} times as "
        f"much ({labels.interval(ratio)}). {plural(low.workers, 'worker').capitalize()}, {method}. {target.sentence}",
        "pool_api",
    )


def overflow(data: RunData) -> Finding | None:
    """Whether task N+1 waited for a worker."""
    rows = data.pick("pool.overflow", "waited", "count")
    target = best_target(data, rows)
    if target is None:
        return None
    mine = of_target(rows, target)
    total = sum(row.n for row in mine)
    waited = sum((row.estimate or 0) * row.n for row in mine)
    often = "in every one" if round(waited) == total else f"in {round(waited)}"
    return Finding(
        f"One task more than workers: {often} of {total} repetitions the last task began only after another had ended "
        f"(a count over {plural(max(row.rounds for row in mine), 'round')}). {target.sentence}",
        None,
    )
