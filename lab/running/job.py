"""The main job: plan, obtain images, run all rounds, and derive CSVs and report. Also resumes a run."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, cast

from msgspec import UNSET
from msgspec.structs import replace

from lab.agent.scenario import discover
from lab.comparisons.noise import last
from lab.errors import BadFiles, Interrupted, NothingToRunOn, UsageError
from lab.model import Cell, Host, Manifest, Reproduced, WallSplit
from lab.planning import baseline
from lab.planning.baseline import Baseline
from lab.planning.blocks import blocks
from lab.planning.budget import Layout
from lab.planning.contrasts import cell_roles
from lab.planning.plan import Options, Planned, make_plan
from lab.planning.profiles import profile
from lab.planning.survey import EngineChoice, Wanted, survey
from lab.running.execution import Execution, Split
from lab.running.runners import runners_for, with_run_details
from lab.running.state import State, remembered_loops, restore
from lab.runs.folder import DEFAULT_RUNS, RunFolder, new_run_id
from lab.runs.manifest import first_manifest, host, with_layout
from lab.targets.stage import agent_hash

if TYPE_CHECKING:
    from rich.console import Console

    from lab.report.building import Report


MACHINE_WORDS = {
    "label": "the machine's name",
    "os": "the operating system",
    "arch": "the architecture",
    "cpu_model": "the CPU",
    "cpus": "the number of CPUs",
}


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """The result of a run; ``failed`` has the ids of cells that failed or timed out."""

    folder: RunFolder
    report: Report
    failed: tuple[str, ...]
    split: WallSplit


@dataclass(kw_only=True)
class Say:
    """Shows lines to the user before the progress bar starts, and keeps them for the manifest's notes."""

    console: Console
    quiet: bool
    messages: list[str] = field(default_factory=list)

    def __call__(self, text: str) -> None:
        """Keep one line, and print it unless quiet."""
        self.messages.append(text)
        if not self.quiet:
            self.console.print(text, markup=False, highlight=False, soft_wrap=True)


def run(options: Options, console: Console) -> Outcome:
    """Make a plan and carry it out as a new run.

    Raises:
        NothingToRunOn: no target was found.
        UsageError: an option cannot be fulfilled here.
        Interrupted: the user stopped the run.
    """
    from lab.claims import claimed_cells

    say = Say(console=console, quiet=options.quiet)
    _stop_by_signals()  # from here on containers may run, for example those that are examined for the plan
    return carry_out(options, make_plan(options, say, claimed_cells), say)


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
        options: folder, seed and budget.
        planned: the plan.
        say: shows lines to the user.
        loops: cell id -> operation -> loops per batch, where they are known; others are calibrated.
        origin: the run that this one reproduces, if any, for the manifest.
    """
    now = dt.datetime.now(dt.UTC)
    _stop_by_signals()
    run_id = new_run_id(now, options.profile, options.seed)
    with RunFolder.create(options.out or DEFAULT_RUNS / run_id) as folder:
        machine = host()
        manifest = first_manifest(run_id, options, planned, now, machine=machine, selfcheck=last(machine.machine))
        if origin:
            manifest = replace(manifest, reproduces=origin)
        folder.write_manifest(manifest)
        try:
            return _carry_out(
                folder,
                manifest,
                planned,
                State(
                    loops={cell: dict(known) for cell, known in (loops or {}).items()},
                    guesses=remembered_loops(folder.path.parent, machine.machine),
                ),
                say,
            )
        except NothingToRunOn:
            folder.discard_unmeasured()
            raise


def resume(path: Path, console: Console, *, quiet: bool) -> Outcome:
    """Continue an interrupted run with its plan, seed and loops; finished cells are not measured again.

    Raises:
        BadFiles: the folder is not a run, or an agent has changed since the run began.
        UsageError: the run is a merged one.
    """
    say = Say(console=console, quiet=quiet)
    _stop_by_signals()
    with RunFolder.existing(path) as folder:
        manifest = folder.manifest()
        if manifest.merged_from is not UNSET:
            raise UsageError(f"{path} was merged from other runs; resume those, then merge them again")
        if manifest.agent_hash != agent_hash():
            raise BadFiles(
                f"{path} was begun with another agent ({manifest.agent_hash}), whose samples must not be mixed with "
                "those of this lab's agent; start a new run"
            )
        for name in ("profile", "budget_s", "seed", "inject_slowdown_percent"):
            if getattr(manifest, name) is None:
                raise BadFiles(f"{path} cannot be resumed because its manifest has no {name}; start a new run")
        planned = recorded_plan(manifest, say)
        _refuse_changed_baseline(path, manifest, planned.matrix.baseline)
        state = restore(folder, planned.cells, {target.id: target for target in planned.targets})
        _refuse(path, [*_other_machine(manifest.host, host()), *_other_interpreters(planned, state)])
        return _carry_out(folder, manifest, planned, state, say)


def _refuse_changed_baseline(path: Path, manifest: Manifest, now: Baseline) -> None:
    """Refuse to resume a run whose baseline agent has changed since it began.

    Raises:
        BadFiles: the hashes of the baseline agent differ.
    """
    begun = {record.agent_hash for record in manifest.targets if record.is_baseline and record.agent_hash}
    if now and begun - {now.agent_hash}:
        raise BadFiles(
            f"{path} was begun with another baseline agent ({', '.join(begun)}) than {now.agent_hash}; start a new run"
        )


def _refuse(path: Path, differences: Sequence[str]) -> None:
    """Refuse to resume a run whose samples would not all come from one place.

    Raises:
        BadFiles: something differs.
    """
    if differences:
        raise BadFiles(
            f"{path} cannot be resumed here, for its samples would come from two places: {'; '.join(differences)}; "
            "start a new run, or make its report from what it has: python -m lab report"
        )


def _other_machine(begun: Host, now: Host) -> Iterator[str]:
    """What differs between the machine that the run began on and this one."""
    for name in begun.machine.differing_fields(now.machine):
        yield f"{MACHINE_WORDS[name]} was {getattr(begun, name)} and is {getattr(now, name)}"
    if begun.kernel and now.kernel and begun.kernel != now.kernel:
        yield f"the kernel was {begun.kernel} and is {now.kernel}"


def _other_interpreters(planned: Planned, state: State) -> Iterator[str]:
    """The native targets that were measured with another patch version than the interpreter of this machine has."""
    for target in planned.targets:
        begun = state.facts.get(target.id, {}).get("python")
        found = planned.matrix.interpreters.get(target.key)
        if target.engine == "none" and begun and found and found.patch != begun and not target.is_baseline:
            yield f"{target.id} ran on Python {begun}, and this machine has {found.patch}"


def _other_images(manifest: Manifest, now: Manifest, state: State) -> Iterator[str]:
    """The targets that were measured in another image than they have now."""
    for begun, found in zip(manifest.targets, now.targets, strict=True):
        if begun.id in state.facts and begun.image and found.image and begun.image.image_id != found.image.image_id:
            yield f"{begun.id} ran in the image {begun.image.image_id}, and now has {found.image.image_id}"


def recorded_plan(manifest: Manifest, say: Callable[[str], None]) -> Planned:
    """The plan of a manifest, with the engine, images and interpreters of this machine."""
    engines = {record.engine for record in manifest.targets} - {"none"}
    options = manifest.options
    wanted = Wanted(
        engine=cast("EngineChoice", next(iter(engines), "none")),
        context=options.context or None,
        images=options.images,
        user_images=options.user_images,
        registry=options.registry,
        baseline=baseline.parse_baseline(options.baseline),
    )
    chosen = profile(manifest.profile or "")
    if manifest.rounds:
        chosen = dataclasses.replace(chosen, rounds=manifest.rounds.rounds, max_rounds=manifest.rounds.max_rounds)
    dropped = {record.id: record.missing for record in manifest.cells if record.missing}
    return Planned(
        profile=chosen,
        matrix=survey(wanted, chosen, say),
        targets=tuple(record.target for record in manifest.targets),
        cells=tuple(record.cell for record in manifest.cells),
        layout=Layout(rounds=chosen.rounds, dropped=dropped, processes=manifest.processes or {}),
        budget_s=manifest.budget_s or chosen.budget_s,
    )


def with_roles(planned: Planned, *, every_version: bool) -> Planned:
    """The plan with what its cells are needed for, by the declarations of this lab."""
    from lab.claims import claimed_cells

    claimed = claimed_cells(planned.cells, planned.targets)
    roles = cell_roles(
        planned.cells,
        planned.targets,
        discover(),
        claimed,
        every_version=every_version,
        newest_claims=planned.profile.claims == "newest",
    )
    return dataclasses.replace(planned, roles=roles)


def _carry_out(folder: RunFolder, manifest: Manifest, planned: Planned, state: State, say: Say) -> Outcome:
    from lab.running.eta import Remaining
    from lab.running.progress import progress_for

    split = Split()
    runners = runners_for(manifest.run_id, planned, say)
    detailed = with_run_details(manifest, planned, runners)
    _refuse(folder.path, list(_other_images(manifest, detailed, state)))
    manifest = detailed
    folder.write_manifest(manifest)
    if not planned.roles:
        planned = with_roles(planned, every_version=bool(manifest.options.pythons))
    excluded = state.excluded | set(planned.layout.dropped)
    remaining = Remaining(
        planned.cells,
        planned.profile.rounds,
        planned.budget_s,
        done=state.done,
        excluded=excluded,
        processes=occurrences([cell for cell in planned.cells if cell.id not in excluded], planned),
    )
    progress = progress_for(say.console, remaining, quiet=say.quiet)

    def corrected(layout: Layout) -> None:
        """Record what the first round changed, so that a resumed run and the time left keep to it."""
        nonlocal manifest
        carried = [cell for cell in planned.cells if cell.id not in state.excluded]
        late = {cell.id for cell in carried if cell.id in planned.layout.dropped}
        remaining.replan(occurrences(carried, dataclasses.replace(planned, layout=layout)), late)
        manifest = with_layout(manifest, layout)
        folder.write_manifest(manifest)

    def ended(number: int) -> None:
        """Record what the raw files of a round hold, so that a later loss is noticed."""
        nonlocal manifest
        known = dict(manifest.raw_files or {})
        manifest = replace(manifest, raw_files=known | folder.records(number))
        folder.write_manifest(manifest)

    execution = Execution(
        folder=folder,
        cells=planned.cells,
        targets={target.id: target for target in planned.targets},
        runners=runners,
        profile=planned.profile,
        budget_s=planned.budget_s,
        seed=manifest.seed or 0,
        slowdown_percent=manifest.inject_slowdown_percent or 0.0,
        progress=progress,
        state=state,
        split=split,
        roles=planned.roles,
        layout=planned.layout,
        ended=ended,
        corrected=corrected,
        processes=dict(planned.layout.processes),
    )
    began = time.monotonic()
    try:
        rounds = execution.run()
        manifest = replace(manifest, rounds_done=rounds)  # with what `ended` and `corrected` have recorded meanwhile
    except KeyboardInterrupt:
        raise Interrupted(
            f"stopped, and finished cells are kept; continue with: python -m lab run --resume {folder.path}"
        ) from None
    finally:
        progress.close()
        for runner in runners.values():  # an interrupt may arrive after a container is created and before its context
            with contextlib.suppress(Exception):
                runner.remove_leftovers(manifest.run_id, own=True)
        spent = split.seconds(time.monotonic() - began)
        manifest = replace(
            manifest.with_facts(state.facts),
            loops={cell: loops for cell, loops in state.loops.items() if loops},
            split=spent,
            finished=dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
            notes=tuple(say.messages),
        )
        folder.write_manifest(manifest)
    report = finish(folder)
    return Outcome(folder=folder, report=report, failed=tuple(sorted(state.failed)), split=spent)


def occurrences(cells: Sequence[Cell], planned: Planned) -> Counter[str]:
    """Cell id -> how often it is measured in a round: by several processes, and again as a baseline."""
    divided = blocks(cells, {}, random.Random(0), roles=planned.roles, processes=planned.layout.processes)  # noqa: S311 - any
    return Counter(cell.id for block in divided for cell in block)


def finish(folder: RunFolder) -> Report:
    """Derive the CSVs, figures and report of a run, and store its findings in the manifest.

    Raises:
        Interrupted: the user stopped the derivation.
    """
    from lab.comparisons.findings import of_folder
    from lab.pipeline import derive_all
    from lab.tables.read import read_tables

    try:
        read = [read_tables(folder)]
        folder.write_manifest(replace(folder.manifest(), unfinished_attempts=read[0].unfinished))
        report = derive_all(folder, read.pop())  # without a name here, so that it is freed as soon as it is used
    except KeyboardInterrupt:
        raise Interrupted(
            f"stopped while the report was made, and all cells have ended; make it with: "
            f"python -m lab report {folder.path}"
        ) from None
    folder.write_manifest(replace(folder.manifest(), findings=of_folder(folder)))
    return report


def _stop_by_signals() -> None:
    """Let SIGTERM and SIGHUP (a closed terminal) stop like Ctrl-C; a SIGHUP that nohup ignores stays ignored."""
    signal.signal(signal.SIGTERM, _stop)
    hang_up = getattr(signal, "SIGHUP", None)  # Windows has none
    if hang_up is not None and signal.getsignal(hang_up) is not signal.SIG_IGN:
        signal.signal(hang_up, _stop)


def _stop(_signal: int, _frame: object) -> None:
    """Handle a signal like Ctrl-C."""
    raise KeyboardInterrupt
