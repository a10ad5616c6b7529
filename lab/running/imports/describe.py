"""What streams tell of their targets, as plan and manifest have it; streams that do not belong together are refused."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

import lab
from lab.errors import BadFiles
from lab.model import PERIOD_US, TABLES_VERSION, Limit, Target
from lab.planning import cells as plan
from lab.running.imports.stream import Stream
from lab.runs.manifest import target_entry

PROFILE = "imported"
ESTIMATE_S = 0.2
MACHINE = ("os", "arch", "kernel", "cpu_model", "cpu_count")
INTERPRETER = ("implementation", "python", "build", "build_class", "compiler")


def target_of(stream: Stream) -> Target:
    """The target of one stream: an interpreter under the limits that it saw."""
    facts, asked = stream.facts, stream.target
    key = ".".join(facts["python"].split(".")[:2]) + ("t" if facts["build"] == "free-threaded" else "")
    quota = asked["cpu_mode"] == "quota"
    native = stream.request["engine"] == "none"
    limit = Limit(
        mode="quota" if quota else "affinity" if native else "cpuset",
        cpus=float(asked["cpus_requested"]),
        period_us=(asked.get("period_us") if quota else None) or PERIOD_US,
    )
    return Target(
        id=plan.target_id(key, facts["os"], limit, native=native),
        key=key,
        engine=stream.request["engine"],
        os=facts["os"],
        arch=facts["arch"],
        limit=limit,
        cpus_visible=len(facts["affinity"] or []) or facts["cpu_count"] or 1,
    )


def check_together(streams: Sequence[Stream]) -> None:
    """Refuse streams of different machines or agents, and different builds under one target.

    Raises:
        BadFiles: with what differs.
    """
    first = streams[0]
    for other in streams[1:]:
        if other.request["agent_hash"] != first.request["agent_hash"]:
            raise BadFiles(
                f"{first.name} and {other.name} are of two agents, whose samples do not mix; import them apart"
            )
        _check_same(first, other, MACHINE, "machines")
    seen: dict[str, Stream] = {}
    for stream in streams:
        _check_same(seen.setdefault(target_of(stream).id, stream), stream, INTERPRETER, "builds under one target")


def _check_same(one: Stream, other: Stream, names: Sequence[str], what: str) -> None:
    differing = [name for name in names if one.facts.get(name) != other.facts.get(name)]
    if differing:
        name = differing[0]
        raise BadFiles(
            f"{one.name} and {other.name} are of two {what} ({name}: {one.facts.get(name)} and "
            f"{other.facts.get(name)}); import them apart"
        )


def manifest_of(streams: Sequence[Stream], label: str, command: str, notes: Sequence[str]) -> dict[str, Any]:
    """The manifest of a run made of these streams; ``label`` names the machine, which no container knows."""
    began = dt.datetime.fromtimestamp(min(stream.request["began_s"] for stream in streams), dt.UTC)
    facts = streams[0].facts
    entries: dict[str, dict[str, Any]] = {}
    cells: dict[str, dict[str, Any]] = {}
    for stream in streams:
        target = target_of(stream)
        entries.setdefault(
            target.id, {**target_entry(target), "facts": stream.facts, "image": None, "executable": None}
        )
        for cell in stream.request["request"]["cells"]:
            entry = _cell(target.id, cell)
            cells.setdefault(entry["id"], entry)
    return {
        "schema_version": TABLES_VERSION,
        "run_id": f"{began:%Y%m%d-%H%M%S}-{PROFILE}",
        "lab_version": lab.__version__,
        "created": began.isoformat(timespec="seconds"),
        "finished": dt.datetime.now(dt.UTC).isoformat(timespec="seconds") if all(s.whole for s in streams) else None,
        "seed": 0,
        "profile": PROFILE,
        "budget_s": None,
        "command": command,
        "inject_slowdown_percent": 0.0,
        "agent_hash": streams[0].request["agent_hash"],
        "options": {"images": "auto", "given": {}, "registry": None, "shard": None},
        "host": {
            "label": label,
            **{key: facts.get(key) for key in ("os", "arch", "kernel", "cpu_model")},
            "cpus": facts["cpu_count"],
        },
        "engine": None,
        "targets": list(entries.values()),
        "cells": list(cells.values()),
        "notes": list(notes),
        "split": {},
    }


def _cell(target: str, cell: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": f"{cell['id']}@{target}",
        "target": target,
        "scenario": cell["scenario"],
        "case": cell["case"],
        "values": cell["values"],
        "deadline_s": cell["deadline_s"],
        "estimate_s": ESTIMATE_S,
        "companion": None,
    }
