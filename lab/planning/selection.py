"""Selection by glob over names and ids, and by shard; pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase

from lab.errors import UsageError
from lab.model import Cell, Target


def matching_targets(targets: Sequence[Target], patterns: Sequence[str]) -> tuple[Target, ...]:
    """The targets whose id matches any of the patterns (all of them where there is no pattern).

    Raises:
        UsageError: no target matches.
    """
    found = tuple(target for target in targets if not patterns or _matches(target.id, patterns))
    if targets and not found:
        known = ", ".join(target.id for target in targets)
        raise UsageError(f"no target matches {' or '.join(patterns)}; there are: {known}")
    return found


def matching_cells(cells: Sequence[Cell], patterns: Sequence[str]) -> tuple[Cell, ...]:
    """The cells whose scenario or id matches any of the patterns (all of them where there is no pattern).

    An id matches with its target or without.

    Raises:
        UsageError: a pattern matches nothing.
    """
    if not patterns:
        return tuple(cells)
    for pattern in patterns:
        if not any(_cell_matches(cell, [pattern]) for cell in cells):
            known = ", ".join(sorted({cell.scenario for cell in cells}))
            raise UsageError(f"no scenario and no cell matches {pattern!r}; the plan has: {known}")
    return tuple(cell for cell in cells if _cell_matches(cell, patterns))


def shard(cells: Sequence[Cell], index: int, count: int, joined: Iterable[Iterable[str]] = ()) -> tuple[Cell, ...]:
    """Shard ``index`` (from 1) of ``count``: whole scenarios on all their targets, those of ``joined`` as one.

    What a report or a claim divides by each other stands within one scenario, whatever its size, mechanism, worker
    count or target; where a claim takes two scenarios, they are ``joined``. So no ratio has its two sides on two
    machines. The longest go first, each to the shard with the least to do: no shard has more than its equal part of
    the time and one such group. Beyond as many shards as groups some are empty.

    Raises:
        UsageError: the index is not from 1 to the count.
    """
    if not 1 <= index <= count:
        raise UsageError(f"shard {index}/{count}: I goes from 1 to N, for example --shard 1/3")
    filled = min(count, max(1, len(cells)))  # the rest would be empty, and a list of billions of them takes all memory
    return shards(cells, filled, joined)[index - 1] if index <= filled else ()


def shards(cells: Sequence[Cell], count: int, joined: Iterable[Iterable[str]] = ()) -> list[tuple[Cell, ...]]:
    """All ``count`` shards of the cells, as ``shard`` deals them."""
    group_of = _groups({cell.scenario for cell in cells}, joined)
    durations: dict[str, float] = {}
    for cell in cells:
        group = group_of[cell.scenario]
        durations[group] = durations.get(group, 0.0) + cell.estimate_s
    loads = [0.0] * count
    place: dict[str, int] = {}
    for group in sorted(durations, key=lambda name: (-durations[name], name)):
        place[group] = loads.index(min(loads))
        loads[place[group]] += durations[group]
    return [tuple(cell for cell in cells if place[group_of[cell.scenario]] == mine) for mine in range(count)]


def _groups(scenarios: Iterable[str], joined: Iterable[Iterable[str]]) -> dict[str, str]:
    """Scenario -> the name of its group: the first scenario of those that are joined, directly or through others."""
    groups = [{name} for name in scenarios]
    for names in map(set, joined):
        touched = [group for group in groups if group & names]
        groups = [group for group in groups if not group & names]
        if touched:
            groups.append(set().union(*touched))
    return {name: min(group) for group in groups for name in group}


def parse_shard(text: str) -> tuple[int, int]:
    """``2/3`` as (2, 3).

    Raises:
        UsageError: it is no such thing.
    """
    index, slash, count = text.partition("/")
    if not (slash and index.isdecimal() and count.isdecimal() and 1 <= int(index) <= int(count)):
        raise UsageError(f"--shard {text}: write I/N with I from 1 to N, for example 1/3")
    return int(index), int(count)


def _matches(text: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(text, pattern) for pattern in patterns)


def _cell_matches(cell: Cell, patterns: Iterable[str]) -> bool:
    return any(_matches(text, patterns) for text in (cell.scenario, cell.case_key, cell.id))
