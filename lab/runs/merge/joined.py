"""The manifest of a merged run, made of those of its parts. Pure."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import lab
from lab.model import TABLES_VERSION
from lab.runs.merge.parts import Part, name
from lab.text import plural

Labels = Mapping[tuple[int, str], str]


def joined_manifest(parts: Sequence[Part], notes: Sequence[str], now: dt.datetime) -> dict[str, Any]:
    """One manifest for all parts; a cell carries the run it is from, a target the host it ran on."""
    labels = target_labels(parts)
    missing = list(missing_cells(parts))
    targets = _targets(parts, labels)
    for entry, _ in missing:
        targets.setdefault(entry["id"], entry)
    return {
        "schema_version": TABLES_VERSION,
        "run_id": f"{now:%Y%m%d-%H%M%S}-merged",
        "lab_version": lab.__version__,
        "created": min(part.manifest["created"] for part in parts),
        "merged": now.isoformat(timespec="seconds"),
        "merged_from": [_origin(part, number, labels) for number, part in enumerate(parts, 1)],
        "raw_targets": _raw_targets(parts, labels),
        "finished": _finished(parts),
        **{field: _shared(parts, field) for field in ("seed", "profile", "agent_hash", "inject_slowdown_percent")},
        "rounds": _shared(parts, "rounds"),
        "rounds_done": max((part.manifest.get("rounds_done") or 0 for part in parts), default=0),
        "budget_s": sum(part.manifest["budget_s"] for part in parts),
        "command": " | ".join(part.manifest["command"] for part in parts),
        "options": {**parts[0].manifest["options"], "shard": None},
        "host": _host(parts),
        "selfcheck": _shared(parts, "selfcheck"),
        "engine": _shared(parts, "engine"),
        "targets": list(targets.values()),
        "cells": [*_cells(parts, labels), *(cell for _, cell in missing)],
        "loops": _loops(parts, labels),
        "split": _split(parts),
        "unfinished_attempts": sum(part.manifest.get("unfinished_attempts") or 0 for part in parts),
        "notes": [*notes, *_told(parts), *_absent(cell for _, cell in missing)],
    }


def target_labels(parts: Sequence[Part]) -> dict[tuple[int, str], str]:
    """(number of the part, target) -> its label in the merged run.

    A target that one place alone has keeps its id. Where several have it, each gets the host's label behind it, and a
    number where two places have one label.
    """
    places = list(dict.fromkeys(part.place for part in parts))
    hosts = {part.place: part.host for part in parts}
    seen: Counter[str] = Counter()
    behind: dict[tuple[Any, ...], str] = {}
    for place in places:
        seen[hosts[place]] += 1
        behind[place] = hosts[place] + (f"-{seen[hosts[place]]}" if seen[hosts[place]] > 1 else "")
    homes: dict[str, set[tuple[Any, ...]]] = {}
    for part in parts:
        for entry in part.manifest["targets"]:
            homes.setdefault(entry["id"], set()).add(part.place)
    return {
        (number, entry["id"]): entry["id"] + (f"-{behind[part.place]}" if len(homes[entry["id"]]) > 1 else "")
        for number, part in enumerate(parts, 1)
        for entry in part.manifest["targets"]
    }


def missing_cells(parts: Sequence[Part]) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Target and cell of each cell of a shard that was not merged; the target is without a host, for it had none."""
    have = {(part.manifest["plan_hash"], part.shard[0]) for part in parts if part.shard}
    known: set[str] = set()
    for part in parts:
        elsewhere = part.manifest.get("elsewhere")
        if not (elsewhere and part.shard):
            continue
        entries = {entry["id"]: entry for entry in elsewhere["targets"]}
        for cell in elsewhere["cells"]:
            key = f"{part.manifest['plan_hash']}/{cell['id']}"
            if (part.manifest["plan_hash"], cell["shard"]) not in have and key not in known:
                known.add(key)
                reason = f"shard {cell['shard']}/{part.shard[1]} was not merged"
                yield {**entries[cell["target"]], "host": None}, {**cell, "missing": reason}


def _targets(parts: Sequence[Part], labels: Labels) -> dict[str, dict[str, Any]]:
    """Label -> entry; of the shards of one place the first that has the target's facts tells them."""
    found: dict[str, dict[str, Any]] = {}
    for number, part in enumerate(parts, 1):
        for entry in part.manifest["targets"]:
            label = labels[number, entry["id"]]
            mine = {**entry, "id": label, "plain_id": entry["id"], "host": part.host}
            if label not in found or not found[label].get("facts"):
                found[label] = mine
    return found


def _cells(parts: Sequence[Part], labels: Labels) -> Iterator[dict[str, Any]]:
    for number, part in enumerate(parts, 1):
        for cell in part.manifest["cells"]:
            label = labels[number, cell["target"]]
            own = {"target": label, "id": f"{cell['scenario']}/{cell['case']}@{label}", "run_id": part.run_id}
            yield {**cell, **own}


def _loops(parts: Sequence[Part], labels: Labels) -> dict[str, Any]:
    found = {}
    for number, part in enumerate(parts, 1):
        loops = part.manifest.get("loops", {})
        for cell in part.manifest["cells"]:
            if cell["id"] in loops:
                label = labels[number, cell["target"]]
                found[f"{cell['scenario']}/{cell['case']}@{label}"] = loops[cell["id"]]
    return found


def _raw_targets(parts: Sequence[Part], labels: Labels) -> dict[str, str]:
    return {
        f"p{number}.{file}": labels[number, target]
        for number, part in enumerate(parts, 1)
        for file, target in part.raw.items()
        if target
    }


def _origin(part: Part, number: int, labels: Labels) -> dict[str, Any]:
    """What the merged manifest keeps of a part: which run it was, on what, and what its targets are called here."""
    kept = (
        "run_id",
        "created",
        "finished",
        "profile",
        "seed",
        "command",
        "host",
        "selfcheck",
        "engine",
        "plan_hash",
        "notes",
    )
    return {
        **{field: part.manifest.get(field) for field in kept},
        "shard": part.shard,
        "raw": {file: f"p{number}.{file}" for file in part.raw},
        "targets": {entry["id"]: labels[number, entry["id"]] for entry in part.manifest["targets"]},
    }


def _shared(parts: Sequence[Part], field: str) -> Any:  # noqa: ANN401 - whatever JSON holds there
    """What all parts say, else None."""
    values = [part.manifest.get(field) for part in parts]
    return values[0] if all(value == values[0] for value in values) else None


def _host(parts: Sequence[Part]) -> dict[str, Any]:
    hosts = [part.manifest["host"] for part in parts]
    shared = {key: value for key, value in hosts[0].items() if all(other.get(key) == value for other in hosts)}
    return {**shared, "label": ", ".join(dict.fromkeys(part.host for part in parts))}


def _finished(parts: Sequence[Part]) -> str | None:
    ends = [part.manifest.get("finished") for part in parts]
    return None if None in ends else max(str(end) for end in ends)


def _split(parts: Sequence[Part]) -> dict[str, float]:
    total: Counter[str] = Counter()
    for part in parts:
        total.update(part.manifest.get("split") or {})
    return dict(total)


def _told(parts: Sequence[Part]) -> Iterator[str]:
    for part in parts:
        host = part.manifest["host"]
        machine = ", ".join(str(host[key]) for key in ("os", "arch", "cpu_model") if host.get(key))
        of = f"shard {name(part)} of a plan" if part.shard else "a whole plan"
        yield f"merged: run {part.run_id} of {part.host} ({machine}, CPUs: {host.get('cpus')}), {of}"


def _absent(cells: Iterator[dict[str, Any]]) -> Iterator[str]:
    for reason, count in Counter(cell["missing"] for cell in cells).items():
        yield f"{reason}: {plural(count, 'cell is', 'cells are')} missing"
