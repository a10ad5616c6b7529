"""One run of the lab over arms: targets that are alike but for what the selfcheck does to them.

To the machinery (rounds, blocks, order, raw files, tidy) each arm is a target of its own; it is measured as in any run.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace

import pandas as pd
from msgspec import structs

from lab.model import Cell, Manifest, RoundsRecord, Target
from lab.planning.profiles import profile
from lab.running.execution import BLOCK_S, Execution, Split
from lab.running.progress import Progress
from lab.running.state import State
from lab.runs.folder import RunFolder
from lab.runs.manifest import host, new_manifest
from lab.tables import csv_files, schema
from lab.tables.read import read_tables
from lab.targets import Runner
from lab.validation.selfcheck.setup import Bench, Steps


@dataclass(frozen=True, kw_only=True)
class Size:
    """How much one run measures; no further round starts once the budget is used up."""

    rounds: int
    budget_s: float
    cells: int | None = None  # only so many, spread over all
    block_s: float | None = None  # None: as far apart in time as two targets of a run are


@dataclass(frozen=True, kw_only=True)
class Arm:
    """One target of a run, and what is done to it on purpose."""

    target: Target
    slowdown_percent: float = 0.0
    loaded: bool = False


@dataclass(frozen=True, kw_only=True)
class Session:
    """What a run left: the columns of ``schema.SAMPLES`` and of ``schema.CONDITIONS``."""

    samples: pd.DataFrame
    conditions: pd.DataFrame


def carry_out(
    bench: Bench, name: str, arms: Sequence[Arm], cells: Sequence[Cell], size: Size, *, runner: Runner | None = None
) -> Session:
    """Run the cells, each of the target of an arm, in ``folder/name``; samples.csv and conditions.csv are there too.

    Blocks are shorter the more arms there are, so that two arms lie as far apart in time as in a run of two targets.
    """
    steps = Steps(bench.say, name, size.rounds * len(cells))
    with RunFolder.create(bench.folder / name) as folder:
        manifest = _manifest(bench, name, arms, cells, size)
        folder.write_manifest(manifest)
        state = State()
        Execution(
            folder=folder,
            cells=cells,
            targets={arm.target.id: arm.target for arm in arms},
            runners={"none": runner or bench.runner()},
            profile=replace(profile("quick"), rounds=size.rounds, max_rounds=size.rounds),
            budget_s=size.budget_s,
            seed=bench.seed,
            slowdown_percent=0.0,
            slowdowns={arm.target.id: arm.slowdown_percent for arm in arms},
            block_s=size.block_s or block_s(len(arms)),
            progress=Told(bench, steps),
            state=state,
            split=Split(),
        ).run()
        finished = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
        folder.write_manifest(structs.replace(manifest.with_facts(state.facts), finished=finished))
        read = read_tables(folder)
    found = Session(samples=read.samples.frame(), conditions=read.conditions)
    csv_files.write(found.samples, folder.path / "samples.csv", schema.SAMPLES)
    csv_files.write(found.conditions, folder.path / "conditions.csv", schema.CONDITIONS)
    return found


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


def _manifest(bench: Bench, name: str, arms: Sequence[Arm], cells: Sequence[Cell], size: Size) -> Manifest:
    return structs.replace(
        new_manifest(
            f"selfcheck-{name}",
            dt.datetime.now(dt.UTC),
            host=host(),
            targets=[arm.target for arm in arms],
            cells=cells,
            profile="selfcheck",
            seed=bench.seed,
        ),
        rounds=RoundsRecord(rounds=size.rounds, max_rounds=size.rounds, precision=0.0),
        slowdowns_percent={arm.target.id: arm.slowdown_percent for arm in arms},
        loaded_on_purpose=tuple(arm.target.id for arm in arms if arm.loaded),
    )
