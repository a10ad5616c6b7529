"""How a profile chooses: its axes, a scenario's own table, and the tables that narrow it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from lab.errors import UsageError
from lab.planning.profiles import profile, profiles

AXES = {"workers": (1, 2, 4), "work": ("a", "b"), "start_method": ("fork", "spawn")}


def choices(**tables: Any) -> Any:
    return replace(profile("quick"), choices=tables)


def test_an_axis_takes_what_the_profile_says_and_a_scenarios_own_table_goes_over_it() -> None:
    chosen = choices(
        axes={"workers": [1], "work": ["a"], "unknown": [9]}, scenario={"pool.api": {"work": ["b"], "only": ["x"]}}
    )
    assert chosen.chosen("pool.api", AXES) == {"workers": [1], "work": ["b"]}
    assert chosen.chosen("pool.start", AXES) == {"workers": [1], "work": ["a"]}


def test_a_scenario_is_left_out_where_its_table_says_so() -> None:
    chosen = choices(scenario={"pool.api": {"skip": True}, "pool.start": {"skip": False}})
    assert chosen.chosen("pool.api", AXES) is None
    assert chosen.chosen("pool.start", AXES) == {}


def test_what_narrows_a_target_holds_in_addition() -> None:
    chosen = choices(
        axes={"workers": [1, 2], "work": ["a"]},
        quota={"scenarios": ["pool.*"], "axes": {"workers": [4]}, "scenario": {"pool.start": {"skip": True}}},
        repeat={},
    )
    assert chosen.chosen("pool.api", AXES, "quota") == {"workers": [4], "work": ["a"]}
    assert chosen.chosen("ipc.fan", AXES, "quota") is None
    assert chosen.chosen("pool.start", AXES, "quota") is None
    for narrowing in (None, "repeat"):
        assert chosen.chosen("ipc.fan", AXES, narrowing) == {"workers": [1, 2], "work": ["a"]}


def test_windows_adds_values_to_the_axes_that_were_chosen_each_once() -> None:
    windows = {"scenario": {"pool.api": {"workers": [2, 4], "work": ["b"]}}}
    chosen = choices(axes={"workers": [1, 2]}, windows=windows)
    assert chosen.chosen("pool.api", AXES, None, "windows") == {"workers": [1, 2, 4]}
    assert chosen.chosen("pool.api", AXES, None, "linux") == {"workers": [1, 2]}
    assert chosen.choices["axes"]["workers"] == [1, 2], "the profile itself stays as it is"


def test_spawn_stands_for_fork_on_windows_alone() -> None:
    chosen = choices(axes={"start_method": ["fork"]}, scenario={"pool.api": {"only": ["map-fork-{N}"]}})
    for system, method in (("windows", "spawn"), ("linux", "fork"), ("macos", "fork")):
        assert chosen.chosen("pool.api", AXES, None, system) == {"start_method": [method]}
        assert chosen.only("pool.api", 3, None, system) == [f"map-{method}-3"]


def test_the_patterns_of_cases_know_the_targets_cpus() -> None:
    chosen = choices(
        scenario={"pool.api": {"only": ["{N}-*", "{2N}-*"]}}, quota={"scenario": {"pool.api": {"only": []}}}
    )
    assert chosen.only("pool.api", 4) == ["4-*", "8-*"]
    assert chosen.only("pool.api", 4, "quota") == []
    assert chosen.only("pool.start", 4) is None
    narrowed = choices(scenario={"pool.api": {"only": ["a"]}}, repeat={"scenario": {"pool.api": {"workers": [1]}}})
    assert narrowed.only("pool.api", 4, "repeat") == ["a"], "a table that says nothing of them leaves them as they are"


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


def test_a_profile_that_does_not_exist_is_told_with_those_that_do() -> None:
    with pytest.raises(UsageError, match="'huge'; choose one of smoke, quick, standard, full"):
        profile("huge")
