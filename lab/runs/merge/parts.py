"""The runs that are to be merged: whether they belong together, and which of them share a machine's targets."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from msgspec import UNSET

from lab.errors import BadFiles
from lab.model import MachineId, Manifest
from lab.runs.folder import RAW, RunFolder

SAME_EVERYWHERE = {
    "agent_hash": "the agent",
    "inject_slowdown_percent": "the slowdown on purpose",
}
SAME_IN_SHARDS = {
    "profile": "the profile",
    "seed": "the seed",
    "plan_hash": "the plan",
}


Place = tuple[MachineId, str]


@dataclass(frozen=True, kw_only=True)
class Part:
    """One run that is merged. ``raw`` maps each of its raw files to the target that the file names."""

    path: Path
    manifest: Manifest
    raw: dict[str, str]

    @property
    def run_id(self) -> str:
        """The run's own id."""
        return self.manifest.run_id

    @property
    def shard(self) -> tuple[int, int] | None:
        """(2, 3) for shard 2/3 of a plan; None for a run of a whole plan."""
        return self.manifest.options.shard

    @property
    def host(self) -> str:
        """The label of the machine."""
        return self.manifest.host.label

    @property
    def place(self) -> Place:
        """Parts of one place share their targets: shards of one plan on one machine, else the run alone."""
        return self.manifest.host.machine, (self.manifest.plan_hash or "") if self.shard else self.run_id


def read_part(path: Path) -> Part:
    """One run.

    Raises:
        BadFiles: it is none, or was merged itself.
    """
    folder = RunFolder.existing(path)
    manifest = folder.manifest()
    if manifest.merged_from is not UNSET:
        raise BadFiles(f"{path} was merged itself; name the runs that it was merged from")
    if not (path / RAW).is_dir():
        raise BadFiles(f"{path} has no raw files, from which all else is made; merge the whole run folder")
    raw = {file.name: _target_of(file) for file in sorted((path / RAW).glob("*.jsonl"))}
    return Part(path=path, manifest=manifest, raw=raw)


def _target_of(path: Path) -> str:
    """The target that a raw file's first line names; empty where that line was torn off."""
    try:
        with path.open(encoding="utf-8") as file:
            return str(json.loads(file.readline())["target"])
    except (ValueError, KeyError, TypeError):
        return ""


def accepted(parts: Sequence[Part]) -> tuple[list[Part], list[str]]:
    """The parts in the order of machines and shards, the same run only once, and notes about what was left out.

    Raises:
        BadFiles: they do not belong together.
    """
    once: dict[tuple[str, str, str], Part] = {}
    notes = []
    for part in parts:
        known = once.setdefault((part.run_id, str(part.manifest.created), part.host), part)
        if known is not part:
            if known.raw != part.raw:
                raise BadFiles(
                    f"{known.path} and {part.path} are one run ({part.run_id}) with different raw files; "
                    "merge the complete one"
                )
            notes.append(f"{part.path.name} is the run {part.run_id}, which was given twice; it counts once")
    found = list(once.values())
    _refuse_differing(found, SAME_EVERYWHERE)
    for shards in _plans(found):
        _refuse_differing(shards, SAME_IN_SHARDS)
        _refuse_other_counts(shards)
        _refuse_twice(shards)
    return sorted(found, key=lambda part: (_kind(part), part.shard or (0, 0), part.run_id)), notes


def _plans(parts: Sequence[Part]) -> Iterator[list[Part]]:
    """The shards by system and architecture: those of one kind of machine are shards of one plan."""

    def kind(part: Part) -> tuple[str, ...]:
        return _kind(part)[1:]

    for _, found in itertools.groupby(sorted((part for part in parts if part.shard), key=kind), kind):
        yield list(found)


def _kind(part: Part) -> tuple[str, ...]:
    """Label, system and architecture of its machine, to sort by."""
    machine = part.manifest.host.machine
    return machine.label or "", machine.os or "", machine.arch or ""


def _refuse_differing(parts: Sequence[Part], fields: dict[str, str]) -> None:
    for field, words in fields.items():
        for part in parts[1:]:
            one, other = getattr(parts[0].manifest, field), getattr(part.manifest, field)
            if one != other:
                raise BadFiles(
                    f"{parts[0].path} and {part.path} do not belong together: {words} differs ({one} and {other}); "
                    "merge runs of one lab, and shards of one plan and seed"
                )


def _refuse_other_counts(shards: Sequence[Part]) -> None:
    for part in shards[1:]:
        if part.shard and shards[0].shard and part.shard[1] != shards[0].shard[1]:
            raise BadFiles(
                f"{shards[0].path} is shard {name(shards[0])} and {part.path} is shard {name(part)}: "
                "merge shards of one number"
            )


def _refuse_twice(shards: Sequence[Part]) -> None:
    seen: dict[tuple[int, int] | None, Part] = {}
    for part in shards:
        known = seen.setdefault(part.shard, part)
        if known is not part:
            raise BadFiles(f"{known.path} and {part.path} are both shard {name(part)} of one plan; merge one of them")


def name(part: Part) -> str:
    """``2/3``."""
    return "/".join(map(str, part.shard or ()))
