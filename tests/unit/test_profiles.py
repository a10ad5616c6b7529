"""How a profile chooses: its axes, a scenario's own table, and the tables that narrow it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from lab.agent.case import Case
from lab.agent.scenario import Scenario, scenario
from lab.errors import UsageError
from lab.planning.profiles import Choice, Narrowing, Profile, profile, profiles

AXES = {"workers": (1, 2, 4), "work": ("a", "b"), "start_method": ("fork", "spawn")}


def declared(**profiles: Any) -> Scenario:
    """A scenario with ``AXES`` whose declaration says this of the profiles."""

    @scenario(family="pool", question="What?", axes=AXES, source="nothing", profiles=profiles)
    def example(case: Case) -> None:
        del case

    return example


def quick(**axes: list[Any]) -> Profile:
    """The profile quick with these values of axes, where every scenario that says nothing takes all of them."""
    return replace(profile("quick"), axes=axes, few=0, narrows_repeats=True)


def values(found: Choice | None) -> dict[str, list[Any]]:
    assert found is not None
    return {axis: list(chosen) for axis, chosen in found.values.items()}


def test_an_axis_takes_what_the_profile_says_and_a_scenarios_own_table_overrides_it() -> None:
    chosen = quick(workers=[1], work=["a"], unknown=[9])
    assert values(chosen.choice(declared(quick={"work": ["b"]}), 2)) == {"workers": [1], "work": ["b"]}
    assert values(chosen.choice(declared(), 2)) == {"workers": [1], "work": ["a"]}
    assert values(chosen.choice(declared(smoke={"work": ["b"]}), 2)) == {"workers": [1], "work": ["a"]}


def test_values_that_a_scenario_does_not_declare_are_left_out() -> None:
    assert values(quick(workers=[3, 4], work=["c"]).choice(declared(), 2)) == {"workers": [4]}


def test_a_scenario_that_says_nothing_takes_few_values_of_one_axis_and_one_of_every_other() -> None:
    chosen = replace(quick(), few=2)
    assert values(chosen.choice(declared(), 2)) == {"workers": [1, 2], "work": ["a"], "start_method": ["fork"]}
    assert values(chosen.choice(declared(quick={"work": ["b"]}), 2)) == {"work": ["b"]}


def test_a_table_that_narrows_a_target_holds_in_addition() -> None:
    chosen = quick(workers=[1, 2], work=["a"])
    under_quota = declared(quick={"quota": {"workers": [4]}})
    assert values(chosen.choice(under_quota, 2, "quota")) == {"workers": [4], "work": ["a"]}
    assert values(chosen.choice(under_quota, 2)) == {"workers": [1, 2], "work": ["a"]}
    assert chosen.choice(declared(quick={}), 2, "quota") is None
    assert chosen.choice(declared(), 2, "quota") is None
    assert chosen.choice(under_quota, 2, "repeat") is None


def test_targets_that_repeat_another_measure_all_where_the_profile_does_not_narrow_them() -> None:
    chosen = replace(quick(workers=[1]), narrows_repeats=False)
    assert values(chosen.choice(declared(quick={"repeat": {"workers": [4]}}), 2, "repeat")) == {"workers": [1]}


def test_windows_adds_values_to_the_axes_that_were_chosen_each_once() -> None:
    chosen = quick(workers=[1, 2])
    windows = declared(quick={"windows": {"workers": [2, 4], "work": ["b"]}})
    assert values(chosen.choice(windows, 2, None, "windows")) == {"workers": [1, 2, 4]}
    assert values(chosen.choice(windows, 2, None, "linux")) == {"workers": [1, 2]}
    assert chosen.axes["workers"] == [1, 2], "the profile itself is unchanged"


def test_spawn_stands_for_fork_on_windows_alone() -> None:
    chosen = quick(start_method=["fork"])
    example = declared(quick={"only": "map-fork-{N}"})
    for system, method in (("windows", "spawn"), ("linux", "fork"), ("macos", "fork")):
        found = chosen.choice(example, 3, None, system)
        assert values(found) == {"start_method": [method]}
        assert found is not None
        assert found.only == [f"map-{method}-3"]


def test_the_patterns_of_cases_know_the_targets_cpus() -> None:
    def only(example: Scenario, narrowing: Narrowing | None = None) -> object:
        found = quick().choice(example, 4, narrowing)
        assert found is not None
        return found.only

    example = declared(quick={"only": "{N}-* {2N}-*", "quota": {"only": ""}, "repeat": {"workers": [1]}})
    assert only(example) == ["4-*", "8-*"]
    assert only(example, "quota") == []
    assert only(example, "repeat") == ["4-*", "8-*"], "a table without patterns leaves them unchanged"
    assert only(declared()) is None


def test_the_profiles_are_those_of_the_contract_each_larger_than_the_one_before() -> None:
    found = profiles()
    assert list(found) == ["smoke", "quick", "standard", "full"]
    assert [one.name for one in found.values()] == list(found)
    rounds = [one.rounds for one in found.values()]
    budgets = [one.budget_s for one in found.values()]
    assert rounds == sorted(rounds)
    assert budgets == sorted(budgets)
    assert all(one.max_rounds >= one.rounds and 0 < one.precision < 1 for one in found.values())
    assert {one.python for one in found.values()} == {"ends", "all"}
    assert all(one.quota_python in {"newest", "all"} for one in found.values())


def test_a_profile_that_does_not_exist_is_refused_with_those_that_do() -> None:
    with pytest.raises(UsageError, match="'huge'; choose one of smoke, quick, standard, full"):
        profile("huge")
