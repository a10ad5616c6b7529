"""What a run holds side by side of itself: containers and native mode, versions, builds, quota and cpuset.

All pairs come from the manifest's entries; ids are labels and are never parsed. Two machines are never a pair.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from lab.comparisons.comparison import Comparison, contrast
from lab.comparisons.pairing import Pair, host, is_wine
from lab.comparisons.sides import Run

Entry = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One kind of comparison: its file's name, what its sides are called, and which targets make its pairs."""

    name: str
    base: str
    new: str
    pick: Callable[[Sequence[Entry]], Iterator[tuple[Entry, Entry]]]


def comparisons(run: Run, *, floor: float | None = None) -> dict[str, Comparison]:
    """Name -> comparison, of those kinds that the run has a pair for.

    Args:
        run: the run.
        floor: the machine's A/A floor, where one was measured.
    """
    return {kind.name: contrast(pairs, base=kind.base, new=kind.new, floor=floor) for kind, pairs in paired(run)}


def paired(run: Run) -> Iterator[tuple[Kind, list[Pair]]]:
    """Each kind that the run has a pair for, with its pairs."""
    for kind in KINDS:
        pairs = [
            Pair(base=run, new=run, base_target=str(one["id"]), new_target=str(other["id"]))
            for entries in by_machine(run)
            for one, other in kind.pick(entries)
        ]
        if pairs:
            yield kind, pairs


def by_machine(run: Run) -> list[list[Entry]]:
    """The targets that answered, machine by machine."""
    machines: dict[str, list[Entry]] = {}
    for name, entry in run.targets.items():
        if entry.get("facts"):
            machines.setdefault(str(host(run, name).get("label")), []).append(entry)
    return list(machines.values())


def containers_and_native(entries: Sequence[Entry]) -> Iterator[tuple[Entry, Entry]]:
    """Native and container of the same interpreter with as many CPUs: what the container itself costs."""
    for one in entries:
        for other in entries:
            same = identity(one)[1:] == identity(other)[1:]
            if same and is_native(one) and not is_native(other) and other["cpu_mode"] == "cpuset":
                yield one, other


def versions(entries: Sequence[Entry]) -> Iterator[tuple[Entry, Entry]]:
    """Each version and the next newer one in the same place."""
    for group in grouped(entries, lambda entry: (place(entry), entry["build"])):
        yield from pairwise(sorted(group, key=version))


def builds(entries: Sequence[Entry]) -> Iterator[tuple[Entry, Entry]]:
    """With and without the GIL, of the same version in the same place."""
    for group in grouped(entries, lambda entry: (place(entry), version(entry)[:2])):
        kinds = {entry["build"]: entry for entry in group}
        if {"gil", "free-threaded"} <= set(kinds):
            yield kinds["gil"], kinds["free-threaded"]


def quotas(entries: Sequence[Entry]) -> Iterator[tuple[Entry, Entry]]:
    """A quota and the cpuset of as many whole CPUs, rounded up, of the same interpreter."""
    for quota in entries:
        for cpuset in entries:
            same = identity(quota)[:-1] == identity(cpuset)[:-1]
            modes = (cpuset["cpu_mode"], quota["cpu_mode"]) == ("cpuset", "quota")
            if same and modes and cpuset["cpus_requested"] == math.ceil(quota["cpus_requested"]):
                yield cpuset, quota


KINDS = (
    Kind(name="containers-beside-native", base="native", new="containers", pick=containers_and_native),
    Kind(name="versions", base="the older version", new="the newer version", pick=versions),
    Kind(name="free-threaded-beside-gil", base="with the GIL", new="free-threaded", pick=builds),
    Kind(name="quota-beside-cpuset", base="cpuset", new="quota", pick=quotas),
)


def grouped(entries: Sequence[Entry], key: Callable[[Entry], object]) -> list[list[Entry]]:
    """Entries with the same key together."""
    groups: dict[object, list[Entry]] = {}
    for entry in entries:
        groups.setdefault(key(entry), []).append(entry)
    return list(groups.values())


def identity(entry: Entry) -> tuple[object, ...]:
    """Native or not, system, version, build, number of CPUs."""
    system = (str(entry["facts"].get("os", entry.get("os"))), is_wine(entry))
    return is_native(entry), system, version(entry), entry["build"], entry["cpus_requested"]


def place(entry: Entry) -> tuple[object, ...]:
    """Where it runs and under which limit, whatever runs there."""
    system = (str(entry["facts"].get("os", entry.get("os"))), is_wine(entry))
    return is_native(entry), system, entry["cpu_mode"], entry["cpus_requested"], entry.get("period_us")


def is_native(entry: Entry) -> bool:
    """Whether it runs on the host itself."""
    return entry.get("engine") in ("none", "", None)


def version(entry: Entry) -> tuple[int, ...]:
    """The interpreter's version as numbers, as it told itself."""
    return tuple(int(part) for part in re.findall(r"\d+", str(entry["facts"].get("python", entry.get("key"))))[:3])
