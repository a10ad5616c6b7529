"""Provenance: facts of the run, and of each target as observed from inside."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from lab.report import labels

if TYPE_CHECKING:
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
    engine = manifest.get("engine") or {}
    split = manifest.get("split") or {}
    slowed = manifest.get("inject_slowdown_percent") or 0
    facts = {
        "run": manifest.get("run_id"),
        "command": manifest.get("command"),
        "lab version": manifest.get("lab_version"),
        "agent": short(manifest.get("agent_hash")),
        "schema version": manifest.get("schema_version"),
        "seed": manifest.get("seed"),
        "begun": manifest.get("created"),
        "finished": manifest.get("finished") or "no",
        "wall time": f"{split['wall_s']:.0f} s" if split.get("wall_s") else None,
        "rounds done": manifest.get("rounds_done"),
        "engine": " ".join(text(value) for name, value in engine.items() if name in ("name", "version"))
        or "none (native)",
        "slowed on purpose": f"by {slowed}%" if slowed else "no",
        "unfinished attempts (not in samples.csv)": manifest.get("unfinished_attempts"),
    }
    rows = [(name, text(value) or "not recorded") for name, value in facts.items()]
    return rows + [("note", text(note)) for note in manifest.get("notes") or []]


def target_row(target: Target) -> list[str]:
    """A row of the table of targets."""
    facts = target.record.get("facts") or {}
    cgroup = facts.get("cgroup_version")
    return [
        target.id,
        f"{target.version} ({target.build})" if target.build else target.version,
        build_class(facts.get("build_class")),
        image(target.record),
        f"{target.cpu_mode}, {target.limit}" if target.cpu_mode else target.limit,
        "" if target.observed is None else f"{target.observed:g}",
        text(facts.get("kernel")),
        f"v{cgroup}" if cgroup else "",
        clock(facts),
    ]


def clock(facts: Mapping[str, Any]) -> str:
    """The clock of the batches, with its smallest observed step."""
    step_ns = facts.get("clock_step_ns")
    name = text(facts.get("clock_source") or facts.get("clock"))
    return f"{name}, steps of {labels.duration(step_ns)}" if step_ns else name


def image(record: Mapping[str, Any]) -> str:
    """The image with the digest of its base, or the path of the interpreter."""
    found = record.get("image") or {}
    if not found:
        return text(record.get("executable"))
    base = " ".join(part for part in (text(found.get("base_reference")), short(found.get("base_digest"))) if part)
    source = text(found.get("source"))
    return "; ".join(part for part in (text(found.get("reference")), f"from {source}" if source else "", base) if part)


def build_class(found: object) -> str:
    """Compiler, optimisation level and the build options that are on."""
    if not isinstance(found, Mapping):
        return text(found)
    switches = [
        name.upper() if name in ("lto", "pgo") else labels.plain(name) for name, on in found.items() if on is True
    ]
    level = f"-O{found['optimisation']}" if found.get("optimisation") else ""
    return ", ".join(part for part in (text(found.get("compiler")), level, *switches) if part)


def target_facts(target: Target) -> list[tuple[str, str]]:
    """All facts that were read inside the target; mitigations are grouped by their state."""
    facts = dict(target.record.get("facts") or {})
    mitigations = facts.pop("mitigations", None) or {}
    rows = [(labels.plain(str(name)), text(value)) for name, value in facts.items() if value not in (None, "", [])]
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
        return ", ".join(f"{labels.plain(str(name))} {text(item)}" for name, item in value.items())
    return str(value)
