"""Provenance: facts of the run, and of each target as observed from inside."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from lab.report import labels

if TYPE_CHECKING:
    from lab.model import BuildClass, Facts, TargetRecord
    from lab.report.data import RunData
    from lab.report.targets import Target

TARGET_HEADS = (
    *("target", "Python", "build class", "image or executable", "limit requested", "CPUs observed"),
    *("kernel", "cgroup", "clock"),
)
HASH_CHARACTERS = 12


def run_facts(data: RunData) -> list[tuple[str, str]]:
    """Name and value of each fact of the run; "not recorded" where there is none."""
    manifest = data.manifest
    slowed = manifest.inject_slowdown_percent or 0
    facts = {
        "run": manifest.run_id,
        "command": manifest.command,
        "lab version": manifest.lab_version,
        "agent": short(manifest.agent_hash),
        "schema version": manifest.schema_version,
        "seed": manifest.seed,
        "begun": manifest.created,
        "finished": manifest.finished or "no",
        "wall time": f"{manifest.split.wall_s:.0f} s" if manifest.split and manifest.split.wall_s else None,
        "rounds done": manifest.rounds_done,
        "engine": " ".join(filter(None, (manifest.engine.name, manifest.engine.version)))
        if manifest.engine
        else "none (native)",
        "slowed on purpose": f"by {slowed}%" if slowed else "no",
        "unfinished attempts (not in samples.csv)": manifest.unfinished_attempts,
    }
    rows = [(name, text(value) or "not recorded") for name, value in facts.items()]
    return rows + [("note", text(note)) for note in manifest.notes]


def target_row(target: Target) -> list[str]:
    """A row of the table of targets."""
    facts = target.facts
    return [
        target.id,
        f"{target.version} ({target.build})" if target.build else target.version,
        build_class(facts.build_class),
        image(target.record) if target.record else "",
        f"{target.cpu_mode}, {target.limit}" if target.cpu_mode else target.limit,
        "" if target.observed is None else f"{target.observed:g}",
        text(facts.kernel),
        f"v{facts.cgroup_version}" if facts.cgroup_version else "",
        clock(facts),
    ]


def clock(facts: Facts) -> str:
    """The clock of the batches, with its smallest observed step."""
    name = text(facts.clock_source or facts.clock)
    return f"{name}, steps of {labels.duration(facts.clock_step_ns)}" if facts.clock_step_ns else name


def image(record: TargetRecord) -> str:
    """The image with the digest of its base, or the path of the interpreter."""
    found = record.image
    if found is None:
        return text(record.executable)
    base = " ".join(part for part in (text(found.base_reference), short(found.base_digest)) if part)
    source = f"from {found.source}" if found.source else ""
    return "; ".join(part for part in (text(found.reference), source, base) if part)


def build_class(found: BuildClass | None) -> str:
    """Compiler, optimisation level and the build options that are on."""
    if found is None:
        return ""
    switches = [
        (found.debug, "debug"),
        (found.frame_pointers, "frame pointers"),
        (bool(found.jit), "JIT"),
        (found.lto, "LTO"),
        (found.pgo, "PGO"),
        (found.shared, "shared"),
        (bool(found.tail_call), "tail calls"),
    ]
    level = f"-O{found.optimisation}" if found.optimisation else ""
    named = [name for on, name in switches if on]
    return ", ".join(part for part in (text(found.compiler), level, *named) if part)


def target_facts(target: Target) -> list[tuple[str, str]]:
    """All facts that were read inside the target; mitigations are grouped by their state."""
    facts = target.facts.plain()
    mitigations = target.facts.mitigations or {}
    rows = [
        (labels.plain(name), text(value))
        for name, value in sorted(facts.items())
        if name != "mitigations" and value not in (None, "", [], ())
    ]
    by_state: dict[str, list[str]] = {}
    for name, state in mitigations.items():
        by_state.setdefault(text(state), []).append(labels.plain(str(name)))
    return rows + [(f"mitigation: {state}", ", ".join(names)) for state, names in by_state.items()]


def short(digest: object) -> str:
    """The first characters of a hash; the manifest has all of it."""
    kind, _, rest = text(digest).rpartition(":")
    return f"{kind}:{rest[:HASH_CHARACTERS]}" if kind else rest[:HASH_CHARACTERS]


def text(value: object) -> str:
    """A JSON value as text."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(text(item) for item in value)
    if isinstance(value, Mapping):
        return ", ".join(f"{labels.plain(str(name))} {text(item)}" for name, item in sorted(value.items()))
    return str(value)
