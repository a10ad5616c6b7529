"""What is known of each cell of a run: kept while it goes on, and read again from its raw files to go on with it."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lab.model import Cell, Target
from lab.runs.folder import RunFolder
from lab.runs.raw import Attempt, FactsLine, PassingSample, Sample

ALL_IS_OVER = ("unsupported",)  # what is so in one round is so in all


@dataclass(kw_only=True)
class State:
    """What is known of each cell so far, from this run and from the raw files of the one that is resumed."""

    loops: dict[str, dict[str, int]] = field(default_factory=dict)
    done: dict[int, set[str]] = field(default_factory=dict)
    over: set[str] = field(default_factory=set)
    failed: set[str] = field(default_factory=set)
    durations_s: dict[str, float] = field(default_factory=dict)
    centres: dict[str, list[float]] = field(default_factory=dict)
    facts: dict[str, Mapping[str, Any]] = field(default_factory=dict)


def remember(
    state: State, number: int, cell: str, attempt: Attempt[Sample] | Attempt[PassingSample], *, quota: bool
) -> None:
    """Put what one finished attempt at a cell says into the state."""
    end = attempt.end
    if end is None:
        return
    state.done.setdefault(number, set()).add(cell)
    if end.status in ALL_IS_OVER:
        state.over.add(cell)
    if end.status in ("failed", "timeout"):
        state.failed.add(cell)
    if end.split.total_ns:
        state.durations_s[cell] = end.split.total_ns / 1e9
    loops = state.loops.setdefault(cell, {})
    for line in attempt.calibrations:
        loops.setdefault(line.operation, line.loops)
    centre = round_centre(attempt.samples, quota=quota)
    if centre is not None and end.status == "ok":
        state.centres.setdefault(cell, []).append(centre)


def round_centre(samples: Sequence[Sample | PassingSample], *, quota: bool) -> float | None:
    """Log of the median batch (under a quota: of the mean) of the first timed operation, or None without one."""
    timed = [
        (line.elapsed_ns, line.loops)
        for line in samples
        if line.spent is not None and not line.warmup and line.elapsed_ns is not None and line.loops
    ]
    if not timed:
        return None
    if quota:
        centre = sum(elapsed_ns for elapsed_ns, _ in timed) / sum(loops for _, loops in timed)
    else:
        centre = statistics.median(elapsed_ns / loops for elapsed_ns, loops in timed)
    return math.log(centre) if centre > 0 else None


def restore(folder: RunFolder, cells: Sequence[Cell], targets: Mapping[str, Target]) -> State:
    """The state that a dead run left in its raw files; only finished cells count."""
    state = State()
    ids = {(cell.target, cell.case_key): cell.id for cell in cells}
    for raw in folder.raw():
        quota = raw.target in targets and targets[raw.target].limit.mode == "quota"
        for case, tries in raw.attempts.items():
            cell = ids.get((raw.target, case))
            for attempt in tries:
                if cell:
                    remember(state, raw.round, cell, attempt, quota=quota)
        for line in raw.blocks:
            if isinstance(line, FactsLine):
                state.facts.setdefault(raw.target, line.facts)
    return state
