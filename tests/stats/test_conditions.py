"""Noise has a name: what disturbs a cell is named with its share and remedy; nothing is claimed without cause."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from lab.runs.folder import RunFolder
from lab.stats.quality.disturbances import CAUSES, disturbed_cells, likely_causes, seen_causes
from lab.stats.tables.summary import summarize
from lab.tables import csv_files, schema
from lab.tables.conditions import with_other_load
from lab.tables.read import read_tables
from tests.manifests import manifest
from tests.raw_lines import append

MS = 1_000_000
QUIET = {"window_ns": 10 * MS, "cpus_used": 1, "idle_ns": 0, "steal_ns": 0, "own_cpu_ns": 10 * MS}


def batches(
    *, rounds: int = 5, case: str = "a", cpu_mode: str = "cpuset", changed: dict[str, int] | None = None, **amounts: int
) -> pd.DataFrame:
    """Three batches a round that all went on alike."""
    row: dict[str, Any] = {"target": "t", "cpu_mode": cpu_mode, "scenario": "s.s", "case": case, "operation": "o"}
    row |= {"warmup": 0, **QUIET, **(changed or {}), **amounts}
    rows = [{**row, "round": number, "sample": sample} for number in range(rounds) for sample in range(3)]
    return with_other_load(csv_files.conform(pd.DataFrame(rows), schema.CONDITIONS))


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
    return csv_files.conform(pd.DataFrame(rows), schema.SAMPLES)


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
    ((found, disturbance),) = disturbed_cells(batches(rounds=20, changed=changed)).items()
    assert (found, disturbance.cause) == (("t", "s.s", "a"), cause)
    assert disturbance.share == pytest.approx(0.5 if cause == "load of others" else 0.1)
    assert CAUSES[cause].remedy in likely_causes(batches(rounds=20, changed=changed))["cause_words"][0]
    assert disturbance.sentence == f"{disturbance.words}: {CAUSES[cause].remedy}"


def test_a_busy_loop_on_one_of_two_cpus_disturbs_cells_of_one_and_of_two_cpus() -> None:
    on_its_cpu = batches(case="one", window_ns=20 * MS, own_cpu_ns=10 * MS)
    on_both = batches(case="two", window_ns=30 * MS, cpus_used=2, own_cpu_ns=45 * MS)
    on_the_other = batches(case="other")
    found = disturbed_cells(pd.concat([on_its_cpu, on_both, on_the_other], ignore_index=True))
    seen = [(case, disturbance.cause) for (_, _, case), disturbance in found.items()]
    assert seen == [("one", "load of others"), ("two", "load of others")]
    assert [disturbance.share for disturbance in found.values()] == pytest.approx([0.5, 0.25])


def test_one_round_in_which_others_were_busy_is_enough_where_it_weighs() -> None:
    alternating = [batches(rounds=1), batches(rounds=1, window_ns=20 * MS)]
    rows = pd.concat([alternating[number % 2].assign(round=number) for number in range(5)], ignore_index=True)
    assert [disturbance.cause for disturbance in disturbed_cells(rows).values()] == ["load of others"]


def test_a_quiet_cell_is_not_disturbed_by_the_grain_of_the_ticks() -> None:
    # 30 % of its CPU was idle, and a tick more or less a process is what the counter's grain can do.
    one_tick_missing = batches(rounds=1, idle_ns=0, own_cpu_ns=7 * MS)
    assert not disturbed_cells(one_tick_missing)


def test_being_throttled_under_a_quota_is_what_was_asked_for() -> None:
    assert not disturbed_cells(batches(cpu_mode="quota", throttled_ns=5 * MS))


def test_what_the_cell_may_bring_about_itself_is_a_cause_and_no_disturbance() -> None:
    rows = batches(migrations=9, pressure_cpu_some_ns=9 * MS)
    assert not disturbed_cells(rows)
    assert seen_causes(rows)["cause"].tolist() == ["migrations", "pressure"]


def test_a_changing_frequency_is_a_cause() -> None:
    rows = batches(frequency_khz=3_000_000)
    rows.loc[0, "frequency_khz"] = 1_500_000
    assert seen_causes(rows)[["cause", "share"]].to_numpy().tolist() == [["frequency", 0.5]]


def test_without_any_reading_nothing_is_disturbed() -> None:
    empty = csv_files.conform(pd.DataFrame(), schema.CONDITIONS)
    assert not disturbed_cells(empty)
    only_windows = batches().drop(columns=["idle_ns", "steal_ns", "own_cpu_ns"])
    assert not disturbed_cells(csv_files.conform(only_windows.drop(columns="others_ns"), schema.CONDITIONS))


STEADY = [100.0, 100.1, 100.2, 100.1, 100.0, 100.1]
SCATTERED = [100.0, 150.0, 90.0, 170.0, 110.0, 130.0]


def test_a_disturbed_cell_is_noisy_whatever_its_half_width() -> None:
    (row,) = summarize(samples(STEADY), batches(own_cpu_ns=5 * MS)).to_dict("records")
    assert row["stable"] == "noisy"
    assert row["reason"].startswith("other processes took 50% of its CPUs: end them")
    assert summarize(samples(STEADY), batches())["stable"].tolist() == ["stable"]


def test_noise_whose_cause_was_not_seen_says_so() -> None:
    (row,) = summarize(samples(SCATTERED), batches()).to_dict("records")
    assert "; cause unknown" in row["reason"]
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
    line = {"kind": "sample", "cell": "s.s/a", "operation": "o", "sample": 0, "warmup": 0, "spent": {"throttled_ns": 7}}
    line |= {"elapsed_ns": 10 * MS, "loops": 1, "columns": {}}
    with RunFolder.create(tmp_path / "run") as folder:
        folder.write_manifest(manifest(targets=[{"id": "t"}], cells=[{"target": "t", "scenario": "s.s", "case": "a"}]))
        append(
            folder,
            "t",
            3,
            {"kind": "facts", "facts": {}, "schema_version": 1},
            {"kind": "canary", "when": "before", "loops": 1, "elapsed_ns": 2, "cpu_ns": 2},
            {"kind": "start", "cell": "s.s/a"},
            {**line, "around": {**QUIET, "own_cpu_ns": 4 * MS}},
            {"kind": "end", "cell": "s.s/a", "status": "ok", "reason": ""},
            {"kind": "start", "cell": "s.s/a"},
            {**line, "around": QUIET},  # of an attempt that was never finished
        )
        read = read_tables(folder)
    (row,) = read.conditions.to_dict("records")
    (canary,) = read.canaries.to_dict("records")
    assert (row["scenario"], row["case"], row["round"]) == ("s.s", "a", 3)
    assert (row["others_ns"], row["throttled_ns"]) == (6 * MS, 7)
    assert pd.isna(row["migrations"])
    assert (canary["round"], canary["block"], canary["when"]) == (3, 0, "before")


def test_a_run_that_recorded_none_has_an_empty_table(tmp_path: Path) -> None:
    with RunFolder.create(tmp_path / "run") as folder:
        folder.write_manifest(manifest())
        read = read_tables(folder)
    assert read.conditions.columns.tolist() == schema.names(schema.CONDITIONS)
    assert read.canaries.empty


@pytest.mark.parametrize(
    ("field", "bound", "cause"),
    [
        ("throttled_ns", 0.01, "throttling"),
        ("pressure_memory_some_ns", 0.02, "memory pressure"),
        ("pressure_cpu_some_ns", 0.25, "pressure"),
        ("pressure_io_some_ns", 0.10, "input and output"),
    ],
)
def test_a_cause_is_seen_from_its_share_of_the_time_on(field: str, bound: float, cause: str) -> None:
    for factor, seen in ((0.99, []), (1.01, [cause])):
        rows = batches(changed={field: round(bound * factor * 10 * MS)}, cpus_used=2, own_cpu_ns=20 * MS)
        assert seen_causes(rows)["cause"].tolist() == seen


@pytest.mark.parametrize(("field", "cause"), [("major_faults", "page faults"), ("migrations", "migrations")])
def test_a_cause_that_is_counted_is_seen_above_one_a_batch(field: str, cause: str) -> None:
    assert seen_causes(batches(changed={field: 1})).empty
    rows = batches(changed={field: 1})
    rows.loc[3, field] = 16
    (row,) = seen_causes(rows).to_dict("records")
    assert (row["cause"], row["share"]) == (cause, pytest.approx(2.0))
    assert likely_causes(rows)[["cause_words", "disturbed"]].to_numpy().tolist()[0][1] is False


def test_processes_that_moved_stand_for_migrations_that_nobody_counted() -> None:
    assert seen_causes(batches(moved_processes=3))["cause"].tolist() == ["migrations"]
    assert seen_causes(batches(moved_processes=3, migrations=0)).empty


def test_frequencies_that_differ_by_more_than_five_percent_are_a_cause() -> None:
    for lowest, seen in ((951, []), (949, ["frequency"])):
        rows = batches(frequency_khz=1000)
        rows.loc[4, "frequency_khz"] = lowest
        assert seen_causes(rows)["cause"].tolist() == seen


@pytest.mark.parametrize(("rounds", "cpus"), [(1, 1), (9, 4)])
@pytest.mark.parametrize(("field", "bound"), [("steal_ns", 0.02), ("others", 0.10)])
def test_of_what_is_counted_in_ticks_twice_their_error_is_taken_off(
    rounds: int, cpus: int, field: str, bound: float
) -> None:
    """A round's ticks are off by sqrt(1 / 6) of 10 ms on each CPU, and these errors add as their squares."""
    window = 10_000 * MS
    error = 2 * (rounds * cpus / 6) ** 0.5 * 10 * MS / (rounds * 3 * window * cpus)
    for factor, seen in ((0.999, False), (1.001, True)):
        lost = round((bound + error) * factor * window * cpus)
        own = window * cpus - lost
        changed = {"steal_ns": lost} if field == "steal_ns" else {}
        rows = batches(rounds=rounds, window_ns=window, cpus_used=cpus, own_cpu_ns=own, changed=changed)
        assert bool(len(disturbed_cells(rows))) == seen


def test_warm_up_is_no_part_of_what_went_on() -> None:
    rows = pd.concat([batches(), batches(own_cpu_ns=0, migrations=99).assign(warmup=1)], ignore_index=True)
    assert seen_causes(rows).empty


def test_of_several_causes_the_disturbing_ones_stand_first_and_the_worst_of_them() -> None:
    rows = batches(rounds=20, migrations=900, throttled_ns=5 * MS, pressure_memory_some_ns=8 * MS)
    assert seen_causes(rows)["cause"].tolist() == ["throttling", "memory pressure", "migrations"]
    (disturbance,) = disturbed_cells(rows).values()
    assert disturbance.cause == "throttling"
    assert disturbance.share == pytest.approx(0.5)
    assert likely_causes(rows)["disturbed"].tolist() == [True]


def test_others_time_is_what_is_neither_idle_nor_stolen_nor_the_cells_own_and_never_below_zero() -> None:
    rows = batches(window_ns=10, cpus_used=2, idle_ns=3, steal_ns=4, own_cpu_ns=5)
    assert rows["others_ns"].tolist() == [8] * 15
    assert batches(own_cpu_ns=99 * MS)["others_ns"].tolist() == [0] * 15
    unknown = batches(window_ns=10, idle_ns=3, own_cpu_ns=5).drop(columns="steal_ns")
    assert with_other_load(csv_files.conform(unknown, schema.CONDITIONS))["others_ns"].tolist() == [2] * 15


def test_time_that_the_cpus_were_idle_or_stolen_was_nobody_elses() -> None:
    """Of two CPUs' 20 ms the cell had 4, 8 were idle and 3 stolen: others had 5, a quarter."""
    rows = batches(rounds=90, cpus_used=2, own_cpu_ns=4 * MS, idle_ns=8 * MS, steal_ns=3 * MS)
    shares = seen_causes(rows).set_index("cause")["share"].to_dict()
    assert shares == {"steal": pytest.approx(0.15), "load of others": pytest.approx(0.25)}
