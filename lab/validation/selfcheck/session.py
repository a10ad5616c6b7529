"""What the parts share, and one run over variants: targets that differ only in what the selfcheck does on purpose.

Rounds, blocks, order, raw files and tables treat each variant as a target of its own, so it is measured as in any run.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path

import msgspec
import pandas as pd
from msgspec import structs
from rich.console import Console

from lab.agent.scenario import discover
from lab.model import Cell, Limit, Manifest, RoundsRecord, Target
from lab.planning import cells as plan
from lab.planning.blocks import BLOCK_S
from lab.planning.profiles import profile
from lab.running.eta import Remaining
from lab.running.execution import Execution, Split
from lab.running.progress import progress_for
from lab.running.state import State
from lab.runs.folder import RunFolder
from lab.runs.manifest import host, new_manifest
from lab.tables import csv_files, schema
from lab.tables.read import read_tables
from lab.targets import Runner
from lab.targets.interpreters import Interpreter
from lab.targets.native import NativeRunner, allowed_cpus, can_pin
from lab.text import plural

MAX_PAYLOAD_BYTES = 65_536
UNLIMITED_S = 24 * 3600.0  # more than any part takes


@dataclass(frozen=True, kw_only=True)
class Setup:
    """One interpreter of this machine, run natively, the folder of the results, and the console for progress."""

    interpreter: Interpreter
    folder: Path
    seed: int
    console: Console

    def say(self, text: str) -> None:
        """Print a line of progress."""
        self.console.print(text, markup=False, highlight=False, soft_wrap=True)

    @property
    def cpus(self) -> int:
        """The number of CPUs that this process may use."""
        return len(allowed_cpus())

    def target(self, cpus: int, suffix: str = "") -> Target:
        """A target of so many pinned CPUs; ``suffix`` distinguishes targets that are otherwise identical."""
        limit = Limit(mode="affinity" if can_pin() else "none", cpus=cpus)
        label = plan.target_id(self.interpreter.key, self.interpreter.os, limit, native=True)
        return Target(
            id=label + suffix,
            key=self.interpreter.key,
            engine="none",
            os=self.interpreter.os,
            arch=self.interpreter.arch,
            limit=limit,
            cpus_visible=cpus,
        )

    def runner(self) -> NativeRunner:
        """A runner that starts the agent with this interpreter."""
        return NativeRunner({self.interpreter.key: self.interpreter})

    def random(self, part: str) -> random.Random:
        """The generator of a part's random order, determined by the seed."""
        return random.Random(f"{self.seed}/{part}")  # noqa: S311 - an order that can be repeated, no secret

    def append_raw(self, name: str, record: msgspec.Struct) -> None:
        """Append a record to ``raw/NAME`` as a JSON line, so that a killed selfcheck keeps all earlier ones."""
        path = self.folder / "raw" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab") as file:
            file.write(msgspec.json.encode(record, order="sorted") + b"\n")


@dataclass(frozen=True, kw_only=True)
class Size:
    """How much a run measures; no further round starts once the budget is used up."""

    rounds: int
    budget_s: float = UNLIMITED_S
    cells: int | None = None  # at most, of each variant; None: all
    block_s: float | None = None  # None: so that two variants are as far apart in time as two targets of a run


@dataclass(frozen=True, kw_only=True)
class Variant:
    """One target of a run, and what is done to it on purpose."""

    target: Target
    slowdown_percent: float = 0.0
    loaded: bool = False


@dataclass(frozen=True, kw_only=True)
class Session:
    """The tables of a run, with the columns of ``schema.SAMPLES`` and ``schema.CONDITIONS``."""

    samples: pd.DataFrame
    conditions: pd.DataFrame


def matching_cells(target: Target, patterns: Sequence[str], chosen: str, limit: int | None = None) -> list[Cell]:
    """The cells of a profile that match a pattern, with small payloads, and no more CPUs than the target has.

    With a limit at most so many, spread over all, in the plan's order.
    """
    found = [
        cell
        for cell in plan.cells(discover().values(), [target], profile(chosen))
        if any(fnmatchcase(cell.case_key, pattern) for pattern in patterns)
        and (dict(cell.values).get("payload_bytes") or 0) <= MAX_PAYLOAD_BYTES
        and (target.limit.cpus > 1 or "cross_cpu" not in dict(cell.values).values())
    ]
    count = len(found) if limit is None else min(limit, len(found))
    return [found[place * len(found) // count] for place in range(count)]


def run_session(
    setup: Setup,
    name: str,
    variants: Sequence[Variant],
    cells: Sequence[Cell],
    size: Size,
    *,
    runner: Runner | None = None,
) -> Session:
    """Measure the cells, whose targets are the variants', in the run folder NAME; its CSVs are written there too."""
    setup.say(f"{name}: {plural(len(cells), 'cell')}, {plural(size.rounds, 'round')}")
    state = State()
    remaining = Remaining(cells, size.rounds, size.budget_s, done={}, excluded=())
    with (
        RunFolder.create(setup.folder / name) as folder,
        contextlib.closing(progress_for(setup.console, remaining, quiet=False)) as progress,
    ):
        manifest = _manifest(setup, name, variants, cells, size)
        folder.write_manifest(manifest)
        Execution(
            folder=folder,
            cells=cells,
            targets={variant.target.id: variant.target for variant in variants},
            runners={"none": runner or setup.runner()},
            profile=replace(profile("quick"), rounds=size.rounds, max_rounds=size.rounds),
            budget_s=size.budget_s,
            seed=setup.seed,
            slowdown_percent=0.0,
            slowdowns={variant.target.id: variant.slowdown_percent for variant in variants},
            block_s=size.block_s or block_s(len(variants)),
            progress=progress,
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


def block_s(variants: int) -> float:
    """Seconds of a block with which two of so many variants are as far apart in time as the targets of a run of two.

    Two of n variants in random order are (n + 1) / 3 blocks apart on average.
    """
    return 3 * BLOCK_S / (variants + 1) if variants > 1 else BLOCK_S


def _manifest(setup: Setup, name: str, variants: Sequence[Variant], cells: Sequence[Cell], size: Size) -> Manifest:
    return structs.replace(
        new_manifest(
            f"selfcheck-{name}",
            dt.datetime.now(dt.UTC),
            host=host(),
            targets=[variant.target for variant in variants],
            cells=cells,
            profile="selfcheck",
            seed=setup.seed,
        ),
        rounds=RoundsRecord(rounds=size.rounds, max_rounds=size.rounds, precision=0.0),
        slowdowns_percent={variant.target.id: variant.slowdown_percent for variant in variants},
        loaded_on_purpose=tuple(variant.target.id for variant in variants if variant.loaded),
    )
