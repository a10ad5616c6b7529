"""Tables divide what one block of a round has measured, also where a round has several blocks of a cell."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from lab.stats.rounds import log_ratios, round_logs
from lab.stats.tables.speedup import speedup
from lab.stats.tables.target_ratios import cell_ratios
from lab.tables import csv_files, schema

ROUNDS = 5
# The machine is slow in the second block, which has a serial job and two of four workers, but none of two workers.
BLOCKS = (("serial", 1, 0, 100.0), ("processes", 2, 0, 50.0), ("serial", 1, 1, 300.0), ("processes", 4, 1, 100.0))


def jobs(target: str = "t") -> pd.DataFrame:
    rows: list[dict[str, Any]] = []
    for number in range(ROUNDS):
        seen: dict[str, int] = {}
        for executor, workers, block, value in BLOCKS:
            case = f"{executor}-{workers}"
            seen[case] = seen.get(case, -1) + 1
            rows.append({
                "run_id": "r", "target": target, "scenario": "pool.scaling", "case": case, "operation": "job",
                "metric": "wall_time", "unit": "ns", "status": "ok", "warmup": 0, "loops": 1, "sample": 0,
                "cpu_mode": "cpuset", "cpus_observed": 2.0, "tasks": 64, "work": "pure_python", "executor": executor,
                "workers": workers, "round": number, "process": seen[case], "block": block, "value": value + number,
            })  # fmt: skip
    return csv_files.conform(pd.DataFrame(rows), schema.SAMPLES)


def test_a_speedup_is_over_the_serial_job_of_its_own_block() -> None:
    found = speedup(jobs()).set_index("workers")["speedup"]
    assert found[2] == pytest.approx(2.0, rel=0.03), "not 200 / 50, the mean of both blocks' serial jobs"
    assert found[4] == pytest.approx(3.0, rel=0.03), "not 200 / 100"


def test_samples_without_blocks_are_paired_by_round_as_before() -> None:
    found = speedup(jobs().drop(columns="block")).set_index("workers")["speedup"]
    assert found[2] == pytest.approx(200 / 50, rel=0.05)


def test_two_targets_are_compared_within_the_blocks_that_both_have() -> None:
    base, new = jobs(), jobs("u")
    new = new[~((new["executor"] == "serial") & (new["block"] == 1))]
    table = cell_ratios(base, new).set_index("case")
    assert table.loc["serial-1", "log_ratio"] == pytest.approx(0.0), "the slow block has no counterpart"


def test_a_ratio_without_a_common_block_is_that_of_the_rounds() -> None:
    logs = round_logs(jobs(), ["case"])
    both = logs[logs["case"] == "processes-4"].merge(logs[logs["case"] == "processes-2"], on="round")
    assert log_ratios(both, "_x", "_y").iloc[0] == pytest.approx(0.693, abs=0.001)
