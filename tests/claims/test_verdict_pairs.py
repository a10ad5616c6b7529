"""Verdicts where several cells or targets could be compared: which are, and which of them decides."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from tests.claim_runs import SERIAL, THREADS, THREADS_CLAIM, cell, failed, noisy, row_of, rows_of, starts, trip


def test_of_many_pairs_the_worst_decides() -> None:
    name = "shared_memory_is_the_fastest_ipc"
    fast = [trip("shared_memory", 10.0), trip("pipe", 20.0), trip("fifo", 12.0)]
    row = row_of(name, *fast)
    assert row["verdict"] == "holds"
    assert row["reason"] == "lowest of 2: fifo-64 / shared_memory-64; 5 rounds"
    row = row_of(name, *fast, trip("os_pipe", 8.0))
    assert row["verdict"] == "fails"
    assert "os_pipe" in row["reason"]
    row = row_of(name, *fast, trip("os_pipe", 10.0))
    assert row["verdict"] == "inconclusive"


def test_pairs_are_of_one_size_and_what_is_shared_memory_too_is_left_out() -> None:
    name = "shared_memory_is_the_fastest_ipc"
    large = {"payload_bytes": 1048576}
    cells = [trip("shared_memory", 10.0), trip("shared_memory", 900.0, **large), trip("pipe", 20.0)]
    row = row_of(name, *cells, trip("pipe", 1500.0, **large), trip("mmap", 5.0), trip("signal", 5.0))
    assert row["verdict"] == "holds"
    assert row["value"] == pytest.approx(1500 / 900, rel=0.02)


def test_a_pair_without_an_interval_can_not_support_and_does_not_hinder_a_refutation() -> None:
    name = "shared_memory_is_the_fastest_ipc"
    few = trip("fifo", 20.0, rounds=3)
    row = row_of(name, trip("shared_memory", 10.0), trip("pipe", 20.0), few)
    assert row["verdict"] == "inconclusive"
    assert row["reason"].startswith("3 of 5 rounds")
    row = row_of(name, trip("shared_memory", 10.0), trip("pipe", 5.0), few)
    assert (row["verdict"], row["reason"]) == ("fails", "lowest of 2: pipe-64 / shared_memory-64; 5 rounds")


def test_a_claim_of_two_versions_is_asked_of_targets_that_are_equal_otherwise() -> None:
    name = "forkserver_default_makes_pools_slower"
    newer = [starts("3.14.1", 40.0), starts("3.14.1", 6.0, "fork")]
    row = row_of(name, *newer, starts("3.13.8", 5.0), starts("3.9.18", 30.0))
    assert (row["verdict"], row["target"]) == ("holds", "py314-linux-c2")
    assert "of py313-linux-c2" in row["reason"]
    assert row["value"] == pytest.approx(8.0, rel=0.02)
    row = row_of(name, starts("3.14.1", 40.0), starts("3.14.1", 39.0, "fork"), starts("3.13.8", 5.0))
    assert row["verdict"] == "fails", "fork is as slow there, so it is not the default start method"


@pytest.mark.parametrize("different", [{"cpu_mode": "affinity"}, {"cpus_observed": 1.0}, {"build": "free-threaded"}])
def test_a_target_that_differs_in_more_than_its_python_is_no_partner(different: dict[str, Any]) -> None:
    newer = [starts("3.14.1", 40.0), starts("3.14.1", 6.0, "fork")]
    row = row_of("forkserver_default_makes_pools_slower", *newer, starts("3.13.8", 5.0, **different))
    assert (row["verdict"], row["target"]) == ("not measured", "py314-linux-c2")
    assert row["reason"] == "the run has no target before Python 3.14 that is equal to py314-linux-c2 otherwise"


def default_pool(size: object, workers: int, value: float, **more: Any) -> list[dict[str, Any]]:
    variant = (
        f'{{"kind": "pool", "size": "{size}"}}' if isinstance(size, str) else f'{{"kind": "pool", "size": {size}}}'
    )
    base = {"scenario": "pool.defaults", "operation": "job", "case": f"pool-{size}", "workers": workers}
    return cell(noisy(value, seed=workers), **{**base, "variant": variant, **more})


def test_what_pool_picks_is_held_against_other_sizes_by_where_the_limit_is() -> None:
    machine, container = "pool_default_fits_the_machine", "pool_default_fits_the_container"
    quota = {"target": "py313-linux-q0.5", "cpu_mode": "quota", "cpus_requested": 0.5, "cpus_observed": 0.5}
    whole = [default_pool("default", 2, 50.0), default_pool(1, 1, 100.0), default_pool(2, 2, 40.0)]
    limited = [default_pool("default", 2, 140.0, **quota), default_pool(1, 1, 100.0, **quota)]
    row = row_of(machine, *whole, *limited, machine_cpus=2)
    assert (row["verdict"], row["target"]) == ("holds", "py313-linux-c2")
    assert row["value"] == pytest.approx(0.5, rel=0.05), "a pool of the same size is no other size"
    row = row_of(container, *whole, *limited, machine_cpus=2)
    assert (row["verdict"], row["target"]) == ("fails", "py313-linux-q0.5")
    assert set(rows_of(container, *whole, *limited)["target"]) == {"py313-linux-c2", "py313-linux-q0.5"}
    assert row_of(machine, *whole, machine_cpus=4)["verdict"] == "not measured"


def test_a_cell_that_failed_in_some_rounds_decides_nothing_by_those_it_came_through() -> None:
    serial, pool = cell(noisy(100.0, 8), **SERIAL), cell(noisy(100.0, 8), **THREADS)
    assert row_of(THREADS_CLAIM, serial, pool)["verdict"] == "holds"
    row = row_of(THREADS_CLAIM, serial, failed(pool, 2, 5, status="timeout"))
    assert row["verdict"] == "inconclusive"
    assert row["reason"].startswith("threads-2 ran out of time in 2 of 8 rounds (killed after 60 s)")
    assert pd.isna(row["q_value"])
    assert row_of(THREADS_CLAIM, serial, failed(pool, 2, 5, status="skipped"))["verdict"] == "holds"


def test_a_mechanism_that_failed_is_not_passed_over_where_the_claim_is_about_every_one() -> None:
    name = "shared_memory_is_the_fastest_ipc"
    lost = failed(trip("fifo", 12.0), *range(5))
    row = row_of(name, trip("shared_memory", 10.0), trip("pipe", 20.0), lost)
    assert row["verdict"] == "inconclusive"
    assert row["reason"].startswith("fifo-64 is failed: killed after 60 s")
    assert row_of(name, trip("shared_memory", 10.0), trip("pipe", 5.0), lost)["verdict"] == "fails"


def test_no_other_start_method_steps_in_for_one_that_failed() -> None:
    fork = {**SERIAL, "executor": "processes", "workers": 2, "case": "processes-fork-2", "start_method": "fork"}
    spawn = {**fork, "case": "processes-spawn-2", "start_method": "spawn"}
    cells = [cell(noisy(100.0), **SERIAL), failed(cell(noisy(50.0), **fork), *range(5)), cell(noisy(52.0), **spawn)]
    row = row_of("processes_speed_up_compute", *cells)
    assert (row["verdict"], row["reason"]) == ("not measured", "processes-fork-2 is failed: killed after 60 s")


def test_rounds_of_two_runs_that_were_merged_are_not_paired() -> None:
    """Round 3 of yesterday was not measured beside round 3 of today, on one machine or two."""
    name = "forkserver_default_makes_pools_slower"
    newer = [starts("3.14.1", 40.0), starts("3.14.1", 6.0, "fork")]
    assert row_of(name, *newer, starts("3.13.8", 5.0))["verdict"] == "holds"
    row = row_of(name, *newer, starts("3.13.8", 5.0, run_id="another"))
    assert row["verdict"] == "not measured"
    assert row["reason"].startswith("no round has both")
