"""What a budget carries: rounds are promised, and what does not fit is left out from the end of the ranking. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from lab.model import Cell
from lab.planning.blocks import BLOCK_S, is_repeated, parts
from lab.planning.contrasts import QUESTIONS, RANKS, Rank, Roles, role_of
from lab.text import in_words, plural

START_S = 0.6  # the start and end of a container or process, once per block and target
OVERHEAD = 1 + START_S / BLOCK_S  # wall time over the time of the cells


@dataclass(frozen=True, kw_only=True)
class Layout:
    """What is measured of a plan: its rounds, what each round takes, and what is left out.

    Attributes:
        rounds: the rounds of every cell.
        processes: unit -> processes per round of its cells of the first rank, where there are several.
        dropped: cell id -> why the budget does not carry it.
        round_s: rank -> expected seconds of one round.
    """

    rounds: int
    processes: Mapping[str, int] = field(default_factory=dict)
    dropped: Mapping[str, str] = field(default_factory=dict)
    round_s: Mapping[Rank, float] = field(default_factory=dict)

    @property
    def expected_s(self) -> float:
        """Expected duration of all rounds in seconds."""
        return self.rounds * sum(self.round_s.values())


@dataclass(frozen=True, kw_only=True)
class Share:
    """The cells of one rank of a unit, which are measured or left out together."""

    rank: Rank
    unit: str
    cells: tuple[Cell, ...]
    cost_s: float  # of one round
    again_s: float  # of each further process per round


def ranked(
    cells: Sequence[Cell], roles: Roles, durations_s: Mapping[str, float], overhead: float = OVERHEAD
) -> list[Share]:
    """The shares of a plan, the most needed first.

    Within the first rank the questions take turns in their order, the claims last: each gets its first unit before any
    gets its second, so that an expensive unit of one question is left out before the only one of another. What answers
    several questions comes before what answers one. Of the others the first of every scenario come first, so that the
    long tails of a catalogue are left out before a whole scenario is.

    Args:
        cells: the cells of the plan.
        roles: what they are needed for.
        durations_s: cell id -> measured duration in seconds; other cells count with their estimate.
        overhead: wall time over the time of the cells.
    """
    grouped: dict[tuple[Rank, str], list[Cell]] = {}
    places: dict[tuple[Rank, str], int] = {}
    seen: dict[tuple[Rank, str], int] = {}
    for cell in cells:
        role = role_of(cell, roles)
        key = role.rank, role.unit
        if key not in places:
            places[key] = seen.get((role.rank, cell.scenario), 0)
            seen[role.rank, cell.scenario] = places[key] + 1
        grouped.setdefault(key, []).append(cell)
    by_id = {cell.id: cell for cell in cells}
    names = list(QUESTIONS)

    def seconds(mine: Sequence[Cell]) -> float:
        divided = parts(mine, roles, durations_s, BLOCK_S, by_id) if mine else []
        return overhead * sum(durations_s.get(cell.id, cell.estimate_s) for part in divided for cell in part)

    asked = {key: {name for cell in mine for name in role_of(cell, roles).questions} for key, mine in grouped.items()}

    def question(key: tuple[Rank, str]) -> int:
        return min(map(names.index, asked[key]), default=0)

    turns: dict[tuple[Rank, str], int] = {}
    taken: Counter[int] = Counter()
    for key in sorted(grouped, key=lambda key: (key[0], question(key), places[key], -len(asked[key]), key[1])):
        turns[key] = taken[question(key)] if key[0] == 1 else 0
        taken[question(key)] += key[0] == 1

    def order(key: tuple[Rank, str]) -> tuple[int, bool, int, int, int, str]:
        last = question(key) == names.index("claims")
        return key[0], last, turns[key], question(key), places[key], key[1]

    return [
        Share(
            rank=key[0],
            unit=key[1],
            cells=tuple(grouped[key]),
            cost_s=seconds(grouped[key]),
            again_s=seconds([cell for cell in grouped[key] if is_repeated(role_of(cell, roles))]),
        )
        for key in sorted(grouped, key=order)
    ]


def lay_out(
    shares: Sequence[Share],
    budget_s: float,
    rounds: int,
    *,
    most_processes: int = 1,
    later: Collection[str] = (),
) -> Layout:
    """What the budget carries of the shares, in their order.

    Up to half of what the first rank leaves of the budget goes to a second process per round of it, the rest to the
    other ranks, and what then remains to further processes.

    Args:
        shares: as ``ranked`` returns them.
        budget_s: seconds.
        rounds: the promised rounds.
        most_processes: the most processes per round of the first rank.
        later: ids of cells that have been left out of one round already, and get it at the end.
    """
    first = [share for share in shares if share.rank == 1]
    carried = _Carried(left_s=budget_s, rounds=rounds, later=later)
    kept = carried.take(first) or list(first[:1])
    if len(kept) == len(first):
        reserved_s = carried.left_s / 2
        carried.left_s -= reserved_s
        carried.repeat(first, 2, most_processes)
        carried.left_s += reserved_s
        kept += carried.take(shares[len(first) :])
        for count in range(2, most_processes + 1):
            carried.repeat(first, count, most_processes)
    return Layout(
        rounds=rounds,
        processes=carried.processes,
        dropped={
            cell.id: _reason(share.rank, rounds, budget_s)
            for share in shares
            if not any(share is each for each in kept)
            for cell in share.cells
        },
        round_s=_round_s(kept, carried.processes),
    )


@dataclass(kw_only=True)
class _Carried:
    """What a budget carries so far; ``left_s`` is what is left of it."""

    left_s: float
    rounds: int
    later: Collection[str]
    processes: dict[str, int] = field(default_factory=dict)

    def take(self, shares: Sequence[Share]) -> list[Share]:
        """Take the shares in their order, and return those that fit.

        One that is too large for what is left gives way to the smaller ones behind it, which would else be lost with
        it.
        """
        taken = []
        for share in shares:
            needs_s = share.cost_s * (self.rounds + any(cell.id in self.later for cell in share.cells))
            if needs_s <= self.left_s:
                self.left_s -= needs_s
                taken.append(share)
        return taken

    def repeat(self, shares: Sequence[Share], count: int, most: int) -> None:
        """Give the shares that have one process less, and fit, so many processes per round."""
        for share in shares if count <= most else ():
            if self.processes.get(share.unit, 1) == count - 1 and 0 < share.again_s * self.rounds <= self.left_s:
                self.processes[share.unit] = count
                self.left_s -= share.again_s * self.rounds


def _round_s(shares: Sequence[Share], processes: Mapping[str, int]) -> dict[Rank, float]:
    found: dict[Rank, float] = {}
    for share in shares:
        again_s = share.again_s * (processes.get(share.unit, 1) - 1) if share.rank == 1 else 0.0
        found[share.rank] = found.get(share.rank, 0.0) + share.cost_s + again_s
    return found


def _reason(rank: Rank, rounds: int, budget_s: float) -> str:
    return (
        f"left out: {in_words(budget_s)} do not carry {plural(rounds, 'round')} of all cells, and this one is of rank "
        f"{rank} of {len(RANKS)} ({RANKS[rank]}); give a larger --budget, or select it with --scenario"
    )
