"""Selection by glob over names and ids, and by shard; pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase

from lab.errors import UsageError
from lab.plan import Cell, Target


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


def shard(cells: Sequence[Cell], index: int, count: int) -> tuple[Cell, ...]:
    """Shard ``index`` (from 1) of ``count``: whole cases, dealt longest first to the shard with the least to do.

    Raises:
        UsageError: the index is not from 1 to the count.
    """
    if not 1 <= index <= count:
        raise UsageError(f"shard {index}/{count}: I goes from 1 to N, for example --shard 1/3")
    durations: dict[str, float] = {}
    for cell in cells:
        durations[cell.case_key] = durations.get(cell.case_key, 0.0) + cell.estimate_s
    loads = [0.0] * count
    mine: set[str] = set()
    for key in sorted(durations, key=lambda case: (-durations[case], case)):
        shortest = loads.index(min(loads))
        loads[shortest] += durations[key]
        if shortest == index - 1:
            mine.add(key)
    return tuple(cell for cell in cells if cell.case_key in mine)


def parse_shard(text: str) -> tuple[int, int]:
    """``2/3`` as (2, 3).

    Raises:
        UsageError: it is no such thing.
    """
    index, slash, count = text.partition("/")
    if not (slash and index.isdecimal() and count.isdecimal() and int(count) > 0):
        raise UsageError(f"--shard {text}: write I/N with I from 1 to N, for example 1/3")
    return int(index), int(count)


def _matches(text: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(text, pattern) for pattern in patterns)


def _cell_matches(cell: Cell, patterns: Iterable[str]) -> bool:
    return any(_matches(text, patterns) for text in (cell.scenario, cell.case_key, cell.id))
