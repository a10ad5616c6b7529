"""Make the first manifest of a run: its plan, machine and lab version. A manifest alone is enough to run it again."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import platform
import socket
from collections.abc import Iterable
from typing import TYPE_CHECKING

import psutil
from msgspec import UNSET
from msgspec.structs import replace

import lab
from lab.agent.facts.target import cpu_model
from lab.model import (
    TABLES_VERSION,
    Cell,
    CellRecord,
    Facts,
    Host,
    Manifest,
    OtherShards,
    Rates,
    RoundsRecord,
    RunOptions,
    Target,
    TargetRecord,
)
from lab.targets.interpreters import host_arch, host_os
from lab.targets.stage import agent_hash

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lab.planning.budget import Layout
    from lab.planning.plan import Options, Planned


def new_manifest(
    run_id: str,
    created: dt.datetime,
    *,
    host: Host,
    targets: Iterable[Target],
    cells: Iterable[Cell],
    profile: str,
    seed: int = 0,
    command: str = "",
    facts: Mapping[str, Facts] | None = None,
) -> Manifest:
    """A manifest with the fields that runs, imports, selfchecks and benchmarks share.

    Args:
        run_id: the run's label.
        created: when the run began, with its time zone.
        host: the machine.
        targets: the planned targets.
        cells: the planned cells.
        profile: the profile's name.
        seed: the seed of every random order.
        command: the command line.
        facts: target id -> its facts, as far as they are known.
    """
    known = facts or {}
    return Manifest(
        schema_version=TABLES_VERSION,
        run_id=run_id,
        lab_version=lab.__version__,
        created=created.isoformat(timespec="seconds"),
        seed=seed,
        profile=profile,
        command=command,
        inject_slowdown_percent=0.0,
        host=host,
        targets=tuple(TargetRecord.from_target(target, known.get(target.id)) for target in targets),
        cells=tuple(map(CellRecord.from_cell, cells)),
    )


def first_manifest(
    run_id: str, options: Options, planned: Planned, now: dt.datetime, *, machine: Host, selfcheck: Rates | None
) -> Manifest:
    """The manifest of a run before its first cell.

    Args:
        run_id: the run's label.
        options: what the user requested.
        planned: the plan.
        now: when the run begins.
        machine: the host.
        selfcheck: the rates of this machine's last selfcheck, kept as a copy: a later selfcheck must not change what
            is derived from this run.
    """
    engine, wanted = planned.matrix.engine, options.wanted
    first = replace(
        new_manifest(
            run_id,
            now,
            host=machine,
            targets=planned.targets,
            cells=planned.cells,
            profile=options.profile,
            seed=options.seed,
            command=options.command,
        ),
        rounds=RoundsRecord(
            rounds=planned.profile.rounds,
            max_rounds=planned.profile.max_rounds,
            precision=planned.profile.precision,
        ),
        budget_s=planned.budget_s,
        inject_slowdown_percent=options.slowdown_percent,
        agent_hash=agent_hash(),
        options=RunOptions(
            images=wanted.images,
            user_images=wanted.user_images,
            context=wanted.context or UNSET,
            registry=wanted.registry,
            baseline=wanted.baseline.arguments,
            shard=options.shard,
            pythons=wanted.pythons or UNSET,
            questions=options.questions or UNSET,
        ),
        selfcheck=selfcheck,
        engine=engine.provenance() if engine else None,
        plan_hash=plan_hash(options.profile, options.seed, planned),
        elsewhere=_elsewhere(planned),
    )
    return with_layout(first, planned.layout)


def with_layout(manifest: Manifest, layout: Layout) -> Manifest:
    """The manifest with what a budget carries: the cells that it leaves out, and the processes per round."""
    cells = tuple(replace(cell, missing=layout.dropped.get(cell.id, UNSET)) for cell in manifest.cells)
    return replace(manifest, cells=cells, processes=layout.processes or UNSET)


def plan_hash(profile: str, seed: int, planned: Planned) -> str:
    """Twelve hexadecimal digits that identify a plan; all its shards have the same."""
    cells = [*planned.cells, *(other.cell for other in planned.elsewhere)]
    named = sorted((cell.id, sorted(cell.values.items())) for cell in cells)
    return hashlib.sha256(json.dumps([profile, seed, named]).encode()).hexdigest()[:12]


def _elsewhere(planned: Planned) -> OtherShards | None:
    """The targets and cells of the other shards; None for a plan without shards."""
    if not planned.elsewhere:
        return None
    targets = {other.target.id: other.target for other in planned.elsewhere}
    return OtherShards(
        targets=tuple(map(TargetRecord.from_target, targets.values())),
        cells=tuple(CellRecord.from_cell(other.cell, shard=other.shard) for other in planned.elsewhere),
    )


def host() -> Host:
    """Describe this machine."""
    return Host(
        label=socket.gethostname(),
        os=host_os(),
        arch=host_arch(),
        kernel=platform.release(),
        cpu_model=cpu_model(),
        cpus=psutil.cpu_count(),
        physical_cores=psutil.cpu_count(logical=False),
        memory_bytes=psutil.virtual_memory().total,
        python=platform.python_version(),
    )
