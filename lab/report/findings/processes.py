"""What starting a process costs, and what processes lose when they share a number."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.report import labels
from lab.report.findings.finding import Finding, best_target, of_target
from lab.stats.rounds import Estimate
from lab.text import plural

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lab.report.data import Row, RunData


def start_methods(data: RunData) -> Finding | None:
    """Compare every start method with fork."""
    plain = [row for row in data.pick("process.start", "start_join") if is_plain(row)]
    rows = [row for row in plain if data.targets[row.target].cpu_mode != "quota"]
    target = best_target(data, rows)
    if target is None:
        return None
    mine = of_target(rows, target)
    placement = "same_cpu" if any(row.placement == "same_cpu" for row in mine) else mine[0].placement
    by_method = {row.start_method or "": row for row in mine if row.placement == placement}
    where = "Starting a process that does nothing and joining it takes"
    fork = by_method.get("fork")
    if fork is None:
        costs = "; ".join(f"{cost(row)} with {name}" for name, row in by_method.items())
        return Finding(f"{where} {costs}. {target.sentence}", "process_start")
    others = [compared_with_fork(data, by_method[name], fork) for name in ("forkserver", "spawn") if name in by_method]
    costs = "; ".join(part for part in [f"{cost(fork)} with fork", *others] if part)
    return Finding(f"{where} {costs}. {target.sentence}", "process_start")


def is_plain(row: Row) -> bool:
    """A main program without imports, its children's modules from cached bytecode."""
    return row.variant.get("imports", "none") == "none" and row.variant.get("bytecode") != "shipped"


def cost(row: Row) -> str:
    """``2.1 ms (2.0 to 2.2 ms)``."""
    return f"{labels.duration(row.estimate or 0)} ({labels.row_interval(row)})"


def compared_with_fork(data: RunData, row: Row, fork: Row) -> str:
    """Return one start method with its ratio to fork in words."""
    ratio = data.per_round.ratio(row.key, fork.key)
    if ratio is None:
        return ""
    times = f"{labels.number(ratio.value)} times as long ({labels.interval(ratio)})"
    return f"{labels.duration(row.estimate or 0)} with {row.start_method}, {times}"


def lost_updates(data: RunData) -> Finding | None:
    """Return how many increments two or more writers lose."""
    rows = [row for row in data.pick("state.lost_updates", "lost", "count") if row.tasks and (row.workers or 0) > 1]
    rows = [row for row in rows if row.variant.get("container", "value") == "value"]
    target = best_target(data, rows)
    if target is None:
        return None
    mine = of_target(rows, target)
    unlocked = [row for row in mine if row.variant.get("locking") == "no_lock"]
    if not unlocked:
        return None
    parts = [loss(row) for row in sorted(unlocked, key=lambda row: row.workers or 0)]
    locked = [row for row in mine if row.variant.get("locking") == "get_lock"]
    return Finding(
        f"Adding 1 to a shared Value without its lock, {'; '.join(parts)}.{under_lock(locked)} {target.sentence}",
        "lost_updates",
    )


def loss(row: Row) -> str:
    """``2 writers lose 42% of their increments (…)``."""
    lost = Estimate(row.estimate or 0.0, row.ci_low, row.ci_high, row.rounds).scaled(100 / (row.tasks or 1))
    writers = plural(row.workers, "writer")
    return f"{writers} lose {labels.number(lost.value)}% of their increments ({labels.interval(lost, None)})"


def under_lock(rows: Sequence[Row]) -> str:
    """Return what the lock changes in words."""
    if not rows:
        return ""
    lost = sum(row.estimate or 0 for row in rows)
    return " Under get_lock() none was lost." if lost == 0 else f" Under get_lock() {labels.number(lost)} were lost."
