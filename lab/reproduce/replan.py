"""The plan of a manifest, cut down to what this machine can have."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from lab.errors import NothingToRunOn
from lab.model import Cell, Target
from lab.planning.plan import Planned
from lab.planning.profiles import Profile, profile
from lab.planning.survey import Matrix, Wanted, survey
from lab.runs.manifest import cell_from, target_from
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
    loops: dict[str, dict[str, int]]
    targets: dict[str, str]
    skipped: dict[str, str]


def again(manifest: dict[str, Any], say: Say) -> Again:
    """What of the manifest's plan can be run here, with its loops.

    Raises:
        NothingToRunOn: nothing of it; the message says why.
    """
    entries = manifest["targets"]
    wanted = wanted_of(manifest, say)
    chosen = recorded_profile(manifest)
    matrix = survey(wanted, chosen, say)
    skipped = {entry["id"]: reason for entry in entries if (reason := why_not(entry, matrix))}
    for target, reason in skipped.items():
        say(f"{target} is left out: {reason}")
    mine = {entry["id"]: _here(entry, matrix) for entry in entries if entry["id"] not in skipped}
    if not mine:
        raise NothingToRunOn(f"no target of the run can be had here: {'; '.join(dict.fromkeys(skipped.values()))}")
    cells: dict[str, Cell] = {}
    loops: dict[str, dict[str, int]] = {}
    for entry in manifest["cells"]:
        if entry["target"] in mine and not entry.get("missing"):
            cell = replace(cell_from(entry), target=mine[entry["target"]].id)
            if cells.setdefault(cell.id, cell) is cell and entry["id"] in manifest.get("loops", {}):
                loops[cell.id] = manifest["loops"][entry["id"]]
    targets = {target.id: target for target in mine.values()}
    planned = Planned(profile=chosen, matrix=matrix, targets=tuple(targets.values()), cells=tuple(cells.values()))
    ours = {theirs: target.id for theirs, target in mine.items()}
    return Again(planned=planned, wanted=wanted, loops=loops, targets=ours, skipped=skipped)


def wanted_of(manifest: dict[str, Any], say: Say) -> Wanted:
    """Images by digest where they came from a registry; packed ones are the same version's interpreter here."""
    containers = [entry for entry in manifest["targets"] if entry["engine"] != "none"]
    given = dict(manifest["options"]["given"])
    packed = set()
    for entry in containers:
        image = entry.get("image") or {}
        if image.get("source") == "registry":
            given[entry["key"]] = f"{split_reference(image['base_reference'])[0]}@{image['base_digest']}"
        elif image.get("source") == "host":
            packed.add(entry["key"])
    if packed:
        say(
            f"the images of Python {', '.join(sorted(packed))} were packed from that machine's interpreters and are in "
            "no registry: the same versions' images of this machine stand for them"
        )
    return Wanted(engine="auto" if containers else "none", given=given, registry=manifest["options"]["registry"])


def recorded_profile(manifest: dict[str, Any]) -> Profile:
    """The rounds as the manifest says, those that were done where it does not; the rest of a profile is not needed."""
    rounds = manifest.get("rounds")
    if rounds is None:
        return profile(manifest["profile"])
    return Profile(
        name=manifest["profile"] or "several",
        rounds=rounds["rounds"],
        max_rounds=rounds["max_rounds"],
        precision=rounds["precision"],
        budget_s=manifest["budget_s"],
        python="all",
        cpus=("1",),
        native=("1",),
        quota_python="newest",
    )


def why_not(entry: dict[str, Any], matrix: Matrix) -> str:
    """Why this machine has no such target; empty where it has."""
    if entry.get("before"):
        return "it was measured as it was before a change, which a manifest does not hold"
    if (entry.get("facts") or {}).get("wine"):
        return "it ran under Wine"
    return _why_not_native(entry, matrix) if entry["engine"] == "none" else _why_not_container(entry, matrix)


def _why_not_native(entry: dict[str, Any], matrix: Matrix) -> str:
    count = len(allowed_cpus())
    if entry["os"] != host_os():
        return f"it is native on {entry['os']}, this machine is {host_os()}"
    if entry["key"] not in matrix.interpreters:
        return f"there is no Python {entry['key']} here"
    if entry["cpu_mode"] == "affinity" and not can_pin():
        return "this system cannot bind a process to CPUs"
    if entry["cpu_mode"] == "quota" and why_no_quota():
        return f"it had a quota: {why_no_quota()}"
    if entry["cpu_mode"] in ("none", "quota") and entry["cpus_visible"] != count:
        return f"it had {plural(entry['cpus_visible'], 'CPU')} in sight; here are {count}"
    return f"it needs {entry['cpus_requested']:g} CPUs; here are {count}" if entry["cpus_requested"] > count else ""


def _why_not_container(entry: dict[str, Any], matrix: Matrix) -> str:
    if not (matrix.engine and matrix.images):
        return "no container engine answers here"
    if entry["os"] != (matrix.engine.os or "linux"):
        return f"it is a container of {entry['os']}"
    if entry["key"] not in matrix.images.available():
        return f"there is no image of Python {entry['key']} to be had here"
    if entry["cpus_requested"] > matrix.engine.cpus:
        return f"it needs {entry['cpus_requested']:g} CPUs; the engine has {matrix.engine.cpus}"
    if entry["cpu_mode"] == "quota" and entry["cpus_visible"] != matrix.engine.cpus:
        return f"its quota was on {entry['cpus_visible']} CPUs; the engine has {matrix.engine.cpus}"
    return ""


def _here(entry: dict[str, Any], matrix: Matrix) -> Target:
    """The target as it is here: under its plain id, on this machine's engine."""
    found = target_from({**entry, "id": entry.get("plain_id", entry["id"])})
    return found if found.engine == "none" or not matrix.engine else replace(found, engine=matrix.engine.name)
