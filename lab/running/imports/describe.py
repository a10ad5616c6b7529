"""Make targets, cells and a manifest from streams, and refuse streams that do not belong to one run."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from msgspec.structs import replace

from lab.errors import BadFiles
from lab.model import PERIOD_US, Cell, Facts, Host, Limit, Manifest, Target
from lab.planning import cells as plan
from lab.running.imports.stream import Stream
from lab.runs.folder import new_run_id
from lab.runs.manifest import new_manifest
from lab.targets.request import RequestedCell

PROFILE = "imported"
ESTIMATE_S = 0.2


def stream_target(stream: Stream) -> Target:
    """The target of one stream: its interpreter under the limit that it observed."""
    facts, requested, engine = stream.facts, stream.target, stream.request.engine
    quota, native = requested.cpu_mode == "quota", engine == "none"
    limit = Limit(
        mode="quota" if quota else "affinity" if native else "cpuset",
        cpus=requested.cpus_requested,
        period_us=(requested.period_us if quota else None) or PERIOD_US,
    )
    return Target(
        id=plan.target_id(facts.key, facts.os or "", limit, native=native),
        key=facts.key,
        engine=engine,
        os=facts.os or "",
        arch=facts.arch or "",
        limit=limit,
        cpus_visible=len(facts.affinity or ()) or facts.cpu_count or 1,
    )


def check_compatible(streams: Sequence[Stream]) -> None:
    """Refuse streams of different machines, kernels or agents, and of different builds for one target.

    Raises:
        BadFiles: two streams differ; the message names them and the difference.
    """
    first = streams[0]
    for other in streams[1:]:
        if other.request.agent_hash != first.request.agent_hash:
            raise BadFiles(
                f"{first.name} and {other.name} come from two agents, whose samples must not be mixed; "
                "import them separately"
            )
        one, two = first.facts.machine, other.facts.machine
        for name in one.differing_fields(two):
            raise _difference_error(first, other, "machines", name, (getattr(one, name), getattr(two, name)))
        if first.facts.kernel != other.facts.kernel:  # a manifest records one kernel
            raise _difference_error(first, other, "kernels", "kernel", (first.facts.kernel, other.facts.kernel))
    seen: dict[str, Stream] = {}
    for stream in streams:
        known = seen.setdefault(stream_target(stream).id, stream)
        pairs = zip(build_facts(known.facts).items(), build_facts(stream.facts).values(), strict=True)
        for (name, mine), theirs in pairs:
            if mine != theirs:
                raise _difference_error(known, stream, "builds under one target", name, (mine, theirs))


def build_facts(facts: Facts) -> dict[str, object]:
    """The facts by which two interpreters of one version are different builds."""
    return {
        "implementation": facts.implementation,
        "python": facts.python,
        "build": facts.build,
        "build_class": facts.build_class,
        "compiler": facts.compiler,
    }


def _difference_error(one: Stream, other: Stream, what: str, name: str, values: tuple[object, object]) -> BadFiles:
    return BadFiles(
        f"{one.name} and {other.name} come from two {what} ({name}: {values[0]} and {values[1]}); "
        "import them separately"
    )


def imported_manifest(streams: Sequence[Stream], label: str, command: str, notes: Sequence[str]) -> Manifest:
    """The manifest of a run made of streams; ``label`` names the machine, whose name is not visible in a container."""
    began = dt.datetime.fromtimestamp(min(stream.request.began_s for stream in streams), dt.UTC)
    first = streams[0].facts
    targets: dict[str, Target] = {}
    facts: dict[str, Facts] = {}
    cells: dict[str, Cell] = {}
    for stream in streams:
        target = stream_target(stream)
        targets.setdefault(target.id, target)
        facts.setdefault(target.id, stream.facts)
        for requested in stream.request.request.cells:
            cell = _cell(target.id, requested)
            cells.setdefault(cell.id, cell)
    manifest = new_manifest(
        new_run_id(began, PROFILE),
        began,
        host=Host(
            label=label, os=first.os, arch=first.arch, kernel=first.kernel, cpu_model=first.cpu_model,
            cpus=first.cpu_count,
        ),
        targets=targets.values(),
        cells=cells.values(),
        profile=PROFILE,
        command=command,
        facts=facts,
    )  # fmt: skip
    whole = all(stream.whole for stream in streams)
    return replace(
        manifest,
        finished=dt.datetime.now(dt.UTC).isoformat(timespec="seconds") if whole else None,
        agent_hash=streams[0].request.agent_hash,
        notes=tuple(notes),
    )


def _cell(target: str, requested: RequestedCell) -> Cell:
    return Cell(
        target=target,
        scenario=requested.scenario,
        case=requested.case,
        values=requested.values,
        deadline_s=requested.deadline_s,
        estimate_s=ESTIMATE_S,
    )
