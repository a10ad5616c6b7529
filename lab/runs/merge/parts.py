"""Read the runs to merge, check that they belong together, and group those that share targets."""

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


MergeGroup = tuple[MachineId, str]


@dataclass(frozen=True, kw_only=True)
class Part:
    """One run to merge. ``raw`` maps the names of its raw files to the targets that the files name."""

    path: Path
    manifest: Manifest
    raw: dict[str, str]

    @property
    def run_id(self) -> str:
        """The run's id before merging."""
        return self.manifest.run_id

    @property
    def shard(self) -> tuple[int, int] | None:
        """(2, 3) for shard 2/3 of a plan; None for a run of a complete plan."""
        return self.manifest.options.shard

    @property
    def host(self) -> str:
        """The label of the part's machine."""
        return self.manifest.host.label

    @property
    def group(self) -> MergeGroup:
        """The key of parts that share targets: shards of one plan on one machine; any other run is alone."""
        return self.manifest.host.machine, (self.manifest.plan_hash or "") if self.shard else self.run_id


def read_part(path: Path) -> Part:
    """Read one run.

    Raises:
        BadFiles: the folder is not a run, has no raw files, or is a merged run.
    """
    folder = RunFolder.existing(path)
    manifest = folder.manifest()
    if manifest.merged_from is not UNSET:
        raise BadFiles(f"{path} is a merged run; name the runs that it was merged from")
    if not (path / RAW).is_dir():
        raise BadFiles(f"{path} has no raw files, from which all other files are derived; name the complete run folder")
    raw = {file.name: _target_of(file) for file in sorted((path / RAW).glob("*.jsonl"))}
    return Part(path=path, manifest=manifest, raw=raw)


def _target_of(path: Path) -> str:
    """The target that the first line of a raw file names; empty where that line was torn."""
    try:
        with path.open(encoding="utf-8") as file:
            return str(json.loads(file.readline())["target"])
    except (ValueError, KeyError, TypeError):
        return ""


def compatible_parts(parts: Sequence[Part]) -> tuple[list[Part], list[str]]:
    """The parts sorted by machine and shard, each run once, and a note for each duplicate that was left out.

    Raises:
        BadFiles: the parts do not belong together.
    """
    once: dict[tuple[object, ...], Part] = {}
    notes = []
    for part in parts:
        known = once.setdefault((part.run_id, str(part.manifest.created), part.host, *part.group, part.shard), part)
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
    return sorted(found, key=lambda part: (_machine_key(part), part.shard or (0, 0), part.run_id)), notes


def _plans(parts: Sequence[Part]) -> Iterator[list[Part]]:
    """The shards grouped by system and architecture; those of one group must belong to one plan."""

    def kind(part: Part) -> tuple[str, ...]:
        return _machine_key(part)[1:]

    for _, found in itertools.groupby(sorted((part for part in parts if part.shard), key=kind), kind):
        yield list(found)


def _machine_key(part: Part) -> tuple[str, ...]:
    """Label, system and architecture of a part's machine, as a sort key."""
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
                f"{shards[0].path} is shard {shard_label(shards[0])} and {part.path} is shard {shard_label(part)}; "
                "merge shards with the same N of I/N"
            )


def _refuse_twice(shards: Sequence[Part]) -> None:
    seen: dict[tuple[int, int] | None, Part] = {}
    for part in shards:
        known = seen.setdefault(part.shard, part)
        if known is not part:
            raise BadFiles(
                f"{known.path} and {part.path} are both shard {shard_label(part)} of one plan; merge one of them"
            )


def shard_label(part: Part) -> str:
    """A part's shard as on the command line: ``2/3``; empty for a complete plan."""
    return "/".join(map(str, part.shard or ()))
