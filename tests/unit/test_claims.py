"""Every claim that the lab promises to test is there, can be proved wrong, and has a row in every run."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from lab import schema, tables
from lab.agent.scenario import discover
from lab.claims import all_claims, evaluate
from lab.claims.claim import Claim

# Section 9 of the design, in its order.
PROMISED = [
    "threads_do_not_speed_up_compute",
    "processes_speed_up_compute",
    "task_beyond_the_workers_waits",
    "apply_blocks_and_apply_async_does_not",
    "pool_default_fits_the_machine",
    "pool_default_fits_the_container",
    "shared_memory_is_the_fastest_ipc",
    "value_and_array_are_process_safe",
    "manager_is_slower_than_shared_memory",
    "processes_share_no_variables",
    "switching_processes_is_costly",
    "processes_are_wrong_for_io",
    "processes_cost_resources",
    "pool_beats_many_processes",
    "queue_is_fifo",
    "get_with_timeout_raises_empty",
    "pipes_have_a_limited_buffer",
    "signals_carry_little",
    "manager_takes_more_types",
    "manager_works_across_machines",
    "queue_is_much_slower_than_pipe",
    "fork_is_fastest",
    "larger_chunks_are_faster",
    "more_workers_than_cpus_hurt",
    "forkserver_default_makes_pools_slower",
]


def summary_of(*rows: dict[str, object]) -> pd.DataFrame:
    return tables.conform(pd.DataFrame(list(rows), columns=schema.names(schema.SUMMARY)), schema.SUMMARY)


def reason_of(name: str, summary: pd.DataFrame) -> str:
    found = evaluate(summary, pd.DataFrame())
    return str(found.set_index("claim").loc[name, "reason"])


def test_every_promised_claim_is_there_once() -> None:
    names = [claim.name for claim in all_claims()]
    assert sorted(names) == sorted(PROMISED)


@pytest.mark.parametrize("claim", all_claims(), ids=lambda claim: claim.name)
def test_a_claim_can_be_proved_wrong(claim: Claim) -> None:
    assert claim.statement.endswith(".")
    assert claim.source
    assert claim.quantities
    for quantity in claim.quantities:
        assert quantity.metric in schema.UNITS
        assert set(quantity.where) <= set(schema.names(schema.IDENTITY))
        assert quantity.scenario.count(".") == 1


def test_a_quantity_of_a_scenario_that_is_there_names_values_that_it_takes() -> None:
    scenarios = discover()
    for claim in all_claims():
        for quantity in claim.quantities:
            scenario = scenarios.get(quantity.scenario)
            for axis in ("executor", "work", "start_method"):
                if scenario and axis in quantity.where:
                    assert quantity.where[axis] in scenario.axes[axis], claim.name


def test_a_run_that_measured_nothing_has_a_row_for_each(tmp_path: Path) -> None:
    found = evaluate(summary_of(), pd.DataFrame())
    assert list(found.columns) == schema.names(schema.CLAIMS)
    assert set(found["verdict"]) == {"not measured"}
    assert found["reason"].str.len().gt(0).all()
    tables.write(found, tmp_path / "claims.csv", schema.CLAIMS)
    pd.testing.assert_frame_equal(tables.read(tmp_path / "claims.csv", schema.CLAIMS), found)


def test_a_claim_about_a_scenario_that_is_not_there_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lab.claims.discover", dict)
    assert reason_of("processes_cost_resources", summary_of()) == "the scenario process.memory is not there yet"


def test_the_reason_names_what_is_missing() -> None:
    assert reason_of("task_beyond_the_workers_waits", summary_of()) == (
        "this run has no count of pool.overflow (operation waited)"
    )


def test_a_measured_claim_says_where_its_numbers_are() -> None:
    row = {"scenario": "pool.overflow", "metric": "count", "operation": "waited", "n": 15}
    assert reason_of("task_beyond_the_workers_waits", summary_of(row)) == (
        "verdicts are not computed yet; the numbers are in summary.csv and in the figure pool_overflow"
    )


def test_a_failed_measurement_is_none() -> None:
    row = {"scenario": "pool.overflow", "metric": "count", "operation": "waited", "n": 0, "status": "failed"}
    assert "this run has no count" in reason_of("task_beyond_the_workers_waits", summary_of(row))
