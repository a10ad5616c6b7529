"""False alarms and missed changes: identical arms of one target through the real run, and arms slowed on purpose.

Each arm is a target of its own to the machinery (rounds, blocks, order, raw files, tidy, compare), and the same
interpreter under the same limit to everybody else. Disjoint pairs of identical arms give null comparisons: each one
that is called slower or faster is a false alarm. Arms slowed by a known amount beside one that is not give changes
that must be seen. Two passes after each other show what is lost where nothing is interleaved.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from fnmatch import fnmatchcase
from typing import Any

import pandas as pd

from lab import plan, schema, tables
from lab.agent.scenario import discover
from lab.manifest import host, target_entry
from lab.plan import Cell, Target
from lab.profiles import profile
from lab.progress import Progress
from lab.run import BLOCK_S, Execution, Split, State
from lab.selfcheck.bench import Bench, Steps
from lab.store import RunFolder
from lab.tidy import tidy

# Cheap cells of each family, the noisy placement among them. Some sixty, so that five pairs are 300 comparisons.
CELLS = (
    *(
        f"ipc.round_trip/{mechanism}-{size}-same_cpu"
        for mechanism in (
            "os_pipe",
            "pipe",
            "duplex_pipe",
            "queue",
            "simple_queue",
            "fifo",
            "unix_socket",
            "tcp_socket",
        )
        for size in (1, 64, 1024)
    ),
    "ipc.round_trip/shared_memory-64-same_cpu",
    "ipc.round_trip/mmap-64-same_cpu",
    "ipc.round_trip/pipe-*[46]-same_cpu-object",
    *(f"ipc.round_trip/{mechanism}-64-cross_cpu" for mechanism in ("os_pipe", "pipe", "duplex_pipe", "unix_socket")),
    "state.update/*-1",
    "sync.primitives/*-uncontended-*",
)
LARGEST_PAYLOAD = 65_536
SLOWED_PERCENT = (2.0, 5.0, 10.0)


@dataclass(frozen=True, kw_only=True)
class Size:
    """How much one run measures; no further round starts once the budget is used up."""

    rounds: int
    budget_s: float
    cells: int | None = None  # only so many, spread over all


@dataclass(frozen=True, kw_only=True)
class Arm:
    """One target of a run, and how much it is slowed on purpose."""

    target: Target
    slowdown_percent: float = 0.0


def null_arms(bench: Bench, pairs: int) -> tuple[Arm, ...]:
    """Identical arms; each two that follow one another are a pair."""
    return tuple(Arm(target=bench.target(_cpus(bench), f"-null{number}")) for number in range(2 * pairs))


def slowed_arms(bench: Bench) -> tuple[Arm, ...]:
    """One arm as it is, and one slowed by each of the known amounts."""
    slowed = [
        Arm(target=bench.target(_cpus(bench), f"-slowed{percent:g}"), slowdown_percent=percent)
        for percent in SLOWED_PERCENT
    ]
    return (Arm(target=bench.target(_cpus(bench), "-as-it-is")), *slowed)


def lone_arm(bench: Bench) -> tuple[Arm, ...]:
    """The only arm of a pass that is compared with another pass."""
    return (Arm(target=bench.target(_cpus(bench))),)


def _cpus(bench: Bench) -> int:
    return min(2, bench.cpus)


def chosen_cells(target: Target, limit: int | None = None) -> tuple[Cell, ...]:
    """The cells of ``CELLS`` on a target, in the plan's order."""
    every = plan.cells(discover().values(), [target], profile("full"))
    matching = [cell for cell in every if any(fnmatchcase(cell.case_key, pattern) for pattern in CELLS)]
    small = [cell for cell in matching if _payload_bytes(cell) <= LARGEST_PAYLOAD]
    if limit is not None:
        small = small[:: max(1, len(small) // limit)][:limit]
    return tuple(small)


def _payload_bytes(cell: Cell) -> int:
    found: int | None = dict(cell.values).get("payload_bytes")
    return found or 0


def measure(bench: Bench, name: str, arms: Sequence[Arm], size: Size) -> pd.DataFrame:
    """Run the cells on all arms in one run of the lab in ``folder/name``; its samples, also written beside it.

    Blocks are shorter the more arms there are, so that two arms lie as far apart in time as in a run of two targets.
    """
    cells = tuple(replace(cell, target=arm.target.id) for arm in arms for cell in chosen_cells(arm.target, size.cells))
    steps = Steps(bench.say, name, size.rounds * len(cells))
    with RunFolder.create(bench.folder / name) as folder:
        manifest = _manifest(bench, name, arms, cells, size)
        folder.write_manifest(manifest)
        state = State()
        Execution(
            folder=folder,
            cells=cells,
            targets={arm.target.id: arm.target for arm in arms},
            runners={"none": bench.runner()},
            profile=replace(profile("quick"), rounds=size.rounds, max_rounds=size.rounds),
            budget_s=size.budget_s,
            seed=bench.seed,
            slowdown_percent=0.0,
            slowdowns={arm.target.id: arm.slowdown_percent for arm in arms},
            block_s=block_s(len(arms)),
            progress=Told(bench, steps),
            state=state,
            split=Split(),
        ).run()
        for entry in manifest["targets"]:
            entry["facts"] = state.facts.get(entry["id"])
        manifest["finished"] = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
        folder.write_manifest(manifest)
        samples = tidy(folder)
    tables.write(samples, bench.folder / name / "samples.csv", schema.SAMPLES)
    return samples


def block_s(arms: int) -> float:
    """Seconds of a block with which two of so many arms in random order lie as far apart as two alone do."""
    return 3 * BLOCK_S / (arms + 1) if arms > 1 else BLOCK_S


class Told(Progress):
    """What a run tells, as steps of a part; what failed is told at once."""

    def __init__(self, bench: Bench, steps: Steps) -> None:
        self._bench, self._steps = bench, steps

    def block(self, number: int, index: int, count: int, target: str, cells: Sequence[Cell]) -> None:
        """Nothing."""

    def cell(self, number: int, cell: Cell, status: str, reason: str) -> None:
        """One step; a line where it failed in its first round."""
        if status in ("failed", "timeout") and number == 0:
            self._bench.say(f"{status}: {cell.id}: {reason}")
        self._steps.done()

    def note(self, text: str) -> None:
        """The note."""
        self._bench.say(text)

    def close(self) -> None:
        """Nothing."""


def _manifest(bench: Bench, name: str, arms: Sequence[Arm], cells: Sequence[Cell], size: Size) -> dict[str, Any]:
    return {
        "schema_version": schema.SCHEMA_VERSION,
        "run_id": f"selfcheck-{name}",
        "created": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "finished": None,
        "seed": bench.seed,
        "profile": "selfcheck",
        "rounds": size.rounds,
        "inject_slowdown_percent": 0.0,
        "slowdowns_percent": {arm.target.id: arm.slowdown_percent for arm in arms},
        "host": host(),
        "engine": None,
        "targets": [target_entry(arm.target) for arm in arms],
        "cells": [{"id": cell.id, **asdict(cell)} for cell in cells],
        "notes": [],
    }


def by_target(samples: pd.DataFrame) -> Mapping[str, pd.DataFrame]:
    """The wall times of each target; counters beside them are other quantities with other noise."""
    timed = samples[samples["metric"] == "wall_time"]
    return {str(target): mine for target, mine in timed.groupby("target", sort=False)}
