"""The plan of a manifest, cut down to what this machine can have."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import assert_never

from msgspec.structs import replace

from lab.errors import NothingToRunOn
from lab.model import Cell, Manifest, Target, TargetRecord
from lab.planning.limits import parse_limit
from lab.planning.plan import Planned
from lab.planning.profiles import Profile, profile
from lab.planning.survey import Matrix, Wanted, survey
from lab.targets.images.registry import split_reference
from lab.targets.interpreters import host_os
from lab.targets.native import allowed_cpus, can_pin
from lab.targets.quota import why_no_quota
from lab.text import plural

Say = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Again:
    """A plan to run again: ``targets`` maps theirs to ours, ``skipped`` says why one of theirs cannot be had here."""

    planned: Planned
    wanted: Wanted
    loops: Mapping[str, Mapping[str, int]]
    targets: dict[str, str]
    skipped: dict[str, str]


def again(manifest: Manifest, say: Say) -> Again:
    """What of the manifest's plan can be run here, with its loops.

    Raises:
        NothingToRunOn: nothing of it; the message says why.
    """
    wanted = wanted_of(manifest, say)
    chosen = recorded_profile(manifest)
    matrix = survey(wanted, chosen, say)
    skipped = {record.id: reason for record in manifest.targets if (reason := why_not(record, matrix))}
    for target, reason in skipped.items():
        say(f"{target} is left out: {reason}")
    mine = {record.id: _here(record, matrix) for record in manifest.targets if record.id not in skipped}
    if not mine:
        raise NothingToRunOn(f"no target of the run can be had here: {'; '.join(dict.fromkeys(skipped.values()))}")
    cells: dict[str, Cell] = {}
    loops: dict[str, Mapping[str, int]] = {}
    for record in manifest.cells:
        if record.target in mine and not record.missing:
            cell = replace(record.cell, target=mine[record.target].id)
            if cells.setdefault(cell.id, cell) is cell and record.id in manifest.loops:
                loops[cell.id] = manifest.loops[record.id]
    targets = {target.id: target for target in mine.values()}
    planned = Planned(profile=chosen, matrix=matrix, targets=tuple(targets.values()), cells=tuple(cells.values()))
    ours = {theirs: target.id for theirs, target in mine.items()}
    return Again(planned=planned, wanted=wanted, loops=loops, targets=ours, skipped=skipped)


def wanted_of(manifest: Manifest, say: Say) -> Wanted:
    """Images by digest where they came from a registry; packed ones are the same version's interpreter here."""
    containers = [record for record in manifest.targets if not record.is_native]
    given = dict(manifest.options.given)
    packed = set()
    for record in containers:
        image = record.image
        if image and image.source == "registry" and image.base_reference:
            given[record.key] = f"{split_reference(image.base_reference)[0]}@{image.base_digest}"
        elif image and image.source == "host":
            packed.add(record.key)
    if packed:
        say(
            f"the images of Python {', '.join(sorted(packed))} were packed from that machine's interpreters and are in "
            "no registry: the same versions' images of this machine stand for them"
        )
    return Wanted(engine="auto" if containers else "none", given=given, registry=manifest.options.registry)


def recorded_profile(manifest: Manifest) -> Profile:
    """The rounds as the manifest says, those that were done where it does not; the rest of a profile is not needed."""
    rounds = manifest.rounds
    if rounds is None:
        return profile(manifest.profile or "")
    return Profile(
        name=manifest.profile or "several",
        rounds=rounds.rounds,
        max_rounds=rounds.max_rounds,
        precision=rounds.precision,
        budget_s=manifest.budget_s or 0.0,
        python="all",
        cpus=(parse_limit("1"),),
        native=(parse_limit("1"),),
        quota_python="newest",
    )


def why_not(record: TargetRecord, matrix: Matrix) -> str:
    """Why this machine has no such target; empty where it has."""
    if record.before:
        return "it was measured as it was before a change, which a manifest does not hold"
    if record.is_wine:
        return "it ran under Wine"
    return _why_not_native(record, matrix) if record.is_native else _why_not_container(record, matrix)


def _why_not_native(record: TargetRecord, matrix: Matrix) -> str:
    if record.os != host_os():
        return f"it is native on {record.os}, this machine is {host_os()}"
    if record.key not in matrix.interpreters:
        return f"there is no Python {record.key} here"
    return _why_no_limit(record) or (
        f"it needs {record.cpus_requested:g} CPUs; here are {len(allowed_cpus())}"
        if record.cpus_requested > len(allowed_cpus())
        else ""
    )


def _why_no_limit(record: TargetRecord) -> str:
    """Why this system cannot limit a process so."""
    match record.cpu_mode:
        case "affinity":
            return "" if can_pin() else "this system cannot bind a process to CPUs"
        case "quota":
            return f"it had a quota: {why_no_quota()}" if why_no_quota() else _other_cpus_in_sight(record)
        case "none":
            return _other_cpus_in_sight(record)
        case "cpuset":
            return "a cpuset is for containers"
        case _:
            assert_never(record.cpu_mode)


def _other_cpus_in_sight(record: TargetRecord) -> str:
    count = len(allowed_cpus())
    same = record.cpus_visible == count
    return "" if same else f"it had {plural(record.cpus_visible, 'CPU')} in sight; here are {count}"


def _why_not_container(record: TargetRecord, matrix: Matrix) -> str:
    if not (matrix.engine and matrix.images):
        return "no container engine answers here"
    if record.os != (matrix.engine.os or "linux"):
        return f"it is a container of {record.os}"
    if record.key not in matrix.images.available():
        return f"there is no image of Python {record.key} to be had here"
    if record.cpus_requested > matrix.engine.cpus:
        return f"it needs {record.cpus_requested:g} CPUs; the engine has {matrix.engine.cpus}"
    if record.is_quota and record.cpus_visible != matrix.engine.cpus:
        return f"its quota was on {record.cpus_visible} CPUs; the engine has {matrix.engine.cpus}"
    return ""


def _here(record: TargetRecord, matrix: Matrix) -> Target:
    """The target as it is here: under its plain id, on this machine's engine."""
    found = replace(record.target, id=record.unmerged_id)
    return found if record.is_native or not matrix.engine else replace(found, engine=matrix.engine.name)
