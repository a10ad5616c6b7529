"""The benchmark of the lab: synthetic raw files are read as real ones, and what was not measured is said."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

from lab.comparisons.within import KINDS
from lab.runs.folder import RunFolder
from lab.stats.tables.summary import summarize
from lab.validation.bench.deriving import growth
from lab.validation.bench.result import Derived
from lab.validation.bench.synthetic import (
    ROUNDS,
    ROWS_A_CELL_AND_ROUND,
    manifest,
    synthetic_targets,
    timed_operation,
    write_run,
)
from lab.validation.bench.whole import goal
from tests.raw_lines import samples_of


def derived(rows: int, wall_s: float, peak_bytes: int) -> Derived:
    return Derived(rows=rows, summary_rows=1, wall_s=wall_s, cpu_s=wall_s, peak_rss_bytes=peak_bytes)


def test_a_synthetic_run_is_read_like_a_measured_one(tmp_path: Path) -> None:
    assert write_run(tmp_path / "run", 600) == 2
    samples = samples_of(RunFolder.existing(tmp_path / "run"))
    assert len(samples) == 2 * ROUNDS * ROWS_A_CELL_AND_ROUND
    assert set(samples["status"]) == {"ok"}
    summary = summarize(samples)
    assert summary["rounds"].tolist() == [ROUNDS] * 8
    assert summary["ci_low"].notna().all()


def test_the_operation_that_a_scenario_times_is_read_from_its_code() -> None:
    """tests/agent/test_scenarios.py holds it against what each scenario really measured."""
    assert timed_operation("ipc.round_trip") == "round_trip"
    assert timed_operation("process.start") == "start_join", "measured in batches, and not the first start alone"
    assert timed_operation("pool.scaling_weak") == "job", "which its own file leaves to another one"
    assert timed_operation("sync.primitives") == "operation", "which is a name that its code makes up"


def test_growth_is_stated_between_neighbouring_sizes() -> None:
    (step,) = growth([derived(100, 1.0, 50), derived(200, 3.0, 75)])
    assert step == {"rows": 2.0, "wall": 3.0, "cpu": 3.0, "peak_rss": 1.5}


def test_growth_is_stated_from_the_smallest_to_the_largest_as_well() -> None:
    steps = growth([derived(100, 1.0, 50), derived(200, 3.0, 75), derived(400, 6.0, 100)])
    assert [step["rows"] for step in steps] == [2.0, 2.0, 4.0]
    assert steps[-1]["cpu"] == 6.0


def test_the_targets_of_a_synthetic_run_are_compared_as_those_of_a_real_one() -> None:
    entries = manifest(list(islice(synthetic_targets(), 21)), []).targets
    assert {kind.name for kind in KINDS if list(kind.pick(entries))} == {kind.name for kind in KINDS} - {
        "containers-beside-native"
    }


def test_a_goal_that_was_not_measured_is_neither_reached_nor_missed() -> None:
    assert goal(derived(100_000, 1.0, 1)).reached is None
    assert goal(derived(1_000_000, 19.0, 1 << 29)).reached is True
    assert goal(derived(1_000_000, 21.0, 1 << 29)).reached is False
    assert goal(derived(1_000_000, 19.0, 1 << 31)).reached is False
