"""The plan: limits, ids, cells, blocks."""

from __future__ import annotations

import random
from fnmatch import fnmatchcase
from typing import Any

import pytest
from msgspec.structs import replace

from lab.agent.scenario import Scenario, discover, scenario
from lab.errors import UsageError
from lab.model import Cell, CpuMode, Limit, Target
from lab.planning import cells as plan
from lab.planning.blocks import blocks
from lab.planning.limits import parse_limit
from lab.planning.profiles import TABLES, profile, profiles
from lab.planning.unplanned import unplanned_sentence, unplanned_values


def target(name: str = "py313-linux-c2", mode: CpuMode = "cpuset", cpus: float = 2, visible: int = 2) -> Target:
    return Target(
        id=name, key="3.13", engine="docker", os="linux", arch="x86_64", limit=Limit(mode=mode, cpus=cpus),
        cpus_visible=visible,
    )  # fmt: skip


def cell(case: str, on: str = "a", estimate_s: float = 1.0) -> Cell:
    return Cell(target=on, scenario="pool.api", case=case, values={}, deadline_s=60, estimate_s=estimate_s)


def limit(text: str, cpus: int = 4, *, native: bool = False) -> Limit:
    return parse_limit(text).resolve(cpus, native=native)


def test_limits_say_cpuset_and_quota_apart() -> None:
    assert limit("2") == Limit(mode="cpuset", cpus=2)
    assert limit("2", native=True) == Limit(mode="affinity", cpus=2)
    assert limit("0.5q") == Limit(mode="quota", cpus=0.5)
    assert limit("N").label == "c4"
    assert limit("Nq10") == Limit(mode="quota", cpus=4, period_us=10_000)
    assert limit("0.5q").label == "q0.5"
    assert limit("0.5q10") == Limit(mode="quota", cpus=0.5, period_us=10_000)
    assert limit("0.5q10").label == "q0.5p10"
    assert limit("0.5q100").label == "q0.5"
    assert [parse_limit(text).is_quota for text in ("0.5q10", "Nq", "2", "N")] == [True, True, False, False]


NO_LIMITS = [
    "", "x", "0", "-1", "1.5", "q", "nan", "inf", "1q0", "1q1001", "1qx", "1q1.5", "0.05q10", "2x", "infq", "0q",
    "0.0001q", "0.0099q", "1e-9q", "0.0009q1000", "0.5q\u0665",
]  # fmt: skip


@pytest.mark.parametrize("text", NO_LIMITS)
def test_what_is_not_a_limit_is_refused_in_a_sentence_before_the_machine_is_known(text: str) -> None:
    with pytest.raises(UsageError, match=r"limit|CPUs"):
        parse_limit(text)


@pytest.mark.parametrize("text", ["3", "9q", "10q"])
def test_a_limit_beyond_the_machine_is_refused_with_what_it_has(text: str) -> None:
    with pytest.raises(UsageError, match="exceeds the 2 CPUs"):
        limit(text, 2)


@pytest.mark.parametrize("text", ["0.01q", "0.1q10", "0.001q1000", "1q1"])
def test_the_least_quota_that_the_kernel_takes_is_taken(text: str) -> None:
    least = limit(text, 2)
    assert least.cpus * least.period_us == pytest.approx(1000)


def test_target_ids_are_those_of_the_contract() -> None:
    assert plan.target_id("3.13", "linux", Limit(mode="cpuset", cpus=2), native=False) == "py313-linux-c2"
    assert plan.target_id("3.13", "linux", Limit(mode="quota", cpus=0.5), native=False) == "py313-linux-q0.5"
    short = Limit(mode="quota", cpus=0.5, period_us=10_000)
    assert plan.target_id("3.13", "linux", short, native=False) == "py313-linux-q0.5p10"
    assert plan.target_id("3.13t", "linux", Limit(mode="cpuset", cpus=2), native=False) == "py313t-linux-c2"
    assert plan.target_id("3.13", "windows", Limit(mode="affinity", cpus=2), native=True) == "py313-windows-native-c2"


def test_cell_ids_are_those_of_the_contract() -> None:
    cells = plan.cells(discover().values(), [target()], profile("full"))
    ids = {found.id for found in cells}
    assert "ipc.round_trip/pipe-64-same_cpu@py313-linux-c2" in ids
    assert len(ids) == len(cells)


def test_a_quota_as_found_is_measured_as_pinned_cpus_are_with_the_time_that_quotas_need() -> None:
    pinned = target("pinned", "affinity")
    found = replace(target("found", "quota", 1.5, 2), limit=Limit(mode="quota", cpus=1.5, as_found=True))
    by_target: dict[str, dict[str, float]] = {"pinned": {}, "found": {}}
    for cell in plan.cells(discover().values(), [pinned, found], profile("smoke")):
        by_target[cell.target][cell.case_key] = cell.deadline_s
    assert by_target["found"].keys() == by_target["pinned"].keys()
    assert set(by_target["found"].values()) == {plan.QUOTA_DEADLINE_S}
    assert set(by_target["pinned"].values()) == {plan.DEADLINE_S}


def usual_targets() -> list[Target]:
    """What quick runs on where there are two CPUs: two Pythons on one and on both, one under a quota and natively."""
    newest = [target("half", "quota", 0.5, 2), replace(target("native", "affinity"), engine="none")]
    pinned = [target("one", cpus=1, visible=1), target("two")]
    return [*(replace(each, id=f"old-{each.id}", key="3.9") for each in pinned), *pinned, *newest]


def test_smoke_is_short_enough_to_measure_everything_once() -> None:
    cells = plan.cells(discover().values(), usual_targets(), profile("smoke"))
    planned_s = sum(found.estimate_s for found in cells)
    assert planned_s <= 6 * 60 < profile("smoke").budget_s, (
        f"smoke would take {planned_s:.0f} s; let new scenarios take fewer cases there, by `profiles=`"
    )


def test_quick_measures_little_where_a_target_repeats_another_or_has_a_quota() -> None:
    cells = plan.cells(discover().values(), usual_targets(), profile("quick"))
    times = {each.id: sum(found.estimate_s for found in cells if found.target == each.id) for each in usual_targets()}
    assert max(times["one"], times["native"]) < times["two"] / 2
    half = [found for found in cells if found.target == "half"]
    assert {found.scenario.partition(".")[0] for found in half} == {"pool"}
    assert len(half) <= 4, "there a cell takes seven seconds"


def silent(axes: dict[str, tuple[Any, ...]], **more: Any) -> Scenario:
    """A scenario that names no profile unless ``more`` does."""
    return scenario(family="test", question="?", axes=axes, view="", source="", **more)(lambda _case: None)


def test_of_a_scenario_that_says_nothing_smoke_takes_one_case_and_quick_a_few() -> None:
    axes = {"placement": ("same_cpu", "free"), "start_method": ("spawn", "fork"), "depth": (1, 2, 3, 4, 5)}
    silence = silent(axes)

    def cases(name: str, on: Target) -> list[str]:
        return [found.case for found in plan.cells([silence], [on], profile(name))]

    assert cases("smoke", target()) == ["same_cpu-fork-1"]
    assert cases("quick", target()) == ["same_cpu-fork-1", "same_cpu-fork-2", "same_cpu-fork-3"]
    assert len(cases("standard", target())) == 2 * 5, "the profile's placements of those declared, all of the rest"
    assert len(cases("full", target())) == 2 * 2 * 5
    assert cases("smoke", replace(target(), os="windows")) == ["same_cpu-spawn-1"]
    assert cases("full", target(mode="quota")) == []
    assert {found.target for found in plan.cells([silence], usual_targets(), profile("quick"))} == {"old-two", "two"}


def test_a_scenario_says_what_a_profile_measures_of_it_and_where() -> None:
    tables = {"quick": {"depth": [2, 5], "only": "2-{N} 5-*", "quota": {"only": "5-1"}, "repeat": {"depth": [5]}}}
    chatty = silent({"depth": (1, 2, 5), "workers": (1, "N")}, profiles=tables)
    cells = plan.cells([chatty], usual_targets(), profile("quick"))
    found = {name: [cell.case for cell in cells if cell.target == name] for name in ("one", "two", "half", "native")}
    assert found == {"one": ["5-1"], "two": ["2-2", "5-1", "5-2"], "half": ["5-1"], "native": ["5-1", "5-2"]}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({}, "fewer CPUs of the same Python"),
        ({"key": "3.9"}, ""),
        ({"os": "windows"}, ""),
        ({"limit": Limit(mode="quota", cpus=0.5)}, "a quota has a table of its own"),
        ({"limit": Limit(mode="cpuset", cpus=2)}, ""),
        ({"engine": "none", "limit": Limit(mode="affinity", cpus=2), "key": "3.14"}, "natively beside a container"),
        ({"engine": "none", "limit": Limit(mode="affinity", cpus=4)}, ""),
    ],
)
def test_only_a_target_that_repeats_another_one_is_narrowed(change: dict[str, Any], told: str) -> None:
    small = replace(target("small", cpus=1), **change)
    expected = "quota" if small.limit.mode == "quota" else "repeat" if told else None
    assert plan.target_narrowing(small, [small, target()]) == expected


def test_which_targets_are_narrowed_is_stated_with_what_measures_all() -> None:
    sentence = plan.narrowing_sentence(usual_targets(), profile("quick"))
    assert sentence.startswith("quick measures on old-one, one, native only what ")
    assert sentence.endswith("--target old-one")
    assert not plan.narrowing_sentence(usual_targets(), profile("standard"))
    assert not plan.narrowing_sentence([target()], profile("quick"))


def test_alone_or_next_to_a_quota_or_a_diagnosis_a_target_is_measured_in_full() -> None:
    small = target("small", cpus=1, visible=1)
    others = [target(mode="quota", cpus=2), replace(target(), diagnose="seccomp")]
    assert plan.target_narrowing(small, [small, *others]) is None
    alone = {found.case_key for found in plan.cells(discover().values(), [small], profile("quick"))}
    assert len(alone) > 90


def test_quick_measures_whatever_feeds_a_claim_in_five_rounds() -> None:
    assert profile("quick").rounds >= 5


# Planned by a profile since before profiles were checked, and declared otherwise.
UNDECLARED = {("ipc.fan", "placement", "cross_cpu")}


@pytest.mark.parametrize("name", discover())
def test_a_scenario_names_only_profiles_axes_and_values_that_exist(name: str) -> None:
    found = discover()[name]
    assert not set(TABLES) & set(found.axes), "a profile's table could not say which of the two it means"
    assert set(found.profiles) <= set(profiles())
    for own in found.profiles.values():
        tables = [own, *(own[key] for key in TABLES if key in own)]
        for table in tables:
            assert set(table) <= {*found.axes, "only", *(TABLES if table is own else ())}
        named = [(axis, value) for table in tables for axis in found.axes for value in table.get(axis, ())]
        for axis, value in named:
            counted = axis == "workers" and (isinstance(value, int) or value in ("N", "2N", "ladder", "short ladder"))
            assert counted or value in found.axes[axis] or (name, axis, value) in UNDECLARED, (axis, value)


@pytest.mark.parametrize("name", list(profiles()))
def test_every_profile_names_only_values_that_a_scenario_declares(name: str) -> None:
    declared: dict[str, set[Any]] = {}
    for found in discover().values():
        for axis, values in found.axes.items():
            declared.setdefault(axis, set()).update(values)
    for axis, chosen in profile(name).axes.items():
        assert set(chosen) <= declared[axis], axis


@pytest.mark.parametrize("name", list(profiles()))
def test_every_profile_has_cells_of_every_scenario(name: str) -> None:
    planned = {found.scenario for found in plan.cells(discover().values(), [target()], profile(name))}
    assert planned == set(discover()), f"{name} leaves a scenario without a cell"


@pytest.mark.parametrize("name", discover())
def test_a_pattern_of_a_scenario_matches_a_case_that_it_declares(name: str) -> None:
    """One that matches nothing is a typing error, and would leave out silently what it should take."""
    found = discover()[name]
    cases = {cpus: found.cases({}, cpus) for cpus in (1, 2, 3)}
    for own in found.profiles.values():
        for table in (own, *(own[key] for key in TABLES if key in own)):
            for pattern in table.get("only", "").split():
                assert any(
                    fnmatchcase(case, pattern.replace("{N}", str(cpus)).replace("{2N}", str(2 * cpus)))
                    for cpus, mine in cases.items()
                    for case in mine
                ), pattern


def test_what_is_declared_and_not_planned_is_said() -> None:
    small = silent({"start_method": ("fork", "spawn"), "depth": (1, 2, 3)}, profiles={"quick": {"depth": [2]}})
    cells = plan.cells([small], [target()], profile("quick"))
    found = unplanned_values([small], [target()], cells)
    assert found == {"test.<lambda>": {"start_method": ["spawn"], "depth": [1, 3]}}
    assert (
        unplanned_sentence(found, "quick")
        == "declared but not planned by quick: test.<lambda>: start_method spawn, depth 1, 3"
    )
    assert unplanned_values([small], [target()], plan.cells([small], [target()], profile("full"))) == {}
    assert unplanned_sentence({}, "full") == ""


def test_what_is_not_planned_of_many_scenarios_is_one_short_sentence() -> None:
    several = {f"test.{number}": {"depth": list(range(9))} for number in range(5)}
    said = unplanned_sentence(several, "smoke")
    assert said.endswith("; and 2 more scenarios; see all of one with --scenario NAME")
    assert "test.0: depth 0, 1, 2, 3 and 5 more; " in said


def test_a_value_that_depends_on_the_target_is_planned_where_it_is_the_same_number() -> None:
    counted = silent({"workers": (1, "N", "2N")}, profiles={"quick": {"workers": ["N"]}})
    one = [target(cpus=1, visible=1)]
    assert unplanned_values([counted], one, plan.cells([counted], one, profile("quick"))) == {
        "test.<lambda>": {"workers": [2]}
    }


def test_blocks_hold_every_cell_once_and_keep_a_case_together_over_targets() -> None:
    cells = [cell(f"case{number}", on) for number in range(30) for on in ("a", "b")]
    cut = blocks(cells, {}, random.Random(1))
    assert sorted(found.id for block in cut for found in block) == sorted(found.id for found in cells)
    homes: dict[str, set[int]] = {}
    for index, block in enumerate(cut):
        for found in block:
            homes.setdefault(found.case, set()).add(index)
    assert all(len(home) == 1 for home in homes.values())


@pytest.mark.parametrize("seed", range(20))
def test_no_block_is_longer_than_ten_seconds_on_any_target(seed: int) -> None:
    rng = random.Random(seed)
    longest = rng.uniform(0.5, 9.9)
    cells = [cell(f"case{number}", on, rng.uniform(0.05, longest)) for number in range(60) for on in ("a", "b")]
    for block in blocks(cells, {}, rng):
        for on in ("a", "b"):
            assert sum(found.estimate_s for found in block if found.target == on) <= 10


def test_no_block_is_longer_than_asked_for() -> None:
    cells = [cell(f"case{number}", estimate_s=1.0) for number in range(12)]
    assert sorted(map(len, blocks(cells, {}, random.Random(1), longest_s=4.0))) == [4, 4, 4]


def test_a_cell_that_is_longer_than_a_block_shares_it_with_no_other_of_its_target() -> None:
    cells = [cell("long", estimate_s=25.0), *(cell(f"case{number}", estimate_s=2.0) for number in range(5))]
    cut = [sorted(found.case for found in block) for block in blocks(cells, {}, random.Random(1))]
    assert ["long"] in cut
    assert len(cut) == 4


def test_there_are_no_more_blocks_than_the_time_fills() -> None:
    cells = [cell(f"case{number}", on, 1.0) for number in range(30) for on in ("a", "b")]
    assert len(blocks(cells, {}, random.Random(1))) == 3
    assert blocks([], {}, random.Random(1)) == []


def seeded(cells: list[Cell]) -> list[list[list[str]]]:
    """The cases of each block, by twenty seeds."""
    return [[[found.case for found in block] for block in blocks(cells, {}, random.Random(n))] for n in range(20)]


def test_which_cases_share_a_block_is_random() -> None:
    """Cases of one length: only the order in which they are dealt can bring other ones together."""
    cut = seeded([cell(f"case{number}", estimate_s=2.5) for number in range(12)])
    partitions = {frozenset(frozenset(block) for block in blocks) for blocks in cut}
    assert len(partitions) > 10


def test_the_order_of_the_blocks_is_random() -> None:
    """Lengths that all differ, each more than half a block: what is in a block is the same for every seed."""
    cut = seeded([cell(f"case{number}", estimate_s=6 + number / 10) for number in range(8)])
    assert {len(block) for blocks in cut for block in blocks} == {1}
    assert len({str(blocks) for blocks in cut}) > 10


def test_the_order_within_a_block_is_random() -> None:
    """Lengths that all differ, together less than a block: they are dealt in one order, into the one block."""
    cut = seeded([cell(f"case{number}", estimate_s=0.1 + number / 100) for number in range(8)])
    assert {len(blocks) for blocks in cut} == {1}
    assert len({str(blocks) for blocks in cut}) > 10


def test_measured_durations_replace_the_guesses() -> None:
    cells = [cell(f"case{number}") for number in range(10)]
    assert len(blocks(cells, {found.id: 5.0 for found in cells}, random.Random(3))) == 5


def test_the_order_is_random_but_can_be_repeated() -> None:
    cells = [cell(f"case{number}") for number in range(20)]
    first = blocks(cells, {}, random.Random("0/0"))
    again = blocks(cells, {}, random.Random("0/0"))
    other = blocks(cells, {}, random.Random("0/1"))
    assert first == again
    assert first != other


def test_a_diagnostic_target_is_like_the_largest_pinned_container_but_for_one_thing() -> None:
    pinned = [target("py313-linux-c1", cpus=1), target("py313-linux-c2"), target("py313-linux-q2", mode="quota")]
    twin = plan.diagnostic_target(pinned, "seccomp")
    assert (twin.id, twin.diagnose) == ("py313-linux-c2-noseccomp", "seccomp")
    assert replace(twin, id="py313-linux-c2", diagnose=None) == pinned[1]


def test_without_a_pinned_container_there_is_nothing_to_diagnose() -> None:
    with pytest.raises(UsageError, match="start an engine"):
        plan.diagnostic_target([target(mode="quota"), target(mode="affinity")], "seccomp")
