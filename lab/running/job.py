"""The main job: survey, plan, images, run, derive. ``lab plan`` is its first half."""

from __future__ import annotations

import contextlib
import datetime as dt
import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, cast

from msgspec import UNSET
from msgspec.structs import replace

from lab.comparisons.noise import last
from lab.errors import BadFiles, Interrupted, NothingToRunOn, UsageError
from lab.model import Manifest, Reproduced, WallSplit
from lab.planning import baseline
from lab.planning.baseline import Before
from lab.planning.plan import Options, Planned, make_plan
from lab.planning.profiles import profile
from lab.planning.survey import EngineChoice, Wanted, survey
from lab.running.execution import Execution, Split
from lab.running.runners import described, runners_for
from lab.running.state import State, restore
from lab.runs.folder import DEFAULT_RUNS, RunFolder
from lab.runs.manifest import first_manifest, host
from lab.targets.stage import agent_hash

if TYPE_CHECKING:
    from rich.console import Console

    from lab.report.building import Report


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of a run."""

    folder: RunFolder
    report: Report
    failed: tuple[str, ...]
    split: WallSplit


@dataclass(kw_only=True)
class Say:
    """Lines to the user before the bar is there; kept for the manifest."""

    console: Console
    quiet: bool
    told: list[str] = field(default_factory=list)

    def __call__(self, text: str) -> None:
        """Tell one line."""
        self.told.append(text)
        if not self.quiet:
            self.console.print(text, markup=False, highlight=False, soft_wrap=True)


def run(options: Options, console: Console) -> Outcome:
    """Carry out a new run."""
    from lab.claims import joined_scenarios

    say = Say(console=console, quiet=options.quiet)
    return carry_out(options, make_plan(options, say, joined_scenarios), say)


def carry_out(
    options: Options,
    planned: Planned,
    say: Say,
    *,
    loops: Mapping[str, Mapping[str, int]] | None = None,
    origin: Reproduced | None = None,
) -> Outcome:
    """Carry out a plan as a new run.

    Args:
        options: where it goes, its seed and its budget.
        planned: its cells and what they run on.
        say: takes lines to the user.
        loops: cell -> operation -> loops, where they are known; what is not in it is calibrated.
        origin: of which run it is the reproduction, for the manifest.
    """
    now = dt.datetime.now(dt.UTC)
    run_id = f"{now:%Y%m%d-%H%M%S}-{options.profile}-{options.seed}"
    with RunFolder.create(options.out or DEFAULT_RUNS / run_id) as folder:
        machine = host()
        kept = last(machine.machine)
        manifest = first_manifest(
            run_id, options, planned, now, machine=machine, selfcheck=kept.entry() if kept else None
        )
        if origin:
            manifest = replace(manifest, reproduces=origin)
        folder.write_manifest(manifest)
        try:
            return _carry_out(
                folder,
                manifest,
                planned,
                State(loops={cell: dict(known) for cell, known in (loops or {}).items()}),
                say,
            )
        except NothingToRunOn:
            folder.discard_unmeasured()
            raise


def resume(path: Path, console: Console, *, quiet: bool) -> Outcome:
    """Go on with a run whose folder is there: finished cells stay, plan, seed and loops are its own.

    Raises:
        BadFiles: the folder is no run, or the lab has changed since.
    """
    say = Say(console=console, quiet=quiet)
    with RunFolder.existing(path) as folder:
        manifest = folder.manifest()
        if manifest.merged_from is not UNSET:
            raise UsageError(f"{path} was merged from other runs; go on with those, then merge them again")
        if manifest.agent_hash != agent_hash():
            raise BadFiles(
                f"{path} was begun with another agent ({manifest.agent_hash}); two agents' samples do not mix: "
                "start a new run"
            )
        for name in ("profile", "budget_s", "seed", "inject_slowdown_percent"):
            if getattr(manifest, name) is None:
                raise BadFiles(f"{path} cannot be resumed, for its manifest has no {name}; start a new run")
        planned = plan_of(manifest, say)
        _refuse_another_before(path, manifest, planned.matrix.before)
        state = restore(folder, planned.cells, {target.id: target for target in planned.targets})
        return _carry_out(folder, manifest, planned, state, say)


def _refuse_another_before(path: Path, manifest: Manifest, was: Before) -> None:
    """The checkout that a run is measured beside must be what it was when the run began."""
    begun = {record.agent_hash for record in manifest.targets if record.before and record.agent_hash}
    if was and begun - {was.agent}:
        raise BadFiles(f"{path} was begun beside another agent ({', '.join(begun)}) than {was.agent}: start a new run")


def plan_of(manifest: Manifest, say: Callable[[str], None]) -> Planned:
    """The plan that a manifest holds, with what this machine has to carry it out."""
    engines = {record.engine for record in manifest.targets} - {"none"}
    options = manifest.options
    wanted = Wanted(
        engine=cast("EngineChoice", next(iter(engines), "none")),
        images=options.images,
        given=options.given,
        registry=options.registry,
        before=baseline.parse(options.before),
    )
    chosen = profile(manifest.profile or "")
    targets = tuple(record.target for record in manifest.targets)
    cells = tuple(record.cell for record in manifest.cells)
    return Planned(profile=chosen, matrix=survey(wanted, chosen, say), targets=targets, cells=cells)


def _carry_out(folder: RunFolder, manifest: Manifest, planned: Planned, state: State, say: Say) -> Outcome:
    from lab.running.eta import Remaining
    from lab.running.progress import progress_for

    split = Split()
    runners = runners_for(manifest.run_id, planned, say)
    manifest = described(manifest, planned, runners)
    folder.write_manifest(manifest)
    rounds, budget_s = planned.profile.rounds, manifest.budget_s or planned.profile.budget_s
    remaining = Remaining(planned.cells, rounds, budget_s, done=state.done, over=state.over)
    progress = progress_for(say.console, remaining, quiet=say.quiet)
    execution = Execution(
        folder=folder,
        cells=planned.cells,
        targets={target.id: target for target in planned.targets},
        runners=runners,
        profile=planned.profile,
        budget_s=budget_s,
        seed=manifest.seed or 0,
        slowdown_percent=manifest.inject_slowdown_percent or 0.0,
        progress=progress,
        state=state,
        split=split,
    )
    began = time.monotonic()
    signal.signal(signal.SIGTERM, _stop)
    try:
        manifest = replace(manifest, rounds_done=execution.run())
    except KeyboardInterrupt:
        raise Interrupted(
            f"stopped; what had finished is kept. Go on with: python -m lab run --resume {folder.path}"
        ) from None
    finally:
        progress.close()
        for runner in runners.values():  # an interrupt may come between a container's creation and its context
            with contextlib.suppress(Exception):
                runner.remove_leftovers(manifest.run_id)
        spent = split.seconds(time.monotonic() - began)
        manifest = replace(
            manifest.with_facts(state.facts),
            loops={cell: loops for cell, loops in state.loops.items() if loops},
            split=spent,
            finished=dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
            notes=tuple(say.told),
        )
        folder.write_manifest(manifest)
    report = finish(folder)
    return Outcome(folder=folder, report=report, failed=tuple(sorted(state.failed)), split=spent)


def finish(folder: RunFolder) -> Report:
    """Derive all that can be derived."""
    from lab.comparisons.findings import of_folder
    from lab.pipeline import derive_all
    from lab.tables.read import read_once

    try:
        read = [read_once(folder)]
        folder.write_manifest(replace(folder.manifest(), unfinished_attempts=read[0].unfinished))
        report = derive_all(folder, read.pop())  # it has no name here, so that it can be given up there
    except KeyboardInterrupt:
        raise Interrupted(
            f"stopped while the report was made; every cell has ended. Make it with: python -m lab report {folder.path}"
        ) from None
    folder.write_manifest(replace(folder.manifest(), findings=of_folder(folder)))
    return report


def _stop(_signal: int, _frame: object) -> None:
    """SIGTERM is Ctrl-C by other means."""
    raise KeyboardInterrupt
