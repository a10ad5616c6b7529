"""Noise has a name: what disturbs a cell is told with its share and remedy; nothing is claimed without cause."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from lab import schema, tables
from lab.conditions import canaries, conditions, with_others
from lab.stats.conditions import CAUSES, DISTURBED, disturbed_cells, reasons, seen_causes
from lab.stats.summary import summarize
from lab.store import RunFolder

MS = 1_000_000
QUIET = {"window_ns": 10 * MS, "cpus_used": 1, "idle_ns": 0, "steal_ns": 0, "own_cpu_ns": 10 * MS}


def batches(
    *, rounds: int = 5, case: str = "a", cpu_mode: str = "cpuset", changed: dict[str, int] | None = None, **amounts: int
) -> pd.DataFrame:
    """Three batches a round that all went on alike."""
    row: dict[str, Any] = {"target": "t", "cpu_mode": cpu_mode, "scenario": "s.s", "case": case, "operation": "o"}
    row |= {"warmup": 0, **QUIET, **(changed or {}), **amounts}
    rows = [{**row, "round": number, "sample": sample} for number in range(rounds) for sample in range(3)]
    return with_others(tables.conform(pd.DataFrame(rows), schema.CONDITIONS))


def samples(values: list[float], *, metric: str = "wall_time", unit: str = "ns") -> pd.DataFrame:
    rows = [
        {
            "target": "t",
            "cpu_mode": "cpuset",
            "scenario": "s.s",
            "case": "a",
            "operation": "o",
            "metric": metric,
            "unit": unit,
            "value": value,
            "loops": 1,
            "round": number,
            "warmup": 0,
            "status": "ok",
        }
        for number, value in enumerate(values)
    ]
    return tables.conform(pd.DataFrame(rows), schema.SAMPLES)


@pytest.mark.parametrize(
    ("changed", "cause"),
    [
        ({"steal_ns": 1 * MS, "own_cpu_ns": 9 * MS}, "steal"),
        ({"own_cpu_ns": 5 * MS}, "load of others"),
        ({"throttled_ns": 1 * MS}, "throttling"),
        ({"pressure_memory_some_ns": 1 * MS}, "memory pressure"),
    ],
)
def test_what_disturbs_a_cell_is_named_with_its_share(changed: dict[str, int], cause: str) -> None:
    (row,) = disturbed_cells(batches(rounds=20, changed=changed)).to_dict("records")
    share = row.pop("share")
    assert row == {"target": "t", "scenario": "s.s", "case": "a", "cause": cause}
    assert share == pytest.approx(0.5 if cause == "load of others" else 0.1)
    assert CAUSES[cause].remedy in reasons(batches(rounds=20, changed=changed))["cause_words"][0]


def test_a_busy_loop_on_one_of_two_cpus_disturbs_cells_of_one_and_of_two_cpus() -> None:
    on_its_cpu = batches(case="one", window_ns=20 * MS, own_cpu_ns=10 * MS)
    on_both = batches(case="two", window_ns=30 * MS, cpus_used=2, own_cpu_ns=45 * MS)
    on_the_other = batches(case="other")
    found = disturbed_cells(pd.concat([on_its_cpu, on_both, on_the_other], ignore_index=True))
    assert found[["case", "cause"]].to_numpy().tolist() == [["one", "load of others"], ["two", "load of others"]]
    assert found["share"].tolist() == pytest.approx([0.5, 0.25])


def test_one_round_in_which_others_were_busy_is_enough_where_it_weighs() -> None:
    alternating = [batches(rounds=1), batches(rounds=1, window_ns=20 * MS)]
    rows = pd.concat([alternating[number % 2].assign(round=number) for number in range(5)], ignore_index=True)
    assert disturbed_cells(rows)["cause"].tolist() == ["load of others"]


def test_a_quiet_cell_is_not_disturbed_by_the_grain_of_the_ticks() -> None:
    # 30 % of its CPU was idle, and a tick more or less a process is what the counter's grain can do.
    one_tick_missing = batches(rounds=1, idle_ns=0, own_cpu_ns=7 * MS)
    assert disturbed_cells(one_tick_missing).empty


def test_being_throttled_under_a_quota_is_what_was_asked_for() -> None:
    assert disturbed_cells(batches(cpu_mode="quota", throttled_ns=5 * MS)).empty


def test_what_the_cell_may_bring_about_itself_is_a_cause_and_no_disturbance() -> None:
    rows = batches(migrations=9, pressure_cpu_some_ns=9 * MS)
    assert disturbed_cells(rows).empty
    assert seen_causes(rows)["cause"].tolist() == ["migrations", "pressure"]


def test_a_changing_frequency_is_a_cause() -> None:
    rows = batches(frequency_khz=3_000_000)
    rows.loc[0, "frequency_khz"] = 1_500_000
    assert seen_causes(rows)[["cause", "share"]].to_numpy().tolist() == [["frequency", 0.5]]


def test_without_any_reading_nothing_is_disturbed() -> None:
    empty = tables.conform(pd.DataFrame(), schema.CONDITIONS)
    found = disturbed_cells(empty)
    assert list(found.columns) == DISTURBED
    assert found.empty
    only_windows = batches().drop(columns=["idle_ns", "steal_ns", "own_cpu_ns"])
    assert disturbed_cells(tables.conform(only_windows.drop(columns="others_ns"), schema.CONDITIONS)).empty


STEADY = [100.0, 100.1, 100.2, 100.1, 100.0, 100.1]
SCATTERED = [100.0, 150.0, 90.0, 170.0, 110.0, 130.0]


def test_a_disturbed_cell_is_noisy_whatever_its_half_width() -> None:
    (row,) = summarize(samples(STEADY), batches(own_cpu_ns=5 * MS)).to_dict("records")
    assert row["stable"] == "noisy"
    assert row["reason"].startswith("other processes took 50% of its CPUs: end them")
    assert summarize(samples(STEADY), batches())["stable"].tolist() == ["stable"]


def test_noise_whose_cause_was_not_seen_says_so() -> None:
    (row,) = summarize(samples(SCATTERED), batches()).to_dict("records")
    assert row["reason"].endswith("; cause unknown")
    (row,) = summarize(samples(SCATTERED), batches(migrations=9)).to_dict("records")
    assert "; its processes changed CPUs 9 times a batch: choose" in row["reason"]


def test_below_five_rounds_there_is_no_word_however_loud_it_was() -> None:
    (row,) = summarize(samples(STEADY[:3]), batches(own_cpu_ns=5 * MS)).to_dict("records")
    assert pd.isna(row["stable"])
    assert row["reason"] == "3 of 5 rounds"


def test_counts_and_sizes_do_not_change_because_others_run() -> None:
    sizes = samples([100.0] * 5, metric="pss", unit="bytes")
    assert summarize(sizes, batches(own_cpu_ns=5 * MS))["stable"].tolist() == ["stable"]


def test_raw_lines_become_one_row_a_batch_and_one_a_canary(tmp_path: Path) -> None:
    manifest = {
        "run_id": "r",
        "schema_version": schema.SCHEMA_VERSION,
        "targets": [{"id": "t", "cpu_mode": "cpuset"}],
        "cells": [{"target": "t", "scenario": "s.s", "case": "a"}],
    }
    line = {"kind": "sample", "cell": "s.s/a", "operation": "o", "sample": 0, "warmup": 0, "spent": {"throttled_ns": 7}}
    with RunFolder.create(tmp_path / "run") as folder:
        folder.write_manifest(manifest)
        for record in (
            {"kind": "facts"},
            {"kind": "canary", "when": "before", "loops": 1, "elapsed_ns": 2, "cpu_ns": 2},
            {"kind": "start", "cell": "s.s/a"},
            {**line, "around": {**QUIET, "own_cpu_ns": 4 * MS}},
            {"kind": "end", "cell": "s.s/a", "status": "ok", "reason": ""},
            {"kind": "start", "cell": "s.s/a"},
            {**line, "around": QUIET},  # of an attempt that was never finished
        ):
            folder.append("t", 3, record)
        (row,) = conditions(folder).to_dict("records")
        (canary,) = canaries(folder).to_dict("records")
    assert (row["scenario"], row["case"], row["round"]) == ("s.s", "a", 3)
    assert (row["others_ns"], row["throttled_ns"]) == (6 * MS, 7)
    assert pd.isna(row["migrations"])
    assert (canary["round"], canary["block"], canary["when"]) == (3, 0, "before")


def test_a_run_that_recorded_none_has_an_empty_table(tmp_path: Path) -> None:
    with RunFolder.create(tmp_path / "run") as folder:
        folder.write_manifest({"run_id": "r", "schema_version": schema.SCHEMA_VERSION, "targets": [], "cells": []})
        assert conditions(folder).columns.tolist() == schema.names(schema.CONDITIONS)
        assert canaries(folder).empty
