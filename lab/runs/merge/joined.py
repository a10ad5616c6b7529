"""Make the manifest of a merged run from those of its parts. Pure."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

from msgspec import UNSET
from msgspec.structs import replace

import lab
from lab.model import TABLES_VERSION, CellRecord, Host, Manifest, MergedRun, TargetRecord, WallSplit
from lab.runs.folder import new_run_id
from lab.runs.merge.parts import MergeGroup, Part, shard_label
from lab.text import plural

Labels = Mapping[tuple[int, str], str]


def joined_manifest(parts: Sequence[Part], notes: Sequence[str], now: dt.datetime) -> Manifest:
    """The manifest of the merged run, in which each cell records its run and each target its host."""
    labels = target_labels(parts)
    missing = list(missing_cells(parts))
    targets = _targets(parts, labels)
    for record, _ in missing:
        targets.setdefault(record.id, record)
    manifests = [part.manifest for part in parts]
    return Manifest(
        schema_version=TABLES_VERSION,
        run_id=new_run_id(now, "merged"),
        lab_version=lab.__version__,
        created=min((each.created for each in manifests if each.created), default=None),
        merged=now.isoformat(timespec="seconds"),
        merged_from=tuple(_origin(part, number, labels) for number, part in enumerate(parts, 1)),
        raw_targets=_raw_targets(parts, labels),
        finished=_finished(manifests),
        seed=shared(each.seed for each in manifests),
        profile=shared(each.profile for each in manifests),
        agent_hash=shared(each.agent_hash for each in manifests),
        inject_slowdown_percent=shared(each.inject_slowdown_percent for each in manifests),
        rounds=shared(each.rounds for each in manifests),
        rounds_done=max(each.rounds_done or 0 for each in manifests),
        budget_s=sum(each.budget_s or 0 for each in manifests),
        command=" | ".join(each.command or "" for each in manifests),
        options=replace(manifests[0].options, shard=None),
        host=_host(manifests),
        selfcheck=shared(each.selfcheck for each in manifests),
        engine=shared(each.engine for each in manifests),
        targets=tuple(targets.values()),
        cells=(*_cells(parts, labels), *(cell for _, cell in missing)),
        loops=_loops(parts, labels),
        split=_split(manifests),
        unfinished_attempts=sum(each.unfinished_attempts or 0 for each in manifests),
        notes=(*notes, *_parts_in_words(parts), *missing_in_words(parts)),
    )


T = TypeVar("T")


def shared(values: Iterable[T]) -> T | None:
    """The value that all parts have; None where they differ."""
    found = list(values)
    return found[0] if all(value == found[0] for value in found) else None


def target_labels(parts: Sequence[Part]) -> dict[tuple[int, str], str]:
    """(number of the part from 1, target) -> the target's label in the merged run.

    A target of one group keeps its id. Where several groups have the target, the host's label is appended, with a
    number where two groups have hosts of the same label.
    """
    groups = list(dict.fromkeys(part.group for part in parts))
    hosts = {part.group: part.host for part in parts}
    seen: Counter[str] = Counter()
    suffixes: dict[MergeGroup, str] = {}
    for group in groups:
        seen[hosts[group]] += 1
        suffixes[group] = hosts[group] + (f"-{seen[hosts[group]]}" if seen[hosts[group]] > 1 else "")
    groups_of: dict[str, set[MergeGroup]] = {}
    for part in parts:
        for record in part.manifest.targets:
            groups_of.setdefault(record.id, set()).add(part.group)
    return {
        (number, record.id): record.id + (f"-{suffixes[part.group]}" if len(groups_of[record.id]) > 1 else "")
        for number, part in enumerate(parts, 1)
        for record in part.manifest.targets
    }


def missing_cells(parts: Sequence[Part]) -> Iterator[tuple[TargetRecord, CellRecord]]:
    """The cells of shards that are not among the parts, each with its target, which has no host."""
    have = {(part.manifest.plan_hash, part.shard[0]) for part in parts if part.shard}
    known: set[str] = set()
    for part in parts:
        elsewhere = part.manifest.elsewhere
        if not (elsewhere and part.shard):
            continue
        records = {record.id: record for record in elsewhere.targets}
        for cell in elsewhere.cells:
            key = f"{part.manifest.plan_hash}/{cell.id}"
            if (part.manifest.plan_hash, cell.shard) not in have and key not in known:
                known.add(key)
                reason = f"shard {cell.shard}/{part.shard[1]} was not merged"
                yield replace(records[cell.target], host=None), replace(cell, missing=reason)


def _targets(parts: Sequence[Part], labels: Labels) -> dict[str, TargetRecord]:
    """Label -> record; of several shards in a group the first record with facts is taken."""
    found: dict[str, TargetRecord] = {}
    for number, part in enumerate(parts, 1):
        for record in part.manifest.targets:
            label = labels[number, record.id]
            if label not in found or not found[label].facts:
                found[label] = replace(record, id=label, plain_id=record.id, host=part.host)
    return found


def _cells(parts: Sequence[Part], labels: Labels) -> Iterator[CellRecord]:
    for number, part in enumerate(parts, 1):
        for cell in part.manifest.cells:
            label = labels[number, cell.target]
            yield replace(cell, target=label, id=f"{cell.case_key}@{label}", run_id=part.run_id)


def _loops(parts: Sequence[Part], labels: Labels) -> dict[str, Mapping[str, int]]:
    return {
        f"{cell.case_key}@{labels[number, cell.target]}": part.manifest.loops[cell.id]
        for number, part in enumerate(parts, 1)
        for cell in part.manifest.cells
        if cell.id in part.manifest.loops
    }


def _raw_targets(parts: Sequence[Part], labels: Labels) -> dict[str, str]:
    return {
        f"p{number}.{file}": labels[number, target]
        for number, part in enumerate(parts, 1)
        for file, target in part.raw.items()
        if target
    }


def _origin(part: Part, number: int, labels: Labels) -> MergedRun:
    manifest = part.manifest
    return MergedRun(
        run_id=manifest.run_id,
        created=manifest.created,
        finished=manifest.finished,
        profile=manifest.profile,
        seed=manifest.seed,
        command=manifest.command,
        host=manifest.host,
        selfcheck=manifest.selfcheck,
        engine=manifest.engine,
        plan_hash=manifest.plan_hash,
        notes=manifest.notes,
        shard=part.shard,
        raw={file: f"p{number}.{file}" for file in part.raw},
        targets={record.id: labels[number, record.id] for record in manifest.targets},
    )


def _host(manifests: Sequence[Manifest]) -> Host:
    hosts = [each.host for each in manifests]
    common = {field: shared(getattr(each, field) for each in hosts) for field in Host.__struct_fields__}
    return replace(hosts[0], **{**common, "label": ", ".join(dict.fromkeys(each.label for each in hosts))})


def _finished(manifests: Sequence[Manifest]) -> str | None:
    ends = [each.finished for each in manifests if each.finished]
    return max(ends) if len(ends) == len(manifests) else None


def _split(manifests: Sequence[Manifest]) -> WallSplit | None:
    known = [each.split for each in manifests if each.split]
    if not known:
        return None
    names = [name for name in WallSplit.__struct_fields__ if name != "warmup_parts_s"]
    parts = [each.warmup_parts_s for each in known if each.warmup_parts_s]
    return WallSplit(
        **{name: sum(getattr(each, name) for each in known) for name in names},
        warmup_parts_s={part: sum(each.get(part, 0.0) for each in parts) for part in parts[0]} if parts else UNSET,
    )


def _parts_in_words(parts: Sequence[Part]) -> Iterator[str]:
    for part in parts:
        host = part.manifest.host
        machine = ", ".join(filter(None, (host.os, host.arch, host.cpu_model)))
        of = f"shard {shard_label(part)} of a plan" if part.shard else "a whole plan"
        yield f"merged: run {part.run_id} of {part.host} ({machine}, CPUs: {host.cpus}), {of}"


def missing_in_words(parts: Sequence[Part]) -> Iterator[str]:
    """A sentence for each shard that is not among the parts."""
    for reason, count in Counter(str(cell.missing) for _, cell in missing_cells(parts)).items():
        yield f"{reason}: {plural(count, 'cell is', 'cells are')} missing"
