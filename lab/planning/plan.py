"""Make a plan from options: the targets found, their cells, and the cells of other shards."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from lab.agent.scenario import discover
from lab.errors import UsageError
from lab.model import Cell, Target
from lab.planning import cells as plan
from lab.planning import selection
from lab.planning.baseline import with_baselines
from lab.planning.budget import Layout, Share, lay_out, ranked
from lab.planning.contrasts import QUESTIONS, Claims, Roles, cell_roles
from lab.planning.profiles import Profile, profile
from lab.planning.survey import Matrix, Wanted, survey
from lab.planning.unplanned import Unplanned, unplanned_values
from lab.targets.interpreters import oldest_and_newest
from lab.text import in_words, plural

LEAST_ROUNDS = 5  # the least of an interval (``lab.stats.intervals``): below them nothing can be decided


@dataclass(frozen=True, kw_only=True)
class OtherShardCell:
    """A cell of the plan that belongs to another shard (numbered from 1), and its target."""

    shard: int
    cell: Cell
    target: Target


@dataclass(frozen=True, kw_only=True)
class Options:
    """The options of ``lab run`` and ``lab plan``; ``rounds`` and ``budget_s`` are None where the profile's apply."""

    profile: str
    wanted: Wanted
    questions: tuple[str, ...] = ()
    rounds: int | None = None
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

    ``cells`` are all cells, and ``layout`` says which of them the budget does not carry. ``roles`` say what each is
    needed for. ``elsewhere`` has the cells of the other shards. ``unplanned`` has the values that scenarios declare and
    the profile leaves out on these targets.
    """

    profile: Profile
    matrix: Matrix
    targets: tuple[Target, ...]
    cells: tuple[Cell, ...]
    layout: Layout
    budget_s: float
    roles: Roles = field(default_factory=dict)
    elsewhere: tuple[OtherShardCell, ...] = ()
    unplanned: Unplanned = field(default_factory=dict)

    @property
    def kept(self) -> tuple[Cell, ...]:
        """The cells that are measured."""
        return tuple(cell for cell in self.cells if cell.id not in self.layout.dropped)


def make_plan(options: Options, say: Callable[[str], None], claims: Claims) -> Planned:
    """Find the targets of this machine and lay out the cells.

    Args:
        options: what the user requested.
        say: shows one line to the user.
        claims: returns what the claims need of a plan.

    Raises:
        NothingToRunOn: no target was found.
        UsageError: an option names a profile, version, target, scenario or shard that does not exist, or the budget
            does not carry enough rounds of what matters most.
    """
    chosen = _with_rounds(profile(options.profile), options.rounds)
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
    claimed = claims(cells, targets)
    roles = cell_roles(
        cells,
        targets,
        scenarios,
        claimed,
        every_version=bool(options.wanted.pythons),
        newest_claims=chosen.claims == "newest",
    )
    cells = selection.cells_of_questions(cells, roles, options.questions)
    elsewhere: tuple[OtherShardCell, ...] = ()
    if options.shard:
        scenario_of = {cell.id: cell.scenario for cell in cells}
        joined = [{scenario_of[name] for name in each.cells if name in scenario_of} for each in claimed]
        cells, elsewhere = _sharded(cells, targets, options.shard, joined)
    used = {cell.target for cell in cells}
    targets = tuple(target for target in targets if target.id in used)
    layout, budget_s = fit(options, chosen, cells, targets, roles)
    return Planned(
        profile=replace(chosen, rounds=layout.rounds, max_rounds=max(layout.rounds, chosen.max_rounds)),
        matrix=matrix,
        targets=targets,
        cells=cells,
        layout=layout,
        budget_s=budget_s,
        roles=roles,
        elsewhere=elsewhere,
        unplanned=left_out,
    )


def _with_rounds(chosen: Profile, rounds: int | None) -> Profile:
    return replace(chosen, rounds=rounds, max_rounds=rounds) if rounds else chosen


def fit(
    options: Options, chosen: Profile, cells: Sequence[Cell], targets: Sequence[Target], roles: Roles
) -> tuple[Layout, float]:
    """What the budget carries of the cells, and the budget in seconds.

    With questions and no budget of the user's it is that of the questions, or as much more of the profile's as their
    rounds need.

    Raises:
        UsageError: the budget does not carry the least rounds of the first rank.
    """
    shares = ranked(cells, roles, {})
    least = min(LEAST_ROUNDS, chosen.rounds)
    needed_s = least * first_rank_s(shares)
    budget_s = options.budget_s or chosen.budget_s
    if options.questions and not options.budget_s:
        budget_s = min(budget_s, max(needed_s, chosen.question_s * len(options.questions)))
    if needed_s > budget_s and not options.rounds and chosen.rounds >= LEAST_ROUNDS:
        raise UsageError(_refusal(least, budget_s, cells, targets, roles))
    return lay_out(shares, budget_s, chosen.rounds, most_processes=chosen.processes), budget_s


def first_rank_s(shares: Sequence[Share]) -> float:
    """Expected seconds of one round of the first rank; of all cells where none has that rank."""
    first = [share for share in shares if share.rank == min(each.rank for each in shares)]
    return sum(share.cost_s for share in first)


def _refusal(least: int, budget_s: float, cells: Sequence[Cell], targets: Sequence[Target], roles: Roles) -> str:
    """Why the plan is refused, with three options that fit."""

    def needs_s(part: Sequence[Cell]) -> float:
        return least * first_rank_s(ranked(part, roles, {}))

    def option(given: str, part: Sequence[Cell]) -> str:
        return given if needs_s(part) <= budget_s else f"{given} --budget {_rounded_up(needs_s(part))}"

    parts = {name: selection.cells_of_questions(cells, roles, [name], may_be_empty=True) for name in QUESTIONS}
    question = min((name for name, part in parts.items() if part), key=lambda name: needs_s(parts[name]), default="")
    version = oldest_and_newest([target.key for target in targets])[-1]
    keys = {target.id: target.key for target in targets}
    offers = [
        f"--budget {_rounded_up(needs_s(cells))}",
        *([option(f"--question {question}", parts[question])] if question else []),
        option(f"--python {version}", [cell for cell in cells if keys[cell.target] == version]),
    ]
    return (
        f"a budget of {in_words(budget_s)} does not carry {plural(least, 'round')} of the cells that answers and "
        f"claims need, about {in_words(needs_s(cells))}, and fewer rounds decide nothing; "
        f"use {', or '.join(offers)}, or set --rounds"
    )


def _rounded_up(seconds: float) -> str:
    """A duration as ``--budget`` takes it, in full minutes."""
    return f"{-(-seconds // 60):.0f}m"


def _sharded(
    cells: Sequence[Cell], targets: Sequence[Target], shard: tuple[int, int], joined: Sequence[Collection[str]]
) -> tuple[tuple[Cell, ...], tuple[OtherShardCell, ...]]:
    index, count = shard
    mine = selection.shard(cells, index, count, joined)
    if not mine:
        raise UsageError(f"shard {index}/{count} of this plan is empty; choose fewer shards")
    shards = enumerate(selection.shards(cells, count, joined), 1)
    by_id = {target.id: target for target in targets}
    others = [(number, cell) for number, part in shards if number != index for cell in part]
    return mine, tuple(OtherShardCell(shard=number, cell=cell, target=by_id[cell.target]) for number, cell in others)
