"""Derived tables of a captured run: what its samples amounted to is what they amount to, whatever is moved.

After a table was changed on purpose, ``python -m tests.stats.test_tables_captured`` writes them anew: read the
difference before committing it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pandas as pd
import pytest

from lab.stats.quality.disturbances import Disturbances
from lab.stats.tables.compare import compare, judge
from lab.stats.tables.ipc_cost import ipc_cost
from lab.stats.tables.ipc_crossings import ipc_crossings
from lab.stats.tables.ipc_sizes import ipc_sizes
from lab.stats.tables.pool_sizes import pool_sizes
from lab.stats.tables.scaling import scaling
from lab.stats.tables.speedup import speedup
from lab.stats.tables.target_ratios import scenario_ratios
from lab.tables import csv_files, schema
from tests.claim_runs import captured_disturbances

CAPTURED = Path(__file__).parents[1] / "data" / "claims-quick"
Columns = tuple[schema.Column, ...]


@cache
def samples() -> pd.DataFrame:
    return csv_files.read(CAPTURED / "samples.csv.gz", schema.SAMPLES)


@cache
def disturbed() -> Disturbances:
    return captured_disturbances(CAPTURED)


def of_target(name: str) -> pd.DataFrame:
    return samples()[samples()["target"] == name]


def compared(*, interleaved: bool) -> pd.DataFrame:
    return compare(of_target("py313-linux-c2"), of_target("py314-linux-c2"), interleaved=interleaved)


def scenarios() -> pd.DataFrame:
    return judge(scenario_ratios(of_target("py313-linux-c2"), of_target("py314-linux-c2")))


TABLES: dict[str, tuple[Callable[[], pd.DataFrame], Columns]] = {
    "speedup": (lambda: speedup(samples(), disturbed()), schema.SPEEDUP),
    "scaling": (lambda: scaling(samples(), speedup(samples(), disturbed()), disturbed()), schema.SCALING),
    "pool_sizes": (lambda: pool_sizes(samples(), disturbed()), schema.POOL_SIZES),
    "ipc_cost": (lambda: ipc_cost(samples()), schema.IPC_COST),
    "ipc_sizes": (lambda: ipc_sizes(samples(), disturbed()), schema.IPC_SIZES),
    "ipc_crossings": (lambda: ipc_crossings(samples(), disturbed()), schema.IPC_CROSSINGS),
    "compare": (lambda: compared(interleaved=True), schema.COMPARE),
    "compare_apart": (lambda: compared(interleaved=False), schema.COMPARE),
    "scenario_ratios": (scenarios, schema.COMPARE),
}


@pytest.mark.parametrize("name", TABLES)
def test_the_tables_of_a_captured_run_are_what_they_were(name: str) -> None:
    make, columns = TABLES[name]
    expected = csv_files.read(CAPTURED / "tables" / f"{name}.csv", columns)
    assert len(expected) > 1
    # Another build of NumPy may differ in the last digit.
    pd.testing.assert_frame_equal(make(), expected, rtol=1e-9, atol=1e-12)


if __name__ == "__main__":
    for name, (make, columns) in TABLES.items():
        csv_files.write(make(), CAPTURED / "tables" / f"{name}.csv", columns)
