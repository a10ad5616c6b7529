"""What streams say of their targets, as plan and manifest; streams that do not belong together are refused."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from msgspec.structs import replace

from lab.errors import BadFiles
from lab.model import PERIOD_US, Cell, Facts, Host, Limit, Manifest, Target
from lab.planning import cells as plan
from lab.running.imports.stream import Stream
from lab.runs.manifest import new_manifest
from lab.targets.request import RequestedCell

PROFILE = "imported"
ESTIMATE_S = 0.2


def target_of(stream: Stream) -> Target:
    """The target of one stream: an interpreter under the limits that it saw."""
    facts, asked, engine = stream.facts, stream.target, stream.request.engine
    quota, native = asked.cpu_mode == "quota", engine == "none"
    limit = Limit(
        mode="quota" if quota else "affinity" if native else "cpuset",
        cpus=asked.cpus_requested,
        period_us=(asked.period_us if quota else None) or PERIOD_US,
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


def check_together(streams: Sequence[Stream]) -> None:
    """Refuse streams of different machines, kernels or agents, and different builds under one target.

    Raises:
        BadFiles: with what differs.
    """
    first = streams[0]
    for other in streams[1:]:
        if other.request.agent_hash != first.request.agent_hash:
            raise BadFiles(
                f"{first.name} and {other.name} are of two agents, whose samples do not mix; import them apart"
            )
        one, two = first.facts.machine, other.facts.machine
        for name in one.differing(two):
            raise _differ(first, other, "machines", name, (getattr(one, name), getattr(two, name)))
        if first.facts.kernel != other.facts.kernel:  # one run has one, and its manifest says which
            raise _differ(first, other, "kernels", "kernel", (first.facts.kernel, other.facts.kernel))
    seen: dict[str, Stream] = {}
    for stream in streams:
        known = seen.setdefault(target_of(stream).id, stream)
        pairs = zip(interpreter(known.facts).items(), interpreter(stream.facts).values(), strict=True)
        for (name, mine), theirs in pairs:
            if mine != theirs:
                raise _differ(known, stream, "builds under one target", name, (mine, theirs))


def interpreter(facts: Facts) -> dict[str, object]:
    """What makes two interpreters of one version different builds."""
    return {
        "implementation": facts.implementation,
        "python": facts.python,
        "build": facts.build,
        "build_class": facts.build_class,
        "compiler": facts.compiler,
    }


def _differ(one: Stream, other: Stream, what: str, name: str, values: tuple[object, object]) -> BadFiles:
    return BadFiles(
        f"{one.name} and {other.name} are of two {what} ({name}: {values[0]} and {values[1]}); import them apart"
    )


def manifest_of(streams: Sequence[Stream], label: str, command: str, notes: Sequence[str]) -> Manifest:
    """The manifest of a run made of these streams; ``label`` names the machine, which no container knows."""
    began = dt.datetime.fromtimestamp(min(stream.request.began_s for stream in streams), dt.UTC)
    first = streams[0].facts
    targets: dict[str, Target] = {}
    facts: dict[str, Facts] = {}
    cells: dict[str, Cell] = {}
    for stream in streams:
        target = target_of(stream)
        targets.setdefault(target.id, target)
        facts.setdefault(target.id, stream.facts)
        for asked in stream.request.request.cells:
            cell = _cell(target.id, asked)
            cells.setdefault(cell.id, cell)
    manifest = new_manifest(
        f"{began:%Y%m%d-%H%M%S}-{PROFILE}",
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


def _cell(target: str, asked: RequestedCell) -> Cell:
    return Cell(
        target=target,
        scenario=asked.scenario,
        case=asked.case,
        values=asked.values,
        deadline_s=asked.deadline_s,
        estimate_s=ESTIMATE_S,
    )
