"""False alarms and missed changes: which cells are asked, and what is counted of them."""

from __future__ import annotations

import math
from fnmatch import fnmatchcase
from typing import Any

import numpy as np
import pandas as pd
import pytest

from lab.model import Limit, Target
from lab.tables import csv_files, schema
from lab.validation.selfcheck import verdicts
from lab.validation.selfcheck.alarms import STEADY_CELLS, chosen_cells
from lab.validation.selfcheck.equivalence import upper_limit
from lab.validation.selfcheck.job import DEFAULT, QUICK, Options, minutes
from lab.validation.selfcheck.session import Arm, block_s
from lab.validation.selfcheck.verdicts import FALSE_ALARMS_GOAL, LEAST_COMPARISONS


def target(suffix: str) -> Target:
    limit = Limit(mode="affinity", cpus=2)
    return Target(id=f"x-{suffix}", key="3.13", engine="none", os="linux", arch="x86_64", limit=limit, cpus_visible=2)


def samples(name: str, factor: float, scatter: float, *, cells: int = 40, rounds: int = 12) -> pd.DataFrame:
    """Rows of samples.csv of one target whose rounds scatter."""
    noise = np.random.default_rng(sum(map(ord, name)))
    rows = [
        {
            "target": name,
            "scenario": "ipc.round_trip",
            "case": f"pipe-{cell}",
            "operation": "round_trip",
            "metric": "wall_time",
            "placement": "cross_cpu" if cell % 2 else "same_cpu",
            "unit": "ns",
            "cpu_mode": "affinity",
            "round": number,
            "sample": 0,
            "loops": 100,
            "warmup": 0,
            "status": "ok",
            "value": 1000.0 * factor * math.exp(noise.normal() * scatter),
        }
        for cell in range(cells)
        for number in range(rounds)
    ]
    return csv_files.conform(pd.DataFrame(rows), schema.SAMPLES)


def test_a_slowdown_is_found_where_cells_are_precise_and_is_no_false_alarm_between_equals() -> None:
    arms = [Arm(target=target("a")), Arm(target=target("b"))]
    slowed = [Arm(target=target("a")), Arm(target=target("slow"), slowdown_percent=5.0)]
    found = {
        "x-a": samples("x-a", 1.0, 0.01),
        "x-b": samples("x-b", 1.0, 0.01),
        "x-slow": samples("x-slow", 1.05, 0.01),
    }
    null = verdicts.null_comparisons(found, arms)
    told: dict[str, Any] = verdicts.false_alarms(null)
    assert (told["false_alarms"], told["comparisons"]) == (0, 40)
    assert 0 <= told["beside_one"] <= 8  # 5 % of 40 are expected without threshold and correction
    assert told["verdict"] == "cannot tell"  # 40 comparisons without an alarm cannot show 1 %
    row: dict[str, Any] = verdicts.found_changes(verdicts.changes(found, slowed))[0]
    assert row["precise_cells"] > 30
    assert row["verdict"] == "reached"
    floor: list[dict[str, Any]] = verdicts.floor(null)
    assert [placement["placement"] for placement in floor] == ["cross_cpu", "same_cpu"]
    assert all(0 < placement["floor_log"] < 0.02 for placement in floor)


def test_arms_that_differ_are_false_alarms_and_the_goal_is_missed() -> None:
    arms = [Arm(target=target("a")), Arm(target=target("b"))]
    found = {"x-a": samples("x-a", 1.0, 0.01), "x-b": samples("x-b", 1.2, 0.01)}
    told = verdicts.false_alarms(verdicts.null_comparisons(found, arms))
    assert told["false_alarms"] == told["comparisons"] == 40
    assert told["verdict"] == "missed"


def test_noisy_cells_are_not_held_to_find_anything() -> None:
    slowed = [Arm(target=target("a")), Arm(target=target("slow"), slowdown_percent=5.0)]
    found = {"x-a": samples("x-a", 1.0, 0.2), "x-slow": samples("x-slow", 1.05, 0.2)}
    row = verdicts.found_changes(verdicts.changes(found, slowed))[0]
    assert (row["precise_cells"], row["rate"], row["verdict"]) == (0, None, "cannot tell")


def test_arms_lie_as_far_apart_in_time_as_two_targets_do() -> None:
    # Two of n arms in random order are (n + 1) / 3 blocks apart on average.
    assert [block_s(arms) * (arms + 1) / 3 for arms in (2, 4, 10)] == pytest.approx([10.0] * 3)


def test_the_whole_alarms_part_is_planned_for_25_minutes_with_its_300_comparisons() -> None:
    cells = len(chosen_cells(target("")))
    assert DEFAULT.cells == cells
    assert DEFAULT.null_pairs * cells >= LEAST_COMPARISONS
    assert upper_limit(0, DEFAULT.null_pairs * cells) <= FALSE_ALARMS_GOAL
    assert minutes(Options(parts=("alarms",)), DEFAULT) <= 25
    assert minutes(Options(parts=("loaded",)), DEFAULT) <= 5
    assert minutes(Options(parts=("loaded",)), QUICK) <= 1


def test_a_change_is_asked_of_cells_that_exist_waiting_ones_and_hashing_ones_and_round_trips() -> None:
    asked = [cell.case_key for cell in chosen_cells(target(""), None, STEADY_CELLS)]
    assert DEFAULT.slowed.cells == len(asked)
    for word in ("waiting", "hashing", "io", "round_trip"):
        assert any(word in key for key in asked)
    assert all(any(fnmatchcase(key, pattern) for key in asked) for pattern in STEADY_CELLS)


def test_a_part_of_the_cells_is_spread_over_all_of_them() -> None:
    few = [cell.case_key for cell in chosen_cells(target(""), 40)]
    assert len(set(few)) == 40
    assert {key.partition(".")[0] for key in few} == {"ipc", "state", "sync"}
