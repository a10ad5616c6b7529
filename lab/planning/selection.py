"""Select targets and cells by glob, and divide a plan into shards. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase

from lab.errors import UsageError
from lab.model import Cell, Target
from lab.planning.contrasts import Roles


def matching_targets(targets: Sequence[Target], patterns: Sequence[str]) -> tuple[Target, ...]:
    """The targets whose id matches any of the patterns; all targets without a pattern.

    Raises:
        UsageError: no target matches.
    """
    found = tuple(target for target in targets if not patterns or _matches(target.id, patterns))
    if targets and not found:
        known = ", ".join(target.id for target in targets)
        raise UsageError(f"no target matches {' or '.join(patterns)}; found: {known}")
    return found


def matching_cells(cells: Sequence[Cell], patterns: Sequence[str]) -> tuple[Cell, ...]:
    """The cells whose scenario or id matches any of the patterns; all cells without a pattern.

    A pattern may match an id with or without its target.

    Raises:
        UsageError: a pattern matches no cell.
    """
    if not patterns:
        return tuple(cells)
    for pattern in patterns:
        if not any(_cell_matches(cell, [pattern]) for cell in cells):
            known = ", ".join(sorted({cell.scenario for cell in cells}))
            raise UsageError(f"no scenario and no cell matches {pattern!r}; the plan has: {known}")
    return tuple(cell for cell in cells if _cell_matches(cell, patterns))


def cells_of_questions(
    cells: Sequence[Cell], roles: Roles, questions: Sequence[str], *, may_be_empty: bool = False
) -> tuple[Cell, ...]:
    """The cells that one of the questions needs; all cells without a question.

    Raises:
        UsageError: no cell is needed, unless that may be.
    """
    if not questions:
        return tuple(cells)
    found = tuple(cell for cell in cells if roles[cell.id].questions & set(questions))
    if not found and not may_be_empty:
        raise UsageError(f"no cell of this plan answers --question {' or '.join(questions)}; leave out --scenario")
    return found


def shard(cells: Sequence[Cell], index: int, count: int, joined: Iterable[Iterable[str]] = ()) -> tuple[Cell, ...]:
    """The cells of shard ``index`` (from 1) of ``count``.

    A shard has whole scenarios on all their targets, and all scenarios of one set of ``joined``. A ratio in a report
    or a claim divides cells of one scenario, or of scenarios that are joined; so both sides of a ratio are measured on
    one machine. Groups of scenarios are assigned from the longest to the shortest, each to the shard with the least to
    do: no shard takes longer than an equal part of the time plus one group. With more shards than groups some shards
    are empty.

    Raises:
        UsageError: ``index`` is not from 1 to ``count``.
    """
    if not 1 <= index <= count:
        raise UsageError(f"shard {index}/{count} does not exist; write I/N with I from 1 to N, for example --shard 1/3")
    filled = min(count, max(1, len(cells)))  # the others are empty; a list of billions of shards would fill the memory
    return shards(cells, filled, joined)[index - 1] if index <= filled else ()


def shards(cells: Sequence[Cell], count: int, joined: Iterable[Iterable[str]] = ()) -> list[tuple[Cell, ...]]:
    """All ``count`` shards of the cells, by the rules of ``shard``."""
    group_of = _groups({cell.scenario for cell in cells}, joined)
    durations: dict[str, float] = {}
    for cell in cells:
        group = group_of[cell.scenario]
        durations[group] = durations.get(group, 0.0) + cell.estimate_s
    loads = [0.0] * count
    shard_of: dict[str, int] = {}
    for group in sorted(durations, key=lambda name: (-durations[name], name)):
        shard_of[group] = loads.index(min(loads))
        loads[shard_of[group]] += durations[group]
    return [tuple(cell for cell in cells if shard_of[group_of[cell.scenario]] == number) for number in range(count)]


def _groups(scenarios: Iterable[str], joined: Iterable[Iterable[str]]) -> dict[str, str]:
    """Scenario -> its group's name, which is the first of the scenarios joined to it directly or through others."""
    groups = [{name} for name in scenarios]
    for names in map(set, joined):
        touched = [group for group in groups if group & names]
        groups = [group for group in groups if not group & names]
        if touched:
            groups.append(set().union(*touched))
    return {name: min(group) for group in groups for name in group}


def parse_shard(text: str) -> tuple[int, int]:
    """Parse ``2/3`` as (2, 3).

    Raises:
        UsageError: the text is not I/N with I from 1 to N.
    """
    index, slash, count = text.partition("/")
    if not (slash and index.isdecimal() and count.isdecimal() and 1 <= int(index) <= int(count)):
        raise UsageError(f"--shard {text} is not a shard; write I/N with I from 1 to N, for example 1/3")
    return int(index), int(count)


def _matches(text: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(text, pattern) for pattern in patterns)


def _cell_matches(cell: Cell, patterns: Iterable[str]) -> bool:
    return any(_matches(text, patterns) for text in (cell.scenario, cell.case_key, cell.id))
