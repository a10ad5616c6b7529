"""The manifest of a run: what was planned, on what, by which lab. It alone is enough to run the plan again."""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import json
import platform
import socket
from dataclasses import MISSING, asdict, fields
from typing import TYPE_CHECKING, Any

import psutil

import lab
from lab.agent.facts.target import cpu_model
from lab.errors import BadFiles
from lab.model import PERIOD_US, TABLES_VERSION, Cell, Limit, Target
from lab.targets.interpreters import host_arch, host_os
from lab.targets.stage import agent_hash

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab.planning.plan import Options, Planned


def first_manifest(
    run_id: str,
    options: Options,
    planned: Planned,
    now: dt.datetime,
    *,
    machine: dict[str, Any],
    selfcheck: dict[str, Any] | None,
) -> dict[str, Any]:
    """The manifest as it stands before the first cell.

    Args:
        run_id: the run's label.
        options: what the user asked for.
        planned: what is measured on which targets.
        now: when the run begins.
        machine: the host, as ``host`` describes it.
        selfcheck: a copy of the last selfcheck of this machine: what derives from the run must not change with a
            later one.
    """
    engine = planned.matrix.engine
    return {
        "schema_version": TABLES_VERSION,
        "run_id": run_id,
        "lab_version": lab.__version__,
        "created": now.isoformat(timespec="seconds"),
        "finished": None,
        "seed": options.seed,
        "profile": options.profile,
        "rounds": {
            "rounds": planned.profile.rounds,
            "max_rounds": planned.profile.max_rounds,
            "precision": planned.profile.precision,
        },
        "budget_s": options.budget_s or planned.profile.budget_s,
        "command": options.command,
        "inject_slowdown_percent": options.slowdown_percent,
        "agent_hash": agent_hash(),
        "options": {
            "images": options.wanted.images,
            "given": options.wanted.given,
            "registry": options.wanted.registry,
            "before": list(options.wanted.before.words),
            "shard": options.shard,
        },
        "host": machine,
        "selfcheck": selfcheck,
        "engine": engine.provenance() if engine else None,
        "targets": [target_entry(target) for target in planned.targets],
        "cells": [cell_entry(cell) for cell in planned.cells],
        "plan_hash": plan_hash(options.profile, options.seed, planned),
        "elsewhere": _elsewhere(planned),
        "notes": [],
    }


def plan_hash(profile: str, seed: int, planned: Planned) -> str:
    """Twelve hexadecimal digits that all shards of one plan share, and no other plan has."""
    cells = [*planned.cells, *(other.cell for other in planned.elsewhere)]
    named = sorted((cell.id, sorted(cell.values.items())) for cell in cells)
    return hashlib.sha256(json.dumps([profile, seed, named]).encode()).hexdigest()[:12]


def _elsewhere(planned: Planned) -> dict[str, Any] | None:
    """What the other shards have, so that a merge can name what was not merged; None without shards."""
    if not planned.elsewhere:
        return None
    targets = {other.target.id: other.target for other in planned.elsewhere}
    return {
        "targets": [target_entry(target) for target in targets.values()],
        "cells": [{**cell_entry(other.cell), "shard": other.shard} for other in planned.elsewhere],
    }


def cell_entry(cell: Cell) -> dict[str, Any]:
    """A cell as the manifest holds it."""
    return {"id": cell.id, **asdict(cell)}


def cell_from(entry: dict[str, Any]) -> Cell:
    """A cell out of the manifest.

    Raises:
        BadFiles: something of it is missing.
    """
    with _whole("cells"):
        return Cell(**_fields_of(Cell, entry))


def target_entry(target: Target) -> dict[str, Any]:
    """A target as the manifest holds it; facts and image come once they are known."""
    return {
        "id": target.id,
        "key": target.key,
        "build": target.build,
        "engine": target.engine,
        "os": target.os,
        "arch": target.arch,
        "cpu_mode": target.limit.mode,
        "cpus_requested": target.limit.cpus,
        "period_us": target.limit.period_us if target.limit.mode == "quota" else None,
        "cpus_visible": target.cpus_visible,
        "diagnose": target.diagnose,
        "before": target.before,
        "facts": None,
    }


def target_from(entry: dict[str, Any]) -> Target:
    """A target out of the manifest.

    Raises:
        BadFiles: something of it is missing.
    """
    with _whole("targets"):
        limit = Limit(
            mode=entry["cpu_mode"], cpus=entry["cpus_requested"], period_us=entry.get("period_us") or PERIOD_US
        )
        return Target(**_fields_of(Target, {**entry, "limit": limit}))


def _fields_of(kind: type[Cell | Target], entry: dict[str, Any]) -> dict[str, Any]:
    """What an entry says of a dataclass's fields; one that has a default may be lacking, as older labs' are."""
    names = [field.name for field in fields(kind) if field.default is MISSING or field.name in entry]
    return {name: entry[name] for name in names}


@contextlib.contextmanager
def _whole(entries: str) -> Iterator[None]:
    """Entries of the manifest of which something is missing are damaged."""
    try:
        yield
    except KeyError as error:
        raise BadFiles(
            f"the manifest is damaged, one of its {entries} has no {error}; restore the file or remove the run"
        ) from None


def host() -> dict[str, Any]:
    """The machine that drives the run."""
    return {
        "label": socket.gethostname(),
        "os": host_os(),
        "arch": host_arch(),
        "kernel": platform.release(),
        "cpu_model": cpu_model(),
        "cpus": psutil.cpu_count(),
        "physical_cores": psutil.cpu_count(logical=False),
        "memory_bytes": psutil.virtual_memory().total,
        "python": platform.python_version(),
    }
