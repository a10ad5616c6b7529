"""The comparisons within one run: containers and native mode, versions, builds, quota and cpuset.

All pairs come from the manifest's entries; ids are labels and are never parsed. Two machines are never a pair.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from lab.comparisons.comparison import Comparison, contrast
from lab.comparisons.noise import of_pairs
from lab.comparisons.pairing import Pair
from lab.comparisons.sides import STATES, Run, Side
from lab.errors import UsageError
from lab.model import TargetRecord


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One kind of comparison: the name of its file, the names of its sides, and which targets make its pairs."""

    name: str
    base: str
    new: str
    pick: Callable[[Sequence[TargetRecord]], Iterator[tuple[TargetRecord, TargetRecord]]]


def comparisons(run: Run) -> dict[str, Comparison]:
    """Return by name the comparisons of all kinds that the run has a pair for, with the error rates that it holds."""
    return {
        kind.name: contrast(pairs, base=kind.base, new=kind.new, rates=of_pairs(pairs)) for kind, pairs in paired(run)
    }


def paired(run: Run) -> Iterator[tuple[Kind, list[Pair]]]:
    """Yield each kind that the run has a pair for, with its pairs."""
    for kind in (CHANGE, *KINDS):
        if found := list(pairs_of(run, kind)):
            yield kind, found


def change_pairs(base: Side, new: Side) -> tuple[Pair, ...]:
    """Return the pairs of ``RUN@before`` and ``RUN@after``.

    Raises:
        UsageError: they are not these two states of one run, or the run has no state before a change.
    """
    if (base.state, new.state) != STATES or base.run.id != new.run.id:
        raise UsageError("a change is compared as RUN@before RUN@after, of one run; the order says what is NEW")
    found = tuple(pairs_of(base.run, CHANGE))
    if not found:
        raise UsageError(
            f"{base.run.id} has no state before a change that answered; measure one with: python -m lab run --before"
        )
    return found


def pairs_of(run: Run, kind: Kind) -> Iterator[Pair]:
    """Yield the pairs of one kind; a target as it was before a change belongs only to the comparison of that change."""
    for entries in by_machine(run):
        for one, other in kind.pick(entries if kind is CHANGE else as_they_are(entries)):
            yield Pair(base=run, new=run, base_target=one.id, new_target=other.id)


def by_machine(run: Run) -> list[list[TargetRecord]]:
    """The targets that answered, machine by machine."""
    machines: dict[str, list[TargetRecord]] = {}
    for name, entry in run.targets.items():
        if entry.facts:
            machines.setdefault(run.manifest.host_of(name).label, []).append(entry)
    return list(machines.values())


def as_they_are(entries: Sequence[TargetRecord]) -> list[TargetRecord]:
    """The targets as they are, without those of before a change and those that lack something for diagnosis."""
    return [entry for entry in entries if not entry.is_baseline and not entry.diagnose]


def changes(entries: Sequence[TargetRecord]) -> Iterator[tuple[TargetRecord, TargetRecord]]:
    """Yield a target as it was before a change, and as it is."""
    for was in entries:
        for now in entries:
            same = (was.engine, was.key, was.diagnose) == (now.engine, now.key, now.diagnose)
            if was.is_baseline and not now.is_baseline and same and place(was) == place(now):
                yield was, now


def containers_and_native(entries: Sequence[TargetRecord]) -> Iterator[tuple[TargetRecord, TargetRecord]]:
    """Yield native and container of the same interpreter under the same limit: the cost of the container itself."""
    for one in entries:
        for other in entries:
            same = identity(one)[1:] == identity(other)[1:]
            limits = limited(one) == limited(other)
            if same and limits and one.is_native and not other.is_native:
                yield one, other


def versions(entries: Sequence[TargetRecord]) -> Iterator[tuple[TargetRecord, TargetRecord]]:
    """Yield each version and the next newer one in the same place."""
    for group in grouped(entries, lambda entry: (place(entry), entry.build)):
        yield from pairwise(sorted(group, key=version))


def builds(entries: Sequence[TargetRecord]) -> Iterator[tuple[TargetRecord, TargetRecord]]:
    """Yield the builds with and without the GIL of the same version in the same place."""
    for group in grouped(entries, lambda entry: (place(entry), version(entry)[:2])):
        kinds = {entry.build: entry for entry in group}
        if {"gil", "free-threaded"} <= set(kinds):
            yield kinds["gil"], kinds["free-threaded"]


def quotas(entries: Sequence[TargetRecord]) -> Iterator[tuple[TargetRecord, TargetRecord]]:
    """Yield a quota and the cpuset of as many whole CPUs, rounded up, of the same interpreter."""
    for quota in entries:
        for cpuset in entries:
            same = identity(quota)[:-1] == identity(cpuset)[:-1]
            modes = cpuset.cpu_mode in ("cpuset", "affinity") and quota.is_quota
            if same and modes and cpuset.cpus_requested == math.ceil(quota.cpus_requested):
                yield cpuset, quota


CHANGE = Kind(name="before-and-after", base="before", new="after", pick=changes)
KINDS = (
    Kind(name="containers-beside-native", base="native", new="containers", pick=containers_and_native),
    Kind(name="versions", base="the older version", new="the newer version", pick=versions),
    Kind(name="free-threaded-beside-gil", base="with the GIL", new="free-threaded", pick=builds),
    Kind(name="quota-beside-cpuset", base="cpuset", new="quota", pick=quotas),
)


def grouped(entries: Sequence[TargetRecord], key: Callable[[TargetRecord], object]) -> list[list[TargetRecord]]:
    """Entries with the same key together."""
    groups: dict[object, list[TargetRecord]] = {}
    for entry in entries:
        groups.setdefault(key(entry), []).append(entry)
    return list(groups.values())


def identity(entry: TargetRecord) -> tuple[object, ...]:
    """Native or not, system, version, build, number of CPUs."""
    return entry.is_native, system(entry), version(entry), entry.build, entry.cpus_requested


def limited(entry: TargetRecord) -> int | None:
    """The period of its quota, None without one."""
    return entry.period_us if entry.is_quota else None


def place(entry: TargetRecord) -> tuple[object, ...]:
    """Where it runs and under which limit, whatever runs there."""
    return entry.is_native, system(entry), entry.cpu_mode, entry.cpus_requested, entry.period_us


def system(entry: TargetRecord) -> tuple[str, bool]:
    """The operating system that it saw, and whether that was Wine's."""
    return (entry.facts and entry.facts.os) or entry.os, entry.is_wine


def version(entry: TargetRecord) -> tuple[int, ...]:
    """The interpreter's version as numbers, as it reported itself."""
    said = (entry.facts and entry.facts.python) or entry.key
    return tuple(int(part) for part in re.findall(r"\d+", said)[:3])
