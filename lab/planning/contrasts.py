"""What each cell of a plan is needed for, from the declarations of scenarios, figures and claims. Pure.

Cells are ranked by what needs them, so that a budget leaves out what nobody concludes from before it takes rounds from
what decides: 1 the answers to questions and the claims, 2 the figures, 3 the rest of the catalogue.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from lab.agent.scenario import Contrast, Scenario, View
from lab.errors import UsageError
from lab.model import Cell, Target
from lab.targets.interpreters import oldest_and_newest

Rank = Literal[1, 2, 3]
RANKS: Mapping[Rank, str] = {1: "answers and claims", 2: "figures", 3: "the rest of the catalogue"}
CLAIMS = "claims"


@dataclass(frozen=True, kw_only=True)
class Question:
    """A question that a run can be limited to.

    ``compares_versions``: whether it needs all versions of the run; else the newest answers it, unless the user named
    versions.
    """

    text: str
    compares_versions: bool = False


QUESTIONS: Mapping[str, Question] = {
    "workers": Question(text="How many workers should a pool have?"),
    "ipc": Question(text="What does it cost to move a message between processes, and by which mechanism?"),
    "start": Question(text="What does starting a process cost, in time and in memory?"),
    "versions": Question(text="What changed between two Python versions?", compares_versions=True),
    "model": Question(text="Threads, processes, interpreters or asyncio?"),
    "state": Question(text="What does sharing state between processes cost?"),
    CLAIMS: Question(text="Is what tutorials say about multiprocessing true here?", compares_versions=True),
}


@dataclass(frozen=True, kw_only=True)
class Claimed:
    """What one test of a claim needs: cell id -> the operation that it judges, and numerator -> its denominators."""

    cells: Mapping[str, str]
    divided: Mapping[str, Sequence[str]] = field(default_factory=dict)


Claims = Callable[[Sequence[Cell], Sequence[Target]], Sequence[Claimed]]


@dataclass(frozen=True, kw_only=True)
class Role:
    """What a cell is needed for.

    Attributes:
        rank: see ``RANKS``.
        unit: the cells of one contrast on all targets, which share blocks.
        is_compared: whether other cells are divided by it, or it by them.
        baselines: ids of the cells of its target that every block with this cell measures again.
        operations: the operations whose precision decides when the cell has enough rounds; none: its first.
        questions: the questions that need the cell.
        law: whether the cells of its unit and target get the same rounds.
    """

    rank: Rank = 3
    unit: str
    is_compared: bool = False
    baselines: tuple[str, ...] = ()
    operations: tuple[str, ...] = ()
    questions: frozenset[str] = frozenset()
    law: bool = False


Roles = Mapping[str, Role]


def role_of(cell: Cell, roles: Roles) -> Role:
    """The role of a cell; of one without declarations that of a case by itself."""
    return roles.get(cell.id) or Role(unit=cell.case_key)


def cell_roles(
    cells: Sequence[Cell],
    targets: Sequence[Target],
    scenarios: Mapping[str, Scenario],
    claimed: Iterable[Claimed],
    *,
    every_version: bool = False,
    newest_claims: bool = False,
) -> dict[str, Role]:
    """Cell id -> its role.

    Args:
        cells: the cells of the plan.
        targets: the targets of the plan.
        scenarios: name -> declaration.
        claimed: what claims need.
        every_version: whether all versions answer each question; else the newest alone, unless versions are compared.
            Natively only what no container of the same Python measures answers a question.
        newest_claims: whether a claim is judged on the newest version alone where it does not compare versions.
    """
    by_id = {target.id: target for target in targets}
    largest, last = _largest(targets), oldest_and_newest([target.key for target in targets])[-1:]
    contained = {(target.key, target.os) for target in targets if target.engine != "none"}
    homes = {cell.id: _home(cell, by_id[cell.target], scenarios.get(cell.scenario)) for cell in cells}
    baselines = _baselines(cells, by_id, scenarios, homes)
    operations: dict[str, dict[str, None]] = {}
    if newest_claims and not every_version:
        claimed = [each for each in claimed if _is_judged_by(each, last, by_id)]
    for each in claimed:
        for name, operation in each.cells.items():
            operations.setdefault(name, {})[operation] = None
        for top, bottoms in each.divided.items():
            others = [bottom for bottom in bottoms if homes[bottom][0] != homes[top][0]]
            baselines.setdefault(top, {}).update(dict.fromkeys(others))
    denominators = {bottom for bottoms in baselines.values() for bottom in bottoms}
    sizes: dict[tuple[str, str], int] = {}
    for cell in cells:
        place = homes[cell.id][0], cell.target
        sizes[place] = sizes.get(place, 0) + 1
    found: dict[str, Role] = {}
    for cell in cells:
        unit, contrast = homes[cell.id]
        target, scenario = by_id[cell.target], scenarios.get(cell.scenario)
        answers_all = every_version or target.key in last
        is_repeated = target.engine == "none" and (target.key, target.os) in contained
        questions = {
            name
            for name in _questions(cell, target, scenario)
            if not is_repeated and (answers_all or QUESTIONS[name].compares_versions)
        }
        if cell.id in operations:
            questions.add(CLAIMS)
        judged = dict.fromkeys(contrast.operations if contrast else ()) | operations.get(cell.id, {})
        shown = scenario is not None and any(_shows(view, scenario, cell, target, largest) for view in scenario.views)
        found[cell.id] = Role(
            rank=1 if questions else 2 if shown else 3,
            unit=unit,
            is_compared=sizes[unit, cell.target] > 1 or bool(baselines.get(cell.id)) or cell.id in denominators,
            baselines=tuple(baselines.get(cell.id, ())),
            operations=tuple(judged),
            questions=frozenset(questions),
            law=bool(contrast and contrast.law),
        )
    return found


def _is_judged_by(claimed: Claimed, versions: Sequence[str], targets: Mapping[str, Target]) -> bool:
    """Whether a test of a claim is on one of the versions, or compares several."""
    keys = {targets[cell.rpartition("@")[2]].key for cell in claimed.cells}
    return len(keys) > 1 or bool(keys & set(versions))


def _home(cell: Cell, target: Target, scenario: Scenario | None) -> tuple[str, Contrast | None]:
    """The name of the unit that a cell belongs to, and its contrast; without one its case is a unit by itself."""
    for number, contrast in enumerate(scenario.contrasts if scenario else ()):
        if (contrast.same or contrast.baseline) and _is_in(contrast.where, cell, target, scenario):
            values = [str(cell.values.get(axis)) for axis in contrast.same]
            return "/".join([cell.scenario, str(number), *values]), contrast
    return cell.case_key, None


def _is_in(where: Mapping[str, Sequence[object]], cell: Cell, target: Target, scenario: Scenario | None) -> bool:
    """Whether a cell has the values of ``where``, which may name ``cpu_mode`` and ``least_cpus`` beside the axes."""
    if scenario is None or target.limit.mode not in where.get("cpu_mode", (target.limit.mode,)):
        return False
    if any(target.cpus_visible < int(str(least)) for least in where.get("least_cpus", ())):
        return False
    return scenario.matches(where, dict(cell.values), target.cpus_visible)


def _baselines(
    cells: Sequence[Cell],
    targets: Mapping[str, Target],
    scenarios: Mapping[str, Scenario],
    homes: Mapping[str, tuple[str, Contrast | None]],
) -> dict[str, dict[str, None]]:
    """Cell id -> ids of the baselines of its unit on its target, without itself."""
    found: dict[tuple[str, str], list[str]] = {}
    for cell in cells:
        unit, contrast = homes[cell.id]
        baseline = contrast.baseline if contrast else {}
        if baseline and _is_in(baseline, cell, targets[cell.target], scenarios.get(cell.scenario)):
            found.setdefault((unit, cell.target), []).append(cell.id)
    return {
        cell.id: {each: None for each in found.get((homes[cell.id][0], cell.target), ()) if each != cell.id}
        for cell in cells
    }


def _questions(cell: Cell, target: Target, scenario: Scenario | None) -> set[str]:
    contrasts = scenario.contrasts if scenario else ()
    return {name for each in contrasts if _is_in(each.where, cell, target, scenario) for name in each.questions}


def _largest(targets: Sequence[Target]) -> set[str]:
    """The targets that a figure of the largest ones shows: of each Python and engine that with the most pinned CPUs."""
    found: dict[tuple[str, str], Target] = {}
    for target in targets:
        place = target.key, target.engine
        if not target.limit.is_quota and (place not in found or target.limit.cpus > found[place].limit.cpus):
            found[place] = target
    return {target.id for target in found.values()}


def _shows(view: View | str, scenario: Scenario, cell: Cell, target: Target, largest: set[str]) -> bool:
    """Whether a figure shows a cell; a figure that is drawn by code of its own shows all of its scenario."""
    if isinstance(view, str):
        return True
    if view.targets == "largest" and target.id not in largest:
        return False
    where = {axis: wanted for axis, wanted in view.where.items() if axis in (*scenario.axes, "cpu_mode")}
    return _is_in(where, cell, target, scenario)


def check_questions(names: Iterable[str]) -> tuple[str, ...]:
    """The questions of ``--question``, each once.

    Raises:
        UsageError: a question does not exist.
    """
    found = tuple(dict.fromkeys(names))
    for name in found:
        if name not in QUESTIONS:
            raise UsageError(f"--question {name} is not one of the questions; choose from {', '.join(QUESTIONS)}")
    return found
