"""What is known of each cell of a run: kept while it goes on, and read again from its raw files to go on with it."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lab.model import Cell, Target
from lab.runs.folder import RunFolder, attempts

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
    facts: dict[str, dict[str, Any]] = field(default_factory=dict)


def remember(
    state: State, number: int, cell: str, end: dict[str, Any], lines: Sequence[dict[str, Any]], *, quota: bool
) -> None:
    """Put what one finished cell says into the state."""
    state.done.setdefault(number, set()).add(cell)
    if end["status"] in ALL_IS_OVER:
        state.over.add(cell)
    if end["status"] in ("failed", "timeout"):
        state.failed.add(cell)
    if end["split"].get("total_ns"):
        state.durations_s[cell] = end["split"]["total_ns"] / 1e9
    loops = state.loops.setdefault(cell, {})
    for line in lines:
        if line["kind"] == "calibration":
            loops.setdefault(line["operation"], line["loops"])
    centre = round_centre(lines, quota=quota)
    if centre is not None and end["status"] == "ok":
        state.centres.setdefault(cell, []).append(centre)


def round_centre(lines: Sequence[dict[str, Any]], *, quota: bool) -> float | None:
    """Log of the median batch (under a quota: of the mean) of the first timed operation, or None without one."""
    timed = [line for line in lines if line["kind"] == "sample" and not line["warmup"] and "spent" in line]
    if not timed:
        return None
    if quota:
        centre = sum(line["elapsed_ns"] for line in timed) / sum(line["loops"] for line in timed)
    else:
        centre = statistics.median(line["elapsed_ns"] / line["loops"] for line in timed)
    return math.log(centre) if centre > 0 else None


def restore(folder: RunFolder, cells: Sequence[Cell], targets: Mapping[str, Target]) -> State:
    """The state that a dead run left in its raw files; only finished cells count."""
    state = State()
    ids = {(cell.target, cell.case_key): cell.id for cell in cells}
    for raw in folder.raw():
        quota = raw.target in targets and targets[raw.target].limit.mode == "quota"
        for case, tries in attempts(raw).items():
            cell = ids.get((raw.target, case))
            for attempt in tries:
                if cell and attempt.end:
                    remember(state, raw.round, cell, attempt.end, attempt.lines, quota=quota)
        for line in raw.lines:
            if line["kind"] == "facts":
                state.facts.setdefault(raw.target, line["facts"])
    return state
