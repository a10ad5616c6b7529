"""What differs between two runs, or two targets of one run, before their numbers are held against each other.

Pure: it reads manifests and nothing else. What a manifest does not record shows as ``not recorded``: an older lab may
have written it, and then nobody knows whether the two differ.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from msgspec import UNSET, Struct

from lab.model import Manifest, TargetRecord
from lab.text import plural

Kind = Literal["machine", "image", "agent", "plan", "time"]

NOT_RECORDED = "not recorded"

# A path of fields into the manifest -> its kind; one that leads to a class stands for all of its fields.
OF_RUN: dict[str, Kind] = {
    "agent_hash": "agent",
    "schema_version": "agent",
    "lab_version": "agent",
    "host": "machine",
    "engine": "machine",
    "profile": "plan",
    "seed": "plan",
    "budget_s": "plan",
    "inject_slowdown_percent": "plan",
    "rounds_done": "plan",
    "created": "time",
}

# The same for one target. What changes from block to block (the CPUs it got) and what follows from the rest (the price
# of a reading of the clock) is left out.
OF_TARGET: dict[str, Kind] = {
    "engine": "machine",
    "facts.os": "machine",
    "facts.arch": "machine",
    "facts.wine": "machine",
    "facts.kernel": "machine",
    "facts.cpu_model": "machine",
    "facts.cpu_count": "machine",
    "facts.cgroup_version": "machine",
    "facts.clock": "machine",
    "facts.clock_source": "machine",
    "facts.frequency": "machine",
    "facts.mitigations": "machine",
    "facts.memory_limit_bytes": "machine",
    "facts.seccomp": "machine",
    "facts.speculation_store_bypass": "machine",
    "agent_hash": "agent",
    "image.source": "image",
    "image.base_reference": "image",
    "image.base_digest": "image",
    "image.image_id": "image",
    "executable": "image",
    "facts.implementation": "image",
    "facts.python": "image",
    "facts.build": "image",
    "facts.gil_enabled": "image",
    "facts.build_class": "image",
    "facts.jit.enabled": "image",
    "facts.compiler": "image",
    "facts.configure": "image",
    "facts.libc": "image",
    "facts.default_start_method": "image",
    "facts.flags": "image",
    "facts.gc_enabled": "image",
    "cpu_mode": "plan",
    "cpus_requested": "plan",
    "period_us": "plan",
    "cpus_visible": "plan",
    "diagnose": "plan",
}

# They differ between any two runs, and no number depends on them.
WITHOUT_WEIGHT = frozenset({"seed", "budget_s", "rounds_done", "image.image_id", "lab_version"})


@dataclass(frozen=True)
class Difference:
    """One thing that is not the same: its name, what it is on either side in words, and what kind of thing it is."""

    name: str
    base: str
    new: str
    kind: Kind

    @property
    def matters(self) -> bool:
        """Whether a difference between the numbers may come from it."""
        return self.kind != "time" and self.name.rpartition(": ")[2] not in WITHOUT_WEIGHT


def differences(
    base: Manifest, new: Manifest, *, base_target: str | None = None, new_target: str | None = None
) -> tuple[Difference, ...]:
    """All that differs between two manifests (which may be one and the same), those that matter first.

    With targets named, these two are compared; ``new_target`` is ``base_target`` unless it is said. Without, each
    target that both runs have, and a difference that all of them share is listed once, else behind the target's id.

    Raises:
        KeyError: a manifest has no target of that id.
    """
    found = list(_differing(base, new, OF_RUN))
    if base_target is None:
        found += _of_shared_targets(base, new)
    else:
        one, other = base.by_id[base_target], new.by_id[new_target or base_target]
        found += _differing(one, other, OF_TARGET)
        found += _cells(_cases(base, one.id), _cases(new, other.id))
    return tuple(sorted(found, key=lambda difference: not difference.matters))


def _of_shared_targets(base: Manifest, new: Manifest) -> Iterator[Difference]:
    ones, others = base.by_id, new.by_id
    if set(ones) != set(others):
        yield Difference("targets", _listed(ones), _listed(others), "plan")
    by_target = {name: tuple(_differing(ones[name], others[name], OF_TARGET)) for name in ones if name in others}
    every = dict.fromkeys(difference for found in by_target.values() for difference in found)
    for difference in every:
        having = [name for name, found in by_target.items() if difference in found]
        if len(having) == len(by_target):
            yield difference
        else:
            for name in having:
                yield Difference(f"{name}: {difference.name}", difference.base, difference.new, difference.kind)
    shared = [name for name in ones if name in others]
    yield from _cells(
        {f"{case}@{name}" for name in shared for case in _cases(base, name)},
        {f"{case}@{name}" for name in shared for case in _cases(new, name)},
    )


def _differing(
    base: Manifest | TargetRecord, new: Manifest | TargetRecord, fields: Mapping[str, Kind]
) -> Iterator[Difference]:
    for path, kind in fields.items():
        one, other = dict(_leaves(path, at(base, path))), dict(_leaves(path, at(new, path)))
        for name in sorted({*one, *other}):
            if one.get(name) != other.get(name):
                shown = name.removeprefix("facts.")
                yield Difference(shown, _text(one.get(name)), _text(other.get(name)), kind)


def at(found: object, path: str) -> object:
    """The value at a path of fields; None behind what is not recorded.

    Raises:
        AttributeError: the path does not lead along fields.
    """
    for part in path.split("."):
        if found is None or found is UNSET:
            return None
        found = getattr(found, part)
    return found


def _leaves(path: str, value: object) -> Iterator[tuple[str, object]]:
    if isinstance(value, Struct):
        value = {name: getattr(value, name) for name in value.__struct_fields__}
    if isinstance(value, Mapping):
        for name, below in value.items():
            yield from _leaves(f"{path}.{name}", below)
    elif value is not None and value is not UNSET:
        yield path, value


def _cases(manifest: Manifest, target: str) -> set[str]:
    return {cell.case_key for cell in manifest.cells if cell.target == target}


def _cells(one: set[str], other: set[str]) -> Iterator[Difference]:
    if one != other:
        base, new = (
            f"{plural(len(mine), 'cell')}, {len(mine - theirs)} only here"
            for mine, theirs in ((one, other), (other, one))
        )
        yield Difference("cells", base, new, "plan")


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "none"


def _text(value: object) -> str:
    if value is None:
        return NOT_RECORDED
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(map(_text, value)) or "none"
    return f"{value:g}" if isinstance(value, float) and value.is_integer() else str(value)
