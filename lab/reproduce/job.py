"""From a run as it is given (folder, archive or manifest alone) to judged findings."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lab.comparisons.differences import Difference, differences
from lab.comparisons.findings import of_folder, of_manifest
from lab.errors import UsageError
from lab.model import Finding, Manifest, Reproduced
from lab.planning.plan import Options
from lab.reproduce import pages
from lab.reproduce.judge import Judgement, judge
from lab.reproduce.replan import again
from lab.reproduce.source import Source
from lab.running.job import Say, carry_out

if TYPE_CHECKING:
    from rich.console import Console


@dataclass(frozen=True, kw_only=True)
class Given:
    """A run as it was given: its manifest and what it found."""

    manifest: Manifest
    findings: tuple[Finding, ...]

    @classmethod
    def read(cls, source: Source) -> Given:
        """The findings of a run folder or an archive, or those that a manifest alone holds.

        Raises:
            BadFiles: it holds no findings.
        """
        found = of_folder(source.folder) if source.folder else of_manifest(source.manifest, source.path)
        return cls(manifest=source.manifest, findings=found)


@dataclass(frozen=True, kw_only=True)
class Reproduction:
    """The judged findings, what differs, what was left out, and the folder that it is written to."""

    folder: Path
    judged: tuple[Judgement, ...]
    differs: tuple[Difference, ...]
    skipped: dict[str, str]
    failed: tuple[str, ...] = ()


def run_again(
    source: Source, console: Console, *, out: Path | None, budget_s: float | None, quiet: bool
) -> Reproduction:
    """Run the plan of a run here, and judge its findings.

    Raises:
        BadFiles: it holds no findings.
        NothingToRunOn: this machine can have none of its targets.
    """
    theirs = Given.read(source)
    say = Say(console=console, quiet=quiet)
    plan = again(theirs.manifest, say)
    options = Options(
        profile=plan.planned.profile.name,
        wanted=plan.wanted,
        seed=theirs.manifest.seed or 0,
        budget_s=budget_s or theirs.manifest.budget_s,
        out=out,
        quiet=quiet,
        command=f"python -m lab reproduce {source.path.name}",
    )
    origin = Reproduced(
        run_id=theirs.manifest.run_id, host=theirs.manifest.host.label, targets=plan.targets, skipped=plan.skipped
    )
    outcome = carry_out(options, plan.planned, say, loops=plan.loops, origin=origin)
    measured = Source(path=outcome.folder.path, manifest=outcome.folder.manifest(), folder=outcome.folder)
    ours = Given.read(measured)
    return _judged(theirs, ours, measured.path, targets=plan.targets, skipped=plan.skipped, failed=outcome.failed)


def judge_existing(source: Source, other: Source, out: Path | None) -> Reproduction:
    """Judge the findings of one run by another that is there.

    Raises:
        BadFiles: one of them holds no findings.
        UsageError: the other is no folder, and ``out`` is not given.
    """
    theirs, ours = Given.read(source), Given.read(other)
    folder = out or other.path
    if not folder.is_dir():
        if out is None:
            raise UsageError(f"{other.path} is no folder that reproduce.csv could go to; say where with --out")
        folder.mkdir(parents=True)
    targets = paired_targets(theirs.manifest, ours.manifest)
    skipped = {
        record.id: f"{other.path.name} has no such target"
        for record in theirs.manifest.targets
        if record.id not in targets
    }
    return _judged(theirs, ours, folder, targets=targets, skipped=skipped)


def paired_targets(theirs: Manifest, ours: Manifest) -> dict[str, str]:
    """Their target -> the one of ours that is the same but for its machine."""
    here = {record.unmerged_id: record.id for record in ours.targets}
    return {record.id: here[record.unmerged_id] for record in theirs.targets if record.unmerged_id in here}


def _judged(
    theirs: Given,
    ours: Given,
    folder: Path,
    *,
    targets: dict[str, str],
    skipped: dict[str, str],
    failed: tuple[str, ...] = (),
) -> Reproduction:
    judged = judge(theirs.findings, ours.findings, targets, skipped)
    differs = differences(theirs.manifest, ours.manifest)
    pages.write(folder, pages.page(theirs.manifest, ours.manifest, judged, differs, skipped), judged)
    return Reproduction(folder=folder, judged=judged, differs=differs, skipped=skipped, failed=failed)


def as_json(found: Reproduction) -> str:
    """The object of ``--json``."""
    return json.dumps(
        {
            "folder": str(found.folder),
            "counts": pages.counts(found.judged),
            "differences": [
                {"name": item.name, "theirs": item.base, "ours": item.new, "kind": item.kind} for item in found.differs
            ],
            "skipped": found.skipped,
            "rows": pages.rows(found.judged),
        },
        indent=1,
    )
