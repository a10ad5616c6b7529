"""Reduce the plan of a manifest to the targets that this machine has."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import assert_never

from msgspec.structs import replace

from lab.errors import NothingToRunOn
from lab.model import Cell, Manifest, Target, TargetRecord
from lab.planning.budget import Layout
from lab.planning.limits import parse_limit
from lab.planning.plan import Planned
from lab.planning.profiles import Profile, profile
from lab.planning.survey import Matrix, Wanted, survey
from lab.targets.images.registry import split_reference
from lab.targets.interpreters import host_os
from lab.targets.native import allowed_cpus, can_pin
from lab.targets.quota import quota_as_found, why_no_quota
from lab.text import plural

Say = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Replan:
    """A plan to carry out again.

    ``targets`` maps targets of the original run to those here, ``skipped`` maps the others to the reason. ``loops``
    maps cell id -> operation -> loops per batch.
    """

    planned: Planned
    wanted: Wanted
    loops: Mapping[str, Mapping[str, int]]
    targets: dict[str, str]
    skipped: dict[str, str]


def replan(manifest: Manifest, say: Say) -> Replan:
    """The part of a manifest's plan that this machine can run, with its loops.

    Raises:
        NothingToRunOn: this machine has none of the targets; the message has the reasons.
    """
    wanted = recorded_wanted(manifest, say)
    chosen = recorded_profile(manifest)
    matrix = survey(wanted, chosen, say)
    skipped = {record.id: reason for record in manifest.targets if (reason := exclusion_reason(record, matrix))}
    for target, reason in skipped.items():
        say(f"{target} is left out: {reason}")
    mine = {record.id: _here(record, matrix) for record in manifest.targets if record.id not in skipped}
    if not mine:
        raise NothingToRunOn(
            f"no target of the run is available on this machine: {'; '.join(dict.fromkeys(skipped.values()))}; "
            "provide one of them and retry"
        )
    cells: dict[str, Cell] = {}
    loops: dict[str, Mapping[str, int]] = {}
    for record in manifest.cells:
        if record.target in mine and not record.missing:
            cell = replace(record.cell, target=mine[record.target].id)
            if cells.setdefault(cell.id, cell) is cell and record.id in manifest.loops:
                loops[cell.id] = manifest.loops[record.id]
    targets = {target.id: target for target in mine.values()}
    planned = Planned(
        profile=chosen,
        matrix=matrix,
        targets=tuple(targets.values()),
        cells=tuple(cells.values()),
        layout=Layout(rounds=chosen.rounds, processes=manifest.processes or {}),
        budget_s=chosen.budget_s,
    )
    ours = {theirs: target.id for theirs, target in mine.items()}
    return Replan(planned=planned, wanted=wanted, loops=loops, targets=ours, skipped=skipped)


def recorded_wanted(manifest: Manifest, say: Say) -> Wanted:
    """What to search for on this machine.

    Images from a registry are requested by their digest. Images that were packed from interpreters cannot be obtained;
    the images of the same versions on this machine replace them.
    """
    containers = [record for record in manifest.targets if not record.is_native]
    user_images = dict(manifest.options.user_images)
    packed = set()
    for record in containers:
        image = record.image
        if image and image.source == "registry" and image.base_reference:
            user_images[record.key] = f"{split_reference(image.base_reference)[0]}@{image.base_digest}"
        elif image and image.source == "host":
            packed.add(record.key)
    if packed:
        say(
            f"the images of Python {', '.join(sorted(packed))} were packed from interpreters of that machine and are "
            "not in a registry; images of the same versions on this machine replace them"
        )
    return Wanted(engine="auto" if containers else "none", user_images=user_images, registry=manifest.options.registry)


def recorded_profile(manifest: Manifest) -> Profile:
    """A profile with the manifest's rounds and budget; the other fields of a profile are not used for a fixed plan."""
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
        processes=max([1, *(manifest.processes or {}).values()]),
    )


def exclusion_reason(record: TargetRecord, matrix: Matrix) -> str:
    """Why this machine does not have a target; empty where it does."""
    if record.is_baseline:
        return "it is a baseline target, in the state before a change, which a manifest does not hold"
    if record.is_wine:
        return "it ran under Wine"
    return _why_not_native(record, matrix) if record.is_native else _why_not_container(record, matrix)


def _why_not_native(record: TargetRecord, matrix: Matrix) -> str:
    if record.os != host_os():
        return f"it runs natively on {record.os} and this machine has {host_os()}"
    if record.key not in matrix.interpreters:
        return f"Python {record.key} was not found on this machine"
    return _limit_reason(record) or (
        f"it needs {record.cpus_requested:g} CPUs and this machine has {len(allowed_cpus())}"
        if record.cpus_requested > len(allowed_cpus())
        else ""
    )


def _limit_reason(record: TargetRecord) -> str:
    """Why this system cannot apply a target's limit to a process; empty where it can."""
    found = quota_as_found(len(allowed_cpus()))
    if found and record.cpus_requested > found.cpus:
        return f"it needs {record.cpus_requested:g} CPUs, and a quota of {found.cpus:g} applies to this process"
    if record.target.limit.as_found and (found is None or found.cpus < record.cpus_requested):
        return f"a quota of {record.cpus_requested:g} CPUs applied to its process, and another or none to this one"
    match record.cpu_mode:
        case "affinity":
            return "" if can_pin() else "this system cannot pin a process to CPUs"
        case "quota":
            return f"it had a quota: {why_no_quota()}" if why_no_quota() else _visible_cpus_reason(record)
        case "none":
            return _visible_cpus_reason(record)
        case "cpuset":
            return "only a container can have a cpuset"
        case _:
            assert_never(record.cpu_mode)


def _visible_cpus_reason(record: TargetRecord) -> str:
    count = len(allowed_cpus())
    same = record.cpus_visible == count
    return "" if same else f"its programs saw {plural(record.cpus_visible, 'CPU')} and would see {count} here"


def _why_not_container(record: TargetRecord, matrix: Matrix) -> str:
    if not (matrix.engine and matrix.images):
        return "no container engine answers here"
    if record.os != (matrix.engine.os or "linux"):
        return f"it is a container of {record.os} and the engine here runs others"
    if record.key not in matrix.images.available():
        return f"an image of Python {record.key} is not available here"
    if record.cpus_requested > matrix.engine.cpus:
        return f"it needs {record.cpus_requested:g} CPUs and the engine has {matrix.engine.cpus}"
    if record.is_quota and record.cpus_visible != matrix.engine.cpus:
        return f"its quota was on {record.cpus_visible} CPUs and the engine has {matrix.engine.cpus}"
    return ""


def _here(record: TargetRecord, matrix: Matrix) -> Target:
    """The target for this machine: with its unmerged id, on this machine's engine."""
    found = replace(record.target, id=record.unmerged_id)
    return found if record.is_native or not matrix.engine else replace(found, engine=matrix.engine.name)
