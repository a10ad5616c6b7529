"""Carry out the plan of a run again, and judge its findings by the new run."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lab.comparisons.differences import Difference, differences
from lab.comparisons.findings import of_folder, of_manifest
from lab.errors import UsageError
from lab.model import Finding, Manifest, Reproduced
from lab.planning.plan import Options
from lab.reproduce import pages
from lab.reproduce.judge import MARGIN, Judgement, judge
from lab.reproduce.replan import replan
from lab.reproduce.source import Source
from lab.running.job import Say, carry_out

if TYPE_CHECKING:
    from rich.console import Console


@dataclass(frozen=True, kw_only=True)
class Reproduction:
    """The result of reproducing a run.

    Attributes:
        folder: where reproduce.csv and reproduce.md are written.
        judged: the findings of the original run with their verdicts.
        margin: by which share a ratio may differ and still be reproduced.
        differs: what differs between the machines and labs of the two runs.
        skipped: target of the original run -> why this machine does not have it.
        failed: ids of cells that failed in the new run.
    """

    folder: Path
    judged: tuple[Judgement, ...]
    margin: float
    differs: tuple[Difference, ...]
    skipped: dict[str, str]
    failed: tuple[str, ...] = ()


def findings(source: Source) -> tuple[Finding, ...]:
    """Read the findings of a run folder, an archive, or a manifest alone.

    Raises:
        BadFiles: the source has no findings.
    """
    return of_folder(source.folder) if source.folder else of_manifest(source.manifest, source.path)


def run_again(
    source: Source,
    console: Console,
    *,
    out: Path | None,
    budget_s: float | None,
    quiet: bool,
    margin: float = MARGIN,
) -> Reproduction:
    """Carry out the plan of a run on this machine, and judge its findings.

    Raises:
        BadFiles: the source has no findings.
        NothingToRunOn: this machine has none of the run's targets.
    """
    manifest, theirs = source.manifest, findings(source)
    say = Say(console=console, quiet=quiet)
    plan = replan(manifest, say)
    options = Options(
        profile=plan.planned.profile.name,
        wanted=plan.wanted,
        seed=manifest.seed or 0,
        budget_s=budget_s or manifest.budget_s,
        out=out,
        quiet=quiet,
        command=f"python -m lab reproduce {source.path.name}",
    )
    origin = Reproduced(run_id=manifest.run_id, host=manifest.host.label, targets=plan.targets, skipped=plan.skipped)
    planned = dataclasses.replace(plan.planned, budget_s=options.budget_s or plan.planned.budget_s)
    outcome = carry_out(options, planned, say, loops=plan.loops, origin=origin)
    measured = Source(path=outcome.folder.path, manifest=outcome.folder.manifest(), folder=outcome.folder)
    judged = judge(theirs, findings(measured), plan.targets, plan.skipped, margin)
    return _written(source, measured, judged, measured.path, margin, skipped=plan.skipped, failed=outcome.failed)


def judge_existing(source: Source, other: Source, out: Path | None, margin: float = MARGIN) -> Reproduction:
    """Judge the findings of one run by those of another existing run.

    Raises:
        BadFiles: one of the runs has no findings.
        UsageError: the other run is not a folder, and ``out`` is None.
    """
    theirs, ours = findings(source), findings(other)
    folder = out or other.path
    if not folder.is_dir():
        if out is None:
            raise UsageError(f"{other.path} is not a folder to write reproduce.csv into; choose a folder with --out")
        folder.mkdir(parents=True)
    targets = paired_targets(source.manifest, other.manifest)
    skipped = {
        record.id: f"{other.path.name} has no such target"
        for record in source.manifest.targets
        if record.id not in targets
    }
    return _written(source, other, judge(theirs, ours, targets, skipped, margin), folder, margin, skipped=skipped)


def paired_targets(theirs: Manifest, ours: Manifest) -> dict[str, str]:
    """Target of their run -> the target of ours with the same id, apart from the labels of merged runs."""
    here = {record.unmerged_id: record.id for record in ours.targets}
    return {record.id: here[record.unmerged_id] for record in theirs.targets if record.unmerged_id in here}


def _written(
    theirs: Source,
    ours: Source,
    judged: tuple[Judgement, ...],
    folder: Path,
    margin: float,
    *,
    skipped: dict[str, str],
    failed: tuple[str, ...] = (),
) -> Reproduction:
    differs = differences(theirs.manifest, ours.manifest)
    pages.write(folder, pages.page(theirs.manifest, ours.manifest, judged, differs, skipped, margin=margin), judged)
    return Reproduction(folder=folder, judged=judged, margin=margin, differs=differs, skipped=skipped, failed=failed)


def as_object(found: Reproduction) -> dict[str, object]:
    """The object of ``--json``: folder, margin, counts, differences, skipped targets and findings."""
    return {
        "folder": str(found.folder),
        "margin": found.margin,
        "counts": pages.counts(found.judged),
        "differences": [
            {"name": item.name, "theirs": item.base, "ours": item.new, "kind": item.kind} for item in found.differs
        ],
        "skipped": found.skipped,
        "rows": pages.rows(found.judged),
    }
