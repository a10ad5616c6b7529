"""The state of a run: what is known of each cell. It is kept during a run, and restored from raw files to resume it."""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lab.agent.protocol import STEPS
from lab.errors import BadFiles
from lab.model import Cell, MachineId, Target
from lab.runs.folder import MANIFEST, RunFolder, read_manifest
from lab.runs.raw import Attempt, FactsLine, Sample, StreamSample

NEWEST_RUNS = 5  # of which loops are remembered
PERMANENT_STATUSES = ("unsupported",)  # a cell with such a status in one round has it in every round


@dataclass(kw_only=True)
class State:
    """What is known of each cell so far, including the raw files of a resumed run.

    Attributes:
        loops: cell id -> operation -> loops per batch.
        guesses: the same of earlier runs on this machine, as first guesses for the calibration.
        done: round -> cell id -> how many processes of it have ended.
        excluded: ids of cells that are not measured any more.
        failed: ids of cells that failed or timed out in any round.
        durations_s: cell id -> its last duration in seconds.
        centres: cell id -> operation -> round -> ``round_centre`` of each process; the operation "" is the first one.
        facts: target id -> the agent's JSON of its facts.
        blocks: round -> how many blocks of it have been started.
    """

    loops: dict[str, dict[str, int]] = field(default_factory=dict)
    guesses: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    done: dict[int, Counter[str]] = field(default_factory=dict)
    excluded: set[str] = field(default_factory=set)
    failed: set[str] = field(default_factory=set)
    durations_s: dict[str, float] = field(default_factory=dict)
    centres: dict[str, dict[str, dict[int, list[float]]]] = field(default_factory=dict)
    facts: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    blocks: dict[int, int] = field(default_factory=dict)

    def round_means(self, cell: str, operations: Sequence[str]) -> list[list[float]]:
        """For each operation that was timed the mean of the processes' centres in each round, in the rounds' order.

        Of the cell's first operation where none of them was timed.
        """
        known = self.centres.get(cell, {})
        wanted = [known[operation] for operation in operations if operation in known] or [known.get("", {})]
        return [[statistics.fmean(rounds[number]) for number in sorted(rounds)] for rounds in wanted]

    @property
    def steps_per_ms(self) -> int | None:
        """Steps of work in a millisecond, as the first target measured them, so that all targets do the same work."""
        return next((known[STEPS] for known in self.loops.values() if STEPS in known), None)


def remembered_loops(runs: Path, machine: MachineId) -> dict[str, Mapping[str, int]]:
    """Cell id -> operation -> loops of the newest runs in a folder that were measured on this machine.

    A run that was slowed on purpose is left out, and so is every file that is not a manifest of this lab.
    """
    found: dict[str, Mapping[str, int]] = {}
    paths = [(path.stat().st_mtime_ns, path) for path in runs.glob(f"*/{MANIFEST}")]
    for _, path in sorted(paths, reverse=True)[:NEWEST_RUNS]:
        try:
            manifest = read_manifest(path)
        except BadFiles:
            continue
        if manifest.host.machine != machine or manifest.inject_slowdown_percent:
            continue
        found = {**manifest.loops, **found}
    return found


def record_attempt(
    state: State, number: int, cell: str, attempt: Attempt[Sample] | Attempt[StreamSample], *, quota: bool
) -> None:
    """Add one attempt at a cell to the state; an unfinished attempt is ignored."""
    end = attempt.end
    if end is None:
        return
    state.done.setdefault(number, Counter())[cell] += 1
    if end.status in PERMANENT_STATUSES:
        state.excluded.add(cell)
    if end.status in ("failed", "timeout"):
        state.failed.add(cell)
    if end.split.total_ns:
        state.durations_s[cell] = end.split.total_ns / 1e9
    loops = state.loops.setdefault(cell, {})
    for line in attempt.calibrations:
        loops.setdefault(line.operation, line.loops)
    if end.status == "ok":
        for operation, timed in batches(attempt.samples).items():
            centre = round_centre(timed, quota=quota)
            if centre is not None:
                rounds = state.centres.setdefault(cell, {}).setdefault(operation, {})
                rounds.setdefault(number, []).append(centre)


def batches(samples: Sequence[Sample | StreamSample]) -> dict[str, list[tuple[int, int]]]:
    """Operation -> (elapsed_ns, loops) of each timed batch; "" has those with counters, of the first operation."""
    found: dict[str, list[tuple[int, int]]] = {}
    for line in samples:
        if not line.warmup and line.elapsed_ns is not None and line.loops:
            for operation in (line.operation, "") if line.spent is not None else (line.operation,):
                found.setdefault(operation, []).append((line.elapsed_ns, line.loops))
    return found


def round_centre(timed: Sequence[tuple[int, int]], *, quota: bool) -> float | None:
    """Logarithm of the median time per operation over batches (elapsed_ns, loops); under a quota of the mean.

    None without any batch, or where they took no time.
    """
    if not timed:
        return None
    if quota:
        centre = sum(elapsed_ns for elapsed_ns, _ in timed) / sum(loops for _, loops in timed)
    else:
        centre = statistics.median(elapsed_ns / loops for elapsed_ns, loops in timed)
    return math.log(centre) if centre > 0 else None


def restore(folder: RunFolder, cells: Sequence[Cell], targets: Mapping[str, Target]) -> State:
    """Restore the state of an interrupted run from its raw files; only finished cells count."""
    state = State()
    ids = {(cell.target, cell.case_key): cell.id for cell in cells}
    for raw in folder.raw():
        quota = raw.target in targets and targets[raw.target].limit.mode == "quota"
        for case, tries in raw.attempts.items():
            cell = ids.get((raw.target, case))
            for attempt in tries:
                if attempt.block is not None:
                    state.blocks[raw.round] = max(state.blocks.get(raw.round, 0), attempt.block + 1)
                if cell:
                    record_attempt(state, raw.round, cell, attempt, quota=quota)
        for line in raw.blocks:
            if isinstance(line, FactsLine):
                state.facts.setdefault(raw.target, line.facts)
    return state
