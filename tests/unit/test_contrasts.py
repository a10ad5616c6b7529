"""What cells are needed for, and which stand in one block: by the declarations of scenarios, figures and claims."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import pytest
from msgspec.structs import replace

from lab.agent.scenario import Contrast, Scenario, View, discover, scenario
from lab.claims import all_claims, claimed_cells
from lab.claims.claim import Ratio
from lab.errors import UsageError
from lab.model import Cell, CpuMode, Limit, Target
from lab.planning import cells as plan
from lab.planning.blocks import blocks
from lab.planning.contrasts import QUESTIONS, Claimed, Role, cell_roles, check_questions
from lab.planning.profiles import profile
from lab.planning.selection import cells_of_questions


def target(key: str = "3.13", cpus: int = 2, mode: CpuMode = "cpuset") -> Target:
    limit = Limit(mode=mode, cpus=0.5 if mode == "quota" else cpus)
    return Target(
        id=plan.target_id(key, "linux", limit, native=False), key=key, engine="docker", os="linux", arch="x86_64",
        limit=limit, cpus_visible=cpus,
    )  # fmt: skip


def declared(*contrasts: Contrast, view: View | str = "", **axes: Any) -> Scenario:
    return scenario(family="t", question="?", axes=axes, source="", view=view, contrasts=contrasts)(lambda _case: None)


def roles_of(
    example: Scenario, *targets: Target, claimed: Sequence[Claimed] = (), every_version: bool = False
) -> dict[str, Role]:
    cells = plan.cells([example], targets, profile("full"))
    return cell_roles(cells, targets, {example.name: example}, claimed, every_version=every_version)


MECHANISMS: dict[str, Any] = {"mechanism": ("pipe", "queue", "fifo"), "bytes": (1, 2)}
AT = "@py313-linux-c2"


def test_cells_that_agree_in_the_axes_of_a_contrast_are_a_unit_with_its_baseline() -> None:
    found = roles_of(declared(Contrast("bytes", baseline={"mechanism": ("pipe",)}), **MECHANISMS), target())
    units = {name.partition("/")[2]: role.unit for name, role in found.items()}
    assert len({units[f"{name}-1{AT}"] for name in MECHANISMS["mechanism"]}) == 1
    assert units[f"pipe-1{AT}"] != units[f"pipe-2{AT}"]
    by_case = {name.partition("/")[2]: role for name, role in found.items()}
    assert [name.partition("/")[2] for name in by_case[f"queue-1{AT}"].baselines] == [f"pipe-1{AT}"]
    assert by_case[f"pipe-1{AT}"].baselines == ()
    assert all(role.is_compared for role in found.values())


def test_cells_without_a_contrast_are_units_by_themselves_and_are_not_repeated() -> None:
    found = roles_of(declared(**MECHANISMS), target())
    assert len({role.unit for role in found.values()}) == len(found)
    assert not any(role.is_compared for role in found.values())


def test_the_same_case_on_several_targets_is_in_one_unit() -> None:
    found = roles_of(declared(Contrast("bytes"), **MECHANISMS), target("3.9"), target("3.13"))
    assert len({role.unit for role in found.values()}) == 2


def test_a_cell_ranks_by_the_question_the_figure_and_the_claim_that_need_it() -> None:
    asked = Contrast(where={"mechanism": ("pipe",)}, questions=("ipc",))
    shown = View(where={"bytes": (1,)})
    example = declared(asked, view=shown, **MECHANISMS)
    ids = [f"{example.name}/{name}-2{AT}" for name in ("queue", "fifo")]
    found = roles_of(example, target(), claimed=[Claimed(cells={ids[0]: "sent"})])
    ranks = {name.partition("/")[2].removesuffix(AT): role.rank for name, role in found.items()}
    assert ranks == {"pipe-1": 1, "pipe-2": 1, "queue-1": 2, "fifo-1": 2, "queue-2": 1, "fifo-2": 3}
    assert found[ids[0]].operations == ("sent",)
    assert found[ids[0]].questions == {"claims"}


def test_a_figure_of_the_largest_targets_needs_no_cell_of_the_others() -> None:
    example = declared(view=View(targets="largest"), depth=(1,))
    found = roles_of(example, target(cpus=1), target(cpus=2), target(cpus=2, mode="quota"))
    assert {name.partition("@")[2]: role.rank for name, role in found.items() if "q0.5" not in name} == {
        "py313-linux-c1": 3,
        "py313-linux-c2": 2,
    }


def test_the_newest_python_answers_unless_versions_are_compared_or_were_named() -> None:
    example = declared(
        Contrast(where={"depth": (1,)}, questions=("ipc",)),
        Contrast(where={"depth": (2,)}, questions=("versions",)),
        depth=(1, 2),
    )
    on = (target("3.9"), target("3.13"))
    found = roles_of(example, *on)
    assert {name.partition("/")[2] for name, role in found.items() if role.questions} == {
        "1@py313-linux-c2", "2@py313-linux-c2", "2@py39-linux-c2"
    }  # fmt: skip
    assert all(role.questions for role in roles_of(example, *on, every_version=True).values())


def test_a_native_target_answers_a_question_where_no_container_of_its_python_does() -> None:
    example = declared(Contrast(questions=("workers",)), **MECHANISMS)
    native = replace(target(), id="py313-linux-native-c2", engine="none")
    assert {role.rank for role in roles_of(example, native).values()} == {1}
    found = roles_of(example, target(), native)
    assert {role.rank for name, role in found.items() if name.endswith(native.id)} == {2}
    assert {role.rank for name, role in found.items() if not name.endswith(native.id)} == {1}


def test_a_contrast_may_leave_out_targets_under_a_quota() -> None:
    example = declared(Contrast(where={"cpu_mode": ("cpuset",)}, questions=("ipc",)), depth=(1,))
    found = plan.cells([example], [target()], profile("full"))
    under = [Cell(target="q", scenario=each.scenario, case=each.case, values=each.values, deadline_s=1, estimate_s=1)
             for each in found]  # fmt: skip
    quota = Target(
        id="q", key="3.13", engine="docker", os="linux", arch="x86_64", limit=Limit(mode="quota", cpus=0.5),
        cpus_visible=2,
    )  # fmt: skip
    roles = cell_roles([*found, *under], [target(), quota], {example.name: example}, ())
    assert [bool(roles[each.id].questions) for each in (*found, *under)] == [True, False]


def test_every_contrast_names_axes_values_and_questions_that_exist() -> None:
    for name, found in discover().items():
        for contrast in found.contrasts:
            assert set(contrast.same) <= set(found.axes), name
            assert set(contrast.questions) <= set(QUESTIONS), name
            for axis, values in [*contrast.where.items(), *contrast.baseline.items()]:
                assert axis in ("cpu_mode", "least_cpus") or axis in found.axes, (name, axis)
                counted = axis == "workers" and all(isinstance(value, int) or value in ("N", "2N") for value in values)
                assert axis in ("cpu_mode", "least_cpus") or counted or set(values) <= {*found.axes[axis], "natural"}, (
                    name,
                    axis,
                )


@pytest.mark.parametrize("name", ["quick", "standard"])
@pytest.mark.parametrize("question", QUESTIONS)
def test_every_question_has_cells_and_they_are_of_the_first_rank(name: str, question: str) -> None:
    on = [target("3.9"), target("3.13")]
    cells = plan.cells(discover().values(), on, profile(name))
    roles = cell_roles(cells, on, discover(), claimed_cells(cells, on))
    found = cells_of_questions(cells, roles, [question])
    assert found
    assert {roles[cell.id].rank for cell in found} == {1}
    assert len(found) < len(cells)


def test_a_question_that_does_not_exist_is_refused_with_those_that_do() -> None:
    with pytest.raises(UsageError, match=r"--question why .* choose from workers, ipc, start"):
        check_questions(["ipc", "why"])
    assert check_questions(["ipc", "start", "ipc"]) == ("ipc", "start")


def test_what_a_claim_divides_has_both_sides_in_the_plan_and_next_to_each_other() -> None:
    on = [target()]
    cells = plan.cells(discover().values(), on, profile("quick"))
    claimed = claimed_cells(cells, on)
    roles = cell_roles(cells, on, discover(), claimed)
    assert any(isinstance(test, Ratio) for claim in all_claims() for test in claim.tests)
    pairs = {(top, bottom) for each in claimed for top, bottoms in each.divided.items() for bottom in bottoms}
    assert len(pairs) > 20
    for block in [blocks(cells, {}, random.Random(seed), roles=roles) for seed in range(3)]:
        together = {frozenset((one.id, other.id)) for part in block for one in part for other in part}
        assert all(frozenset(pair) in together for pair in pairs)


def cell(case: str, on: str = "a", estimate_s: float = 1.0) -> Cell:
    return Cell(target=on, scenario="t.t", case=case, values={}, deadline_s=60, estimate_s=estimate_s)


def unit(cells: Sequence[Cell], baseline: str = "", rank: Any = 1) -> dict[str, Role]:
    """Roles of one unit, with one case as the baseline."""
    return {
        each.id: Role(
            rank=rank, unit="unit", is_compared=True,
            baselines=(f"t.t/{baseline}@{each.target}",) if baseline and each.case != baseline else (),
        )
        for each in cells
    }  # fmt: skip


@pytest.mark.parametrize("seed", range(10))
def test_a_unit_longer_than_a_block_is_divided_and_each_part_measures_its_baseline_again(seed: int) -> None:
    cells = [cell(name, on, 3.0) for name in ("serial", "1", "2", "3", "4", "5") for on in ("a", "b")]
    found = blocks(cells, {}, random.Random(seed), roles=unit(cells, "serial"))
    assert len(found) == 3
    for block in found:
        for on in ("a", "b"):
            mine = [each.case for each in block if each.target == on]
            assert mine.count("serial") == 1
            assert 3.0 * len(mine) <= 10
    assert {each.id for block in found for each in block} == {each.id for each in cells}


def test_a_case_too_long_for_a_block_on_one_target_does_not_cut_up_those_of_the_others() -> None:
    cases = ["base", "x", "y"]
    cells = [*map(cell, cases), cell("base", "slow", 7.0), cell("x", "slow", 7.0)]
    found = blocks(cells, {}, random.Random(1), 10.0, roles=unit(cells, "base"))
    assert sorted(each.id for block in found for each in block) == sorted(each.id for each in cells)


def test_a_unit_is_in_as_few_blocks_as_hold_it_whatever_else_is_planned() -> None:
    mine = [cell(str(number), estimate_s=2.0) for number in range(4)]
    others = [cell(f"other{number}", estimate_s=1.5) for number in range(20)]
    for seed in range(20):
        found = blocks([*mine, *others], {}, random.Random(seed), roles=unit(mine))
        (home,) = [block for block in found if any(each.case == "0" for each in block)]
        places = [number for number, each in enumerate(home) if not each.case.startswith("other")]
        assert len(places) == 4
        assert places == list(range(places[0], places[0] + 4)), "one after the other, with nothing between"


def test_cells_of_the_first_rank_are_measured_by_several_processes_per_round() -> None:
    first = [cell(name) for name in ("serial", "2")]
    rest = cell("4")
    roles = {**unit(first, "serial"), rest.id: Role(rank=2, unit="unit", is_compared=True)}
    found = blocks([*first, rest], {}, random.Random(1), roles=roles, processes={"unit": 3})
    counts = [each.case for block in found for each in block]
    assert (counts.count("serial"), counts.count("2"), counts.count("4")) == (3, 3, 1)


def test_a_baseline_that_is_not_open_any_more_is_measured_again_with_those_that_are() -> None:
    cells = [cell(name) for name in ("serial", "2", "4")]
    roles = unit(cells, "serial")
    found = blocks(cells[2:], {}, random.Random(1), roles=roles, available={each.id: each for each in cells})
    assert sorted(each.case for block in found for each in block) == ["4", "serial"]
    alone = blocks(cells[2:], {}, random.Random(1), roles=roles)
    assert [each.case for block in alone for each in block] == ["4"]
