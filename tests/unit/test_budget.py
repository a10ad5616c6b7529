"""What a budget carries: rounds are promised, and cells are left out from the end of the ranking."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from lab.agent.scenario import discover
from lab.claims import claimed_cells
from lab.errors import UsageError
from lab.model import Cell, Limit, Target
from lab.planning import cells as plan
from lab.planning.budget import OVERHEAD, Layout, lay_out, ranked
from lab.planning.contrasts import Rank, Role, cell_roles
from lab.planning.plan import Options, fit
from lab.planning.profiles import profile
from lab.planning.survey import Wanted


def cell(case: str, scenario: str = "t.t", estimate_s: float = 1.0) -> Cell:
    return Cell(target="a", scenario=scenario, case=case, values={}, deadline_s=60, estimate_s=estimate_s)


def role(rank: Rank, unit: str, **fields: Any) -> Role:
    return Role(rank=rank, unit=unit, **{"is_compared": True, **fields})


PLAN = [cell(name) for name in ("rest", "figure", "answer", "claim")]
ROLES = {
    PLAN[0].id: role(3, "rest"),
    PLAN[1].id: role(2, "figure"),
    PLAN[2].id: role(1, "answer", questions=frozenset({"ipc"})),
    PLAN[3].id: role(1, "claim", questions=frozenset({"claims"})),
}


def carried(budget_s: float, rounds: int = 5, cells: Sequence[Cell] = PLAN, **fields: Any) -> Layout:
    return lay_out(ranked(cells, ROLES, {}, 1.0), budget_s, rounds, **fields)


def kept(layout: Layout) -> set[str]:
    return {each.case for each in PLAN if each.id not in layout.dropped}


@pytest.mark.parametrize(
    ("budget_s", "cases"),
    [
        (20.0, {"answer", "claim", "figure", "rest"}),
        (19.9, {"answer", "claim", "figure"}),
        (15.0, {"answer", "claim", "figure"}),
        (14.9, {"answer", "claim"}),
        (10.0, {"answer", "claim"}),
        (9.9, {"answer"}),
        (1.0, {"answer"}),
    ],
)
def test_what_does_not_fit_is_left_out_from_the_end_and_rounds_are_kept(budget_s: float, cases: set[str]) -> None:
    layout = carried(budget_s)
    assert kept(layout) == cases
    assert layout.rounds == 5


def test_a_cell_that_is_left_out_says_of_which_rank_it_is_and_what_to_do() -> None:
    reason = carried(15.0).dropped[PLAN[0].id]
    assert reason == (
        "left out: 15 s do not carry 5 rounds of all cells, and this one is of rank 3 of 3 (the rest of the catalogue);"
        " give a larger --budget, or select it with --scenario"
    )


def test_the_first_rank_loses_its_end_rather_than_a_promised_round() -> None:
    assert (carried(14.0, rounds=8).rounds, kept(carried(14.0, rounds=8))) == (8, {"answer"})


def test_what_is_left_goes_to_further_processes_of_the_first_rank_after_the_other_ranks() -> None:
    assert carried(29.9, most_processes=4).processes == {"answer": 2}
    assert carried(1000.0, most_processes=4).processes == {"answer": 4}, "claims alone are measured once per round"
    assert carried(1000.0).processes == {}
    assert carried(1000.0, most_processes=2).round_s == {1: 3.0, 2: 1.0, 3: 1.0}


def test_a_second_process_takes_half_of_what_the_first_rank_leaves_and_the_others_the_rest() -> None:
    layout = carried(20.0, most_processes=4)
    assert layout.processes == {"answer": 2}
    assert kept(layout) == {"answer", "claim", "figure"}


def test_a_layout_never_takes_longer_than_its_budget_if_the_first_rank_fits() -> None:
    for budget_s in range(10, 120):
        assert carried(float(budget_s), most_processes=4).expected_s <= budget_s


def test_of_a_rank_every_scenario_keeps_its_first_cells_longer_than_one_its_tail() -> None:
    many = [*(cell(str(number), "t.long") for number in range(9)), cell("only", "t.short")]
    roles = {each.id: role(3, each.case_key) for each in many}
    layout = lay_out(ranked(many, roles, {}, 1.0), 10.0, 5)
    assert [each.case_key for each in many if each.id not in layout.dropped] == ["t.long/0", "t.short/only"]


def test_cells_that_begin_later_need_a_round_more() -> None:
    later = {PLAN[1].id}
    assert kept(carried(16.0, rounds=5, later=later)) == {"answer", "claim", "figure"}
    assert "figure" not in kept(carried(15.9, rounds=5, later=later))


def test_real_durations_replace_the_estimates() -> None:
    shares = ranked(PLAN, ROLES, {each.id: 0.5 for each in PLAN}, 1.0)
    assert lay_out(shares, 10.0, 5).dropped == {}


def test_a_share_that_is_too_large_does_not_take_the_smaller_ones_behind_it_along() -> None:
    large, small = cell("large", estimate_s=9.0), cell("small")
    roles = {each.id: Role(rank=1, unit=each.case_key) for each in (large, small)}
    layout = lay_out(ranked([large, small], roles, {}, 1.0), 20.0, 5)
    assert set(layout.dropped) == {large.id}


def machine(cpus: int) -> list[Target]:
    """What a profile runs on: two Pythons with one CPU and all, and the newest under a quota and natively."""

    def target(key: str, mode: Any, count: float) -> Target:
        limit = Limit(mode=mode, cpus=count)
        native = mode == "affinity"
        return Target(
            id=plan.target_id(key, "linux", limit, native=native), key=key, engine="none" if native else "docker",
            os="linux", arch="x86_64", limit=limit, cpus_visible=cpus if mode == "quota" else int(count),
        )  # fmt: skip

    pinned = [target(key, "cpuset", count) for key in ("3.9", "3.14") for count in {1, cpus}]
    return [*pinned, target("3.14", "quota", 0.5), target("3.14", "affinity", cpus)]


def fitted(name: str, cpus: int, **fields: Any) -> tuple[Layout, float]:
    targets = machine(cpus)
    cells = plan.cells(discover().values(), targets, profile(name))
    newest = profile(name).claims == "newest"
    roles = cell_roles(cells, targets, discover(), claimed_cells(cells, targets), newest_claims=newest)
    questions = set(fields.get("questions", ()))
    cells = tuple(each for each in cells if not questions or roles[each.id].questions & questions)
    options = Options(profile=name, wanted=Wanted(user_images={}), **fields)
    chosen = profile(name)
    if options.rounds:
        chosen = replace(chosen, rounds=options.rounds, max_rounds=options.rounds)
    return fit(options, chosen, cells, targets, roles)


@pytest.mark.parametrize(
    ("name", "cpus"), [*(("quick", cpus) for cpus in (1, 2, 16, 64, 512)), ("standard", 64), ("full", 2)]
)
def test_a_profile_gets_its_promised_rounds_within_its_budget_on_any_machine(name: str, cpus: int) -> None:
    layout, budget_s = fitted(name, cpus)
    assert layout.rounds == profile(name).rounds
    assert layout.expected_s <= budget_s == profile(name).budget_s


@pytest.mark.parametrize("question", ["workers", "ipc"])
def test_a_question_is_answered_within_two_minutes_on_two_cpus(question: str) -> None:
    layout, budget_s = fitted("quick", 2, questions=(question,))
    assert layout.rounds == 5
    assert layout.dropped == {}
    assert layout.expected_s <= budget_s == 120


def test_quick_measures_the_speedup_of_workers_by_several_processes_a_round_on_two_cpus() -> None:
    layout, _ = fitted("quick", 2)
    assert layout.processes["pool.scaling/0/pure_python"] >= 2


def test_an_expensive_unit_of_one_question_is_left_out_before_the_only_one_of_another() -> None:
    cells = [cell("first"), cell("expensive", estimate_s=5.0), cell("other")]
    roles = {
        cells[0].id: role(1, "a", questions=frozenset({"workers"})),
        cells[1].id: role(1, "b", questions=frozenset({"workers"})),
        cells[2].id: role(1, "c", questions=frozenset({"start"})),
    }
    layout = lay_out(ranked(cells, roles, {}, 1.0), 30.0, 5)
    assert set(layout.dropped) == {cells[1].id}


def test_smoke_measures_everything_once() -> None:
    layout, _ = fitted("smoke", 2)
    assert (layout.rounds, layout.dropped, layout.processes) == (1, {}, {})


def test_a_budget_that_decides_nothing_is_refused_with_three_options_that_fit() -> None:
    with pytest.raises(UsageError, match=r"^a budget of 60 s does not carry 5 rounds") as refused:
        fitted("quick", 2, budget_s=60.0)
    words = str(refused.value)
    offers = words.partition("use ")[2].split(", or ")
    assert [offer.split()[0] for offer in offers] == ["--budget", "--question", "--python", "set"]
    needed_s = 60.0 * int(offers[0].split()[1].removesuffix("m"))
    assert fitted("quick", 2, budget_s=needed_s)[0].rounds == 5
    question = offers[1].split()
    assert "--budget" not in question, "a small question fits into a minute"
    assert fitted("quick", 2, budget_s=60.0, questions=(question[1],))[0].rounds == 5
    assert offers[2].startswith("--python 3.14 --budget ")


def test_with_rounds_that_the_user_sets_any_budget_is_taken() -> None:
    layout, budget_s = fitted("quick", 2, budget_s=60.0, rounds=2)
    assert (layout.rounds, budget_s) == (2, 60.0)
    assert layout.dropped
    assert layout.expected_s <= 60.0


def test_smoke_decides_nothing_anyway_and_takes_any_budget() -> None:
    layout, _ = fitted("smoke", 2, budget_s=30.0)
    assert layout.rounds == 1
    assert layout.expected_s <= 30.0


def test_starts_of_containers_are_part_of_the_time() -> None:
    (share,) = ranked(PLAN[:1], ROLES, {})
    assert share.cost_s == OVERHEAD * 1.0
