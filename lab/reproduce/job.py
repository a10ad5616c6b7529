"""From a run as it is given (folder, archive or manifest alone) to judged findings."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lab.comparisons.differences import Difference, differences
from lab.comparisons.findings import Finding, of_folder, of_manifest
from lab.errors import UsageError
from lab.planning.plan import Options
from lab.reproduce import pages
from lab.reproduce.judge import Judgement, judge
from lab.reproduce.replan import again
from lab.reproduce.source import is_manifest, manifest_alone
from lab.running.job import Say, carry_out
from lab.runs.archive import opened
from lab.runs.folder import RunFolder

if TYPE_CHECKING:
    from rich.console import Console


@dataclass(frozen=True, kw_only=True)
class Given:
    """A run as it was given: its manifest and what it found."""

    manifest: dict[str, Any]
    findings: tuple[Finding, ...]


@dataclass(frozen=True, kw_only=True)
class Reproduction:
    """The judged findings, what differs, what was left out, and the folder that it is written to."""

    folder: Path
    judged: tuple[Judgement, ...]
    differs: tuple[Difference, ...]
    skipped: dict[str, str]
    failed: tuple[str, ...] = ()


def given_run(path: Path) -> Given:
    """Read a run folder, an archive of one, or a manifest alone.

    Raises:
        BadFiles: it is none of these, or holds no findings.
    """
    if is_manifest(path):
        manifest = manifest_alone(path)
        return Given(manifest=manifest, findings=of_manifest(manifest, path))
    with opened(path) as folder:
        return Given(manifest=RunFolder.existing(folder).manifest("targets", "cells"), findings=of_folder(folder))


def run_again(path: Path, console: Console, *, out: Path | None, budget_s: float | None, quiet: bool) -> Reproduction:
    """Run the plan of a run here, and judge its findings.

    Raises:
        BadFiles: it is no run.
        NothingToRunOn: this machine can have none of its targets.
    """
    theirs = given_run(path)
    say = Say(console=console, quiet=quiet)
    plan = again(theirs.manifest, say)
    options = Options(
        profile=plan.planned.profile.name,
        wanted=plan.wanted,
        seed=theirs.manifest["seed"] or 0,
        budget_s=budget_s or theirs.manifest["budget_s"],
        out=out,
        quiet=quiet,
        command=f"python -m lab reproduce {path.name}",
    )
    origin = {
        "run_id": theirs.manifest["run_id"],
        "host": theirs.manifest["host"]["label"],
        "targets": plan.targets,
        "skipped": plan.skipped,
    }
    outcome = carry_out(options, plan.planned, say, loops=plan.loops, origin=origin)
    return _judged(
        theirs,
        given_run(outcome.folder),
        outcome.folder,
        targets=plan.targets,
        skipped=plan.skipped,
        failed=outcome.failed,
    )


def judge_existing(path: Path, other: Path, out: Path | None) -> Reproduction:
    """Judge the findings of one run by another that is there.

    Raises:
        BadFiles: one of them is no run.
        UsageError: the other is no folder, and ``out`` is not given.
    """
    theirs, ours = given_run(path), given_run(other)
    folder = out or other
    if not folder.is_dir():
        if out is None:
            raise UsageError(f"{other} is no folder that reproduce.csv could go to; say where with --out")
        folder.mkdir(parents=True)
    targets = paired_targets(theirs.manifest, ours.manifest)
    skipped = {
        entry["id"]: f"{other.name} has no such target"
        for entry in theirs.manifest["targets"]
        if entry["id"] not in targets
    }
    return _judged(theirs, ours, folder, targets=targets, skipped=skipped)


def paired_targets(theirs: Mapping[str, Any], ours: Mapping[str, Any]) -> dict[str, str]:
    """Their target -> the one of ours that is the same but for its machine."""
    here = {entry.get("plain_id", entry["id"]): entry["id"] for entry in ours["targets"]}
    plain = {entry["id"]: entry.get("plain_id", entry["id"]) for entry in theirs["targets"]}
    return {target: here[name] for target, name in plain.items() if name in here}


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
