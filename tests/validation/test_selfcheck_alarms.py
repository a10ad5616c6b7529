"""False alarms and missed changes: which cells are measured, and what is counted."""

from __future__ import annotations

import math
from fnmatch import fnmatchcase

import numpy as np
import pandas as pd
import pytest

from lab.model import Limit, Target
from lab.tables import csv_files, schema
from lab.validation.selfcheck import alarms
from lab.validation.selfcheck.alarms import CELLS, FALSE_ALARMS_GOAL, MIN_COMPARISONS, STEADY_CELLS
from lab.validation.selfcheck.equivalence import rate_limits
from lab.validation.selfcheck.job import DEFAULT, QUICK, Options, minutes
from lab.validation.selfcheck.session import Session, Variant, block_s, matching_cells


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


def session(*parts: pd.DataFrame, stolen: str = "") -> Session:
    """A run of these rows; on one target the host took half of the time of one cell."""
    both = pd.concat(parts, ignore_index=True)
    load = {"window_ns": 10**9, "cpus_used": 1, "steal_ns": 5 * 10**8, "warmup": 0, "round": 0, "sample": 0}
    row = {"target": stolen, "scenario": "ipc.round_trip", "case": "pipe-0", "operation": "round_trip", **load}
    conditions = csv_files.conform(pd.DataFrame([row] if stolen else []), schema.CONDITIONS)
    return Session(samples=both, conditions=conditions)


def test_a_slowdown_is_found_where_cells_are_precise_and_is_no_false_alarm_between_equals() -> None:
    identical = [Variant(target=target("a")), Variant(target=target("b"))]
    slowed = [Variant(target=target("a")), Variant(target=target("slow"), slowdown_percent=5.0)]
    measured = session(samples("x-a", 1.0, 0.01), samples("x-b", 1.0, 0.01), samples("x-slow", 1.05, 0.01))
    null = alarms.null_comparisons(measured, identical)
    found = alarms.count_false_alarms(null)
    assert (found.false_alarms, found.comparisons) == (0, 40)
    assert 0 <= found.intervals_without_1 <= 8  # 5% of 40 are expected without threshold and correction
    assert found.verdict == "inconclusive"  # 40 comparisons without an alarm cannot show 1%
    row = alarms.count_found_changes(alarms.changes(measured, slowed))[0]
    assert row.precise_cells > 30
    assert (row.cells, row.called_faster, row.verdict) == (40, 0, "reached")
    assert row.rate == row.called_slower / 40 >= 0.95
    floor = alarms.noise_floor(null)
    assert [placement.placement for placement in floor] == ["cross_cpu", "same_cpu"]
    assert all(0 < placement.floor_log < 0.02 for placement in floor)


def test_variants_that_differ_are_false_alarms_and_the_goal_is_missed() -> None:
    variants = [Variant(target=target("a")), Variant(target=target("b"))]
    measured = session(samples("x-a", 1.0, 0.01), samples("x-b", 1.2, 0.01))
    found = alarms.count_false_alarms(alarms.null_comparisons(measured, variants))
    assert found.false_alarms == found.comparisons == 40
    assert found.inconclusive == 0
    assert found.verdict == "missed"


def test_a_target_without_samples_gives_no_false_alarms_and_no_noise_floor() -> None:
    variants = [Variant(target=target("a")), Variant(target=target("b"))]
    null = alarms.null_comparisons(session(samples("x-a", 1.0, 0.01)), variants)
    found = alarms.count_false_alarms(null)
    assert (found.comparisons, found.rate, found.upper_limit, found.verdict) == (0, None, 1.0, "inconclusive")
    assert alarms.noise_floor(null) == ()


def test_a_change_that_noisy_cells_hide_counts_as_missed() -> None:
    slowed = [Variant(target=target("a")), Variant(target=target("slow"), slowdown_percent=5.0)]
    measured = session(samples("x-a", 1.0, 0.2), samples("x-slow", 1.05, 0.2))
    row = alarms.count_found_changes(alarms.changes(measured, slowed))[0]
    assert (row.precise_cells, row.cells, row.called_slower, row.rate, row.verdict) == (0, 40, 0, 0.0, "missed")


def test_verdicts_are_those_of_lab_compare_which_gives_none_about_a_disturbed_cell() -> None:
    identical = [Variant(target=target("a")), Variant(target=target("b"))]
    measured = session(samples("x-a", 1.0, 0.01), samples("x-b", 1.2, 0.01), stolen="x-b")
    null = alarms.null_comparisons(measured, identical)
    assert null.loc[null["case"] == "pipe-0", "verdict"].tolist() == ["inconclusive"]
    assert alarms.count_false_alarms(null).false_alarms == 39
    slowed = [Variant(target=target("a")), Variant(target=target("b"), slowdown_percent=5.0)]
    row = alarms.count_found_changes(alarms.changes(measured, slowed))[0]
    assert (row.cells, row.called_slower, row.found_of_all) == (40, 39, 40)


def test_passes_apart_are_compared_by_welchs_test() -> None:
    one, other = session(samples("x-a", 1.0, 0.01)), session(samples("x-a", 1.1, 0.01))
    found = alarms.compare_passes(one, other, "x-a")
    assert set(found["pairing"]) == {"apart"}
    assert set(found["verdict"]) == {"slower"}


def test_variants_are_as_far_apart_in_time_as_two_targets() -> None:
    # Two of n variants in random order are (n + 1) / 3 blocks apart on average.
    assert [block_s(count) * (count + 1) / 3 for count in (2, 4, 10)] == pytest.approx([10.0] * 3)


def test_the_whole_alarms_part_is_planned_for_25_minutes_with_its_300_comparisons() -> None:
    cells = len(matching_cells(target(""), CELLS, "full"))
    assert DEFAULT.null.cells == cells
    assert DEFAULT.null_pairs * cells >= MIN_COMPARISONS
    assert rate_limits(0, DEFAULT.null_pairs * cells)[1] <= FALSE_ALARMS_GOAL
    assert minutes(Options(parts=("alarms",)), DEFAULT) <= 25
    assert minutes(Options(parts=("loaded",)), DEFAULT) <= 5
    assert minutes(Options(parts=("loaded",)), QUICK) <= 1


def test_changes_are_searched_in_cells_that_exist_that_wait_that_hash_and_in_round_trips() -> None:
    keys = [cell.case_key for cell in matching_cells(target(""), STEADY_CELLS, "full")]
    assert DEFAULT.slowed.cells == len(keys)
    for word in ("waiting", "hashing", "io", "round_trip"):
        assert any(word in key for key in keys)
    assert all(any(fnmatchcase(key, pattern) for key in keys) for pattern in STEADY_CELLS)


def test_a_part_of_the_cells_is_spread_over_all_of_them() -> None:
    few = [cell.case_key for cell in matching_cells(target(""), CELLS, "full", 40)]
    assert len(set(few)) == 40
    assert {key.partition(".")[0] for key in few} == {"ipc", "state", "sync"}
