"""Make a plan from options: the targets found, their cells, and the cells of other shards."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lab.agent.scenario import discover
from lab.errors import UsageError
from lab.model import Cell, Target
from lab.planning import cells as plan
from lab.planning import selection
from lab.planning.baseline import with_baselines
from lab.planning.profiles import Profile, profile
from lab.planning.survey import Matrix, Wanted, survey
from lab.planning.unplanned import Unplanned, unplanned_values

Joined = Sequence[Collection[str]]  # sets of scenarios that one machine must measure


@dataclass(frozen=True, kw_only=True)
class OtherShardCell:
    """A cell of the plan that belongs to another shard (numbered from 1), and its target."""

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
    """A plan, with the engine, images and interpreters to carry it out.

    ``elsewhere`` has the cells of the other shards. ``unplanned`` has the values that scenarios declare and the profile
    leaves out on these targets.
    """

    profile: Profile
    matrix: Matrix
    targets: tuple[Target, ...]
    cells: tuple[Cell, ...]
    elsewhere: tuple[OtherShardCell, ...] = ()
    unplanned: Unplanned = field(default_factory=dict)

    @property
    def expected_s(self) -> float:
        """Expected duration of the profile's rounds in seconds, by the estimates that scenarios declare."""
        return self.profile.rounds * sum(cell.estimate_s for cell in self.cells)


def make_plan(options: Options, say: Callable[[str], None], joined: Callable[[], Joined]) -> Planned:
    """Find the targets of this machine and lay out the cells.

    Args:
        options: what the user requested.
        say: shows one line to the user.
        joined: returns the sets of scenarios that must stay in one shard; called for sharded plans only.

    Raises:
        NothingToRunOn: no target was found.
        UsageError: an option names a profile, version, target, scenario or shard that does not exist.
    """
    chosen = profile(options.profile)
    matrix = survey(options.wanted, chosen, say)
    targets = selection.matching_targets(matrix.targets, options.targets)
    if sentence := plan.narrowing_sentence(targets, chosen):
        say(sentence)
    scenarios = discover()
    every = plan.cells(scenarios.values(), targets, chosen)
    cells = selection.matching_cells(every, options.scenarios)
    names = sorted({cell.scenario for cell in cells})
    left_out = unplanned_values([scenarios[name] for name in names], targets, every)
    if options.wanted.baseline:
        targets, cells = with_baselines(targets, cells, options.wanted.baseline, say)
    elsewhere: tuple[OtherShardCell, ...] = ()
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
) -> tuple[tuple[Cell, ...], tuple[OtherShardCell, ...]]:
    index, count = shard
    mine = selection.shard(cells, index, count, joined)
    if not mine:
        raise UsageError(f"shard {index}/{count} of this plan is empty; choose fewer shards")
    shards = enumerate(selection.shards(cells, count, joined), 1)
    by_id = {target.id: target for target in targets}
    others = [(number, cell) for number, part in shards if number != index for cell in part]
    return mine, tuple(OtherShardCell(shard=number, cell=cell, target=by_id[cell.target]) for number, cell in others)
