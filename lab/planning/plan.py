"""From options to a plan: the targets found, their cells, and what other shards have."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lab.agent.scenario import discover
from lab.errors import UsageError
from lab.model import Cell, Target
from lab.planning import baseline, selection
from lab.planning import cells as plan
from lab.planning.profiles import Profile, profile
from lab.planning.survey import Matrix, Wanted, survey
from lab.planning.unplanned import Unplanned, unplanned

Joined = Sequence[Collection[str]]  # sets of scenarios whose cells stand on one machine


@dataclass(frozen=True, kw_only=True)
class Elsewhere:
    """A cell of the same plan that another shard has."""

    shard: int
    cell: Cell
    target: Target


@dataclass(frozen=True, kw_only=True)
class Options:
    """The options of ``lab run`` and ``lab plan``."""

    profile: str
    wanted: Wanted
    targets: tuple[str, ...] = ()
    scenarios: tuple[str, ...] = ()
    shard: tuple[int, int] | None = None
    seed: int = 0
    budget_s: float | None = None
    out: Path | None = None
    slowdown_percent: float = 0.0
    quiet: bool = False
    command: str = ""


@dataclass(frozen=True, kw_only=True)
class Planned:
    """A plan with what it takes to carry it out.

    ``elsewhere`` is what the other shards of it have, ``unplanned`` what its scenarios declare and the profile leaves
    out on these targets.
    """

    profile: Profile
    matrix: Matrix
    targets: tuple[Target, ...]
    cells: tuple[Cell, ...]
    elsewhere: tuple[Elsewhere, ...] = ()
    unplanned: Unplanned = field(default_factory=dict)

    @property
    def expected_s(self) -> float:
        """Expected duration of the profile's rounds, by the scenarios' own first guesses."""
        return self.profile.rounds * sum(cell.estimate_s for cell in self.cells)


def make_plan(options: Options, say: Callable[[str], None], joined: Callable[[], Joined]) -> Planned:
    """Survey this machine and lay out the cells.

    Args:
        options: what the user asked for.
        say: takes one line to the user.
        joined: gives the sets of scenarios that a shard keeps together; it is asked where the plan is sharded.

    Raises:
        NothingToRunOn: there is no target.
        UsageError: something is asked for that does not exist.
    """
    chosen = profile(options.profile)
    matrix = survey(options.wanted, chosen, say)
    targets = selection.matching_targets(matrix.targets, options.targets)
    if sentence := plan.narrowed(targets, chosen):
        say(sentence)
    scenarios = discover()
    every = plan.cells(scenarios.values(), targets, chosen)
    cells = selection.matching_cells(every, options.scenarios)
    names = sorted({cell.scenario for cell in cells})
    left_out = unplanned([scenarios[name] for name in names], targets, every)
    if options.wanted.before:
        targets, cells = baseline.with_twins(targets, cells, options.wanted.before, say)
    elsewhere: tuple[Elsewhere, ...] = ()
    if options.shard:
        cells, elsewhere = _sharded(cells, targets, options.shard, joined())
    used = {cell.target for cell in cells}
    return Planned(
        profile=chosen,
        matrix=matrix,
        targets=tuple(target for target in targets if target.id in used),
        cells=cells,
        elsewhere=elsewhere,
        unplanned=left_out,
    )


def _sharded(
    cells: Sequence[Cell], targets: Sequence[Target], shard: tuple[int, int], joined: Joined
) -> tuple[tuple[Cell, ...], tuple[Elsewhere, ...]]:
    index, count = shard
    mine = selection.shard(cells, index, count, joined)
    if not mine:
        raise UsageError(f"shard {index}/{count} of this plan is empty; take fewer shards")
    dealt = enumerate(selection.shards(cells, count, joined), 1)
    by_id = {target.id: target for target in targets}
    others = [(number, cell) for number, part in dealt if number != index for cell in part]
    return mine, tuple(Elsewhere(shard=number, cell=cell, target=by_id[cell.target]) for number, cell in others)
