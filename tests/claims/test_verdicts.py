"""Verdicts of one ratio on runs whose truth is known: each rule, round by round."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest

from lab.stats.quality.disturbances import Disturbance
from tests.claim_runs import C1, SERIAL, THREADS, THREADS_CLAIM, cell, noisy, row_of, rows_of


def threads(speed_up: float, scatter: float = 0.01, rounds: int = 5) -> pd.Series[Any]:
    return row_of(
        THREADS_CLAIM,
        cell(noisy(100e6, rounds, scatter, seed=1), **SERIAL),
        cell(noisy(100e6 / speed_up, rounds, scatter, seed=2), **THREADS),
    )


@pytest.mark.parametrize(("speed_up", "expected"), [(0.97, "holds"), (1.1, "inconclusive"), (1.8, "fails")])
def test_the_whole_interval_decides(speed_up: float, expected: str) -> None:
    row = threads(speed_up)
    assert row["verdict"] == expected
    assert row["target"] == "py313-linux-c2"
    assert row["ci_low"] < row["value"] < row["ci_high"]
    assert row["value"] == pytest.approx(speed_up, rel=0.02)
    assert row["reason"] == "serial / threads-2; 5 rounds"


def test_a_gil_and_a_free_threaded_build_get_verdicts_of_their_own() -> None:
    free = {"target": "py313t-linux-c2", "build": "free-threaded"}
    found = rows_of(
        THREADS_CLAIM,
        *(cell(noisy(100.0), **{**SERIAL, **on}) for on in ({}, free)),
        cell(noisy(101.0), **THREADS),
        cell(noisy(55.0), **{**THREADS, **free}),
    )
    assert dict(zip(found["target"], found["verdict"], strict=True)) == {
        "py313-linux-c2": "holds",
        "py313t-linux-c2": "fails",
    }


def test_what_drifts_between_rounds_cancels_in_the_ratio() -> None:
    drift = np.array([1.0, 1.3, 0.8, 1.5, 0.6])
    row = row_of(THREADS_CLAIM, cell(list(100 * drift), **SERIAL), cell(list(101 * drift), **THREADS))
    assert row["verdict"] == "holds"
    assert row["ci_high"] - row["ci_low"] < 1e-9


def test_below_five_rounds_nothing_is_decided() -> None:
    row = threads(0.5, rounds=4)
    assert row["verdict"] == "inconclusive"
    assert row["reason"].startswith("4 of 5 rounds")
    assert pd.isna(row["ci_low"])
    assert row["value"] == pytest.approx(0.5, rel=0.02)


def test_one_cpu_has_a_row_that_says_why_it_shows_nothing() -> None:
    row = row_of(THREADS_CLAIM, cell([1.0] * 5, **{**SERIAL, **C1}), cell([1.0] * 5, **{**THREADS, **C1, "workers": 1}))
    assert (row["verdict"], row["target"]) == ("not measured", "py313-linux-c1")
    why = "with one CPU, nothing can be faster than the serial run"
    assert row["reason"] == f"needs at least 2 CPUs, this target has 1: {why}"


def test_the_workers_are_as_many_as_cpus_and_not_more() -> None:
    others = [cell(noisy(10.0), **{**THREADS, "case": f"threads-{many}", "workers": many}) for many in (1, 3, 4)]
    row = row_of(THREADS_CLAIM, cell(noisy(100.0), **SERIAL), cell(noisy(100.0), **THREADS), *others)
    assert row["verdict"] == "holds"
    assert "threads-2" in row["reason"]


def test_a_cell_that_failed_is_named_and_no_other_count_of_workers_replaces_it() -> None:
    failed = {"status": "failed", "reason": "the results differ", "operation": None, "value": None}
    row = row_of(
        THREADS_CLAIM,
        cell(noisy(100.0), **SERIAL),
        cell(noisy(100.0), **{**THREADS, "case": "threads-1", "workers": 1}),
        [{**cell([math.nan], **THREADS)[0], **failed}],
    )
    assert (row["verdict"], row["target"]) == ("not measured", "py313-linux-c2")
    assert row["reason"] == "threads-2 is failed: the results differ"


def test_what_the_plan_left_out_is_named() -> None:
    row = row_of(THREADS_CLAIM, cell(noisy(100.0), **SERIAL))
    assert row["verdict"] == "not measured"
    assert pd.isna(row["target"])
    assert row["reason"].startswith("the run has no wall_time of pool.scaling job (executor threads")


def test_bimodal_cells_are_judged_by_order_statistics() -> None:
    rng = np.random.default_rng(3)
    modes = [1.0, 3.0] * 4
    serial = [[100.0 * mode * x for x in rng.lognormal(0, 0.01, 3)] for mode in modes]
    one = cell([[100.0] * 3] * 8, **THREADS)
    row = row_of(THREADS_CLAIM, cell(serial, **SERIAL), one)
    assert "bimodal: median and order statistics" in row["reason"]
    assert row["ci_low"] == pytest.approx(1.0, rel=0.05)
    assert row["ci_high"] == pytest.approx(3.0, rel=0.05)
    assert row["verdict"] == "inconclusive"


def test_a_bimodal_cell_that_shares_five_rounds_with_the_other_is_inconclusive() -> None:
    rng = np.random.default_rng(3)
    serial = [[100.0 * mode * x for x in rng.lognormal(0, 0.01, 3)] for mode in (1, 3, 1, 3, 1, 3, 1, 3)]
    row = row_of(THREADS_CLAIM, cell(serial, **SERIAL), cell([[10.0] * 3] * 5, **THREADS))
    assert row["verdict"] == "inconclusive"
    assert "bimodal, which takes six rounds" in row["reason"]


def test_a_disturbed_cell_leaves_it_inconclusive_with_the_cause() -> None:
    cells = [cell(noisy(100.0), **SERIAL), cell(noisy(100.0), **THREADS)]
    stolen = Disturbance("steal", 0.4)
    row = row_of(THREADS_CLAIM, *cells, disturbed={("py313-linux-c2", "pool.scaling", "serial"): stolen})
    assert row["verdict"] == "inconclusive"
    assert row["reason"].startswith("serial was disturbed: steal took 40% of the CPUs")
    elsewhere = {("another", "pool.scaling", "serial"): stolen}
    assert row_of(THREADS_CLAIM, *cells, disturbed=elsewhere)["verdict"] == "holds"
