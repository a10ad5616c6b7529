"""Divide the cells of a round into blocks, in which what is divided by each other is measured close in time. Pure.

Two cells correlate by 0.75 where one follows the other, by 0.56 at a distance of 3 s, and not at all beyond 13 s.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence

from lab.model import Cell
from lab.planning.contrasts import QUESTIONS, Role, Roles, role_of

BLOCK_S = 10.0
Group = list[Cell]


def blocks(
    todo: Sequence[Cell],
    durations_s: Mapping[str, float],
    rng: random.Random,
    longest_s: float = BLOCK_S,
    *,
    roles: Roles | None = None,
    processes: Mapping[str, int] | None = None,
    available: Mapping[str, Cell] | None = None,
) -> list[Group]:
    """Divide the cells of a round into blocks that take each target at most ``longest_s``, in random order.

    The cells of a unit (``Role.unit``) share a block on all targets, one after the other in random order. A unit that
    takes longer is divided into parts, each of which has the baselines of its cells, and is as long as the longest
    case with its baselines where that takes more than ``longest_s``. A unit that is measured by several
    processes per round occurs as often. The number of blocks starts at the least that the busiest target needs and
    grows until every block fits. A cell longer than ``longest_s`` is the only one of its target in its block.

    Args:
        todo: the cells.
        durations_s: cell id -> measured duration in seconds; other cells count with their estimate.
        rng: determines the order of blocks, and of cells in a block.
        longest_s: the limit for one target in one block.
        roles: what the cells are needed for; without it each case is a unit.
        processes: unit -> processes per round of its cells of the first rank.
        available: cell id -> cell that may be measured again as a baseline; by default the cells of ``todo``.
    """
    roles, again = roles or {}, {cell.id: cell for cell in todo} if available is None else available
    units: dict[str, Group] = {}
    for cell in todo:
        units.setdefault(role_of(cell, roles).unit, []).append(cell)
    groups: list[Group] = []
    for unit in sorted(units):
        for number in range((processes or {}).get(unit, 1)):
            cells = [cell for cell in units[unit] if number == 0 or is_repeated(role_of(cell, roles))]
            rng.shuffle(cells)
            groups += parts(cells, roles, durations_s, longest_s, again)
    rng.shuffle(groups)
    groups.sort(key=lambda group: -max(_by_target(group, durations_s).values()))
    found = _fitting(groups, durations_s, longest_s)
    rng.shuffle(found)
    for block in found:
        rng.shuffle(block)
        for group in block:
            rng.shuffle(group)
    return [[cell for group in block for cell in group] for block in found]


def is_repeated(role: Role) -> bool:
    """Whether a cell gets several processes per round: one of the first rank that is compared with others.

    What answers no question but those that compare versions, or is there for claims alone, as on targets that repeat
    another one, is measured once: the time goes to the ratios that the report begins with.
    """
    answers = not role.questions or any(not QUESTIONS[name].compares_versions for name in role.questions)
    return role.rank == 1 and role.is_compared and answers


def parts(
    cells: Sequence[Cell],
    roles: Roles,
    durations_s: Mapping[str, float],
    longest_s: float,
    available: Mapping[str, Cell],
) -> list[Group]:
    """The cells of one unit in as few parts as fit, each with its baselines; arguments as of ``blocks``."""
    baselines = {each for cell in cells for each in role_of(cell, roles).baselines}
    own = {cell.id for cell in cells}
    cases: dict[str, Group] = {}
    for cell in cells:
        if cell.id not in baselines:
            cases.setdefault(cell.case_key, []).append(cell)

    def with_baselines(group: Iterable[Cell]) -> Group:
        found = {cell.id: cell for cell in group}
        waiting = list(found.values())
        while waiting:
            needed = [available[each] for each in role_of(waiting.pop(), roles).baselines if each in available]
            new = [cell for cell in needed if cell.id not in found]
            found.update((cell.id, cell) for cell in new)
            waiting += [cell for cell in new if cell.id in own]  # a baseline of this unit may need one of another
        return list(found.values())

    found: list[Group] = []
    # A case that is too long by itself, as under a quota, must not cut up the cells of all other targets.
    alone_s = [max(_by_target(with_baselines(case), durations_s).values()) for case in cases.values()]
    longest_s = max([longest_s, *alone_s])
    total_s = max(_by_target((cell for case in cases.values() for cell in case), durations_s).values(), default=0.0)
    for count in range(max(1, min(len(cases), int(total_s // longest_s))), len(cases) + 1):
        divided = _distributed(list(cases.values()), durations_s, count)
        found = [with_baselines(cell for case in part for cell in case) for part in divided if part]
        if all(max(_by_target(part, durations_s).values()) <= longest_s for part in found):
            break
    included = {cell.id for part in found for cell in part}
    alone = with_baselines(cell for cell in cells if cell.id not in included)
    return [*found, alone] if alone else found


def _fitting(groups: Sequence[Group], durations_s: Mapping[str, float], longest_s: float) -> list[list[Group]]:
    totals: dict[str, float] = {}
    for group in groups:
        for target, seconds in _by_target(group, durations_s).items():
            totals[target] = totals.get(target, 0.0) + seconds
    count = max(1, int(-(-max(totals.values(), default=0.0) // longest_s)))
    found = _distributed(groups, durations_s, count)
    while not all(_fits(block, durations_s, longest_s) for block in found):
        count += 1
        found = _distributed(groups, durations_s, count)
    return [block for block in found if block]


def _distributed(groups: Sequence[Group], durations_s: Mapping[str, float], count: int) -> list[list[Group]]:
    """Distribute the groups over ``count`` blocks, each into the block with the least load on the group's targets."""
    loads: list[dict[str, float]] = [{} for _ in range(count)]
    found: list[list[Group]] = [[] for _ in range(count)]
    for group in groups:
        own = _by_target(group, durations_s)
        index = min(range(count), key=lambda i: max(loads[i].get(target, 0.0) for target in own))
        for target, seconds in own.items():
            loads[index][target] = loads[index].get(target, 0.0) + seconds
        found[index].append(group)
    return found


def _fits(block: Sequence[Group], durations_s: Mapping[str, float], longest_s: float) -> bool:
    """Whether every target of the block needs at most ``longest_s``, or has a single group in it."""
    shares: dict[str, list[float]] = {}
    for group in block:
        for target, seconds in _by_target(group, durations_s).items():
            shares.setdefault(target, []).append(seconds)
    return all(len(own) == 1 or sum(own) <= longest_s for own in shares.values())


def _by_target(cells: Iterable[Cell], durations_s: Mapping[str, float]) -> dict[str, float]:
    """Target -> seconds that these cells take it."""
    found: dict[str, float] = {}
    for cell in cells:
        found[cell.target] = found.get(cell.target, 0.0) + durations_s.get(cell.id, cell.estimate_s)
    return found
