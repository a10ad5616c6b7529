"""Raw lines to samples.csv: which attempt counts, what identifies a row, and what stands where nothing was measured."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from lab.runs import raw
from lab.runs.folder import RunFolder
from lab.stats.tables.summary import summarize
from lab.tables import csv_files, schema
from lab.tables.read import RunTables, read_tables
from tests.manifests import manifest
from tests.raw_lines import append, samples_of

CAPTURED = Path(__file__).parents[1] / "data" / "raw-smoke"
TARGET: dict[str, Any] = {
    "id": "t1", "key": "3.13t", "engine": "docker", "os": "linux", "arch": "x86_64", "build": "free-threaded",
    "cpu_mode": "cpuset", "cpus_requested": 2.0,
}  # fmt: skip
FACTS = {
    "affinity": [0, 1],
    "os": "Linux!",
    "arch": "arm64",
    "implementation": "CPython",
    "python": "3.13.5",
    "cpuset": [0, 1],
}
VALUES = {"workers": 2, "start_method": None, "zeal": "high", "kind": "pool", "left": None}
CELLS: list[dict[str, Any]] = [
    {"target": "t1", "scenario": "pool.api", "case": "one", "values": VALUES},
    {"target": "t1", "scenario": "pool.api", "case": "two", "values": {"workers": 4}},
    {"target": "t2", "scenario": "pool.api", "case": "one", "values": VALUES, "missing": "no part has it"},
]
MANIFEST = manifest(
    host={"label": "here"}, cells=CELLS, targets=[{**TARGET, "facts": FACTS}, {**TARGET, "id": "t2", "host": "there"}]
)
START = {"kind": "start", "cell": "pool.api/one"}
END = {"kind": "end", "cell": "pool.api/one", "status": "ok", "reason": None}


def batch(elapsed_ns: int, sample: int = 0, **more: Any) -> dict[str, Any]:
    line = {"kind": "sample", "cell": "pool.api/one", "operation": "call", "sample": sample, "warmup": 0, "loops": 4}
    return {**line, "elapsed_ns": elapsed_ns, "spent": {}, "columns": {}, **more}


def run_of(path: Path, *rounds: list[dict[str, Any]]) -> RunFolder:
    """A run of which round k wrote these lines."""
    with RunFolder.create(path / "run") as folder:
        folder.write_manifest(MANIFEST)
        for number, lines in enumerate(rounds):
            append(folder, "t1", number, *lines)
    return RunFolder.existing(path / "run")


def measured(frame: pd.DataFrame) -> pd.DataFrame:
    return frame[frame["status"] == "ok"].reset_index(drop=True)


def test_the_block_that_a_cell_was_started_in_is_a_column_and_empty_where_it_is_not_known(tmp_path: Path) -> None:
    frame = measured(samples_of(run_of(tmp_path, [{**START, "block": 3}, batch(8), END], [START, batch(8), END])))
    assert frame["block"].fillna(-1).tolist() == [3, -1]


def test_a_value_is_the_batch_over_its_loops_and_counters_cover_the_warm_up_as_well(tmp_path: Path) -> None:
    spent = {"cpu_ns": 300, "switches": 6, "throttled_ns": 30}
    folder = run_of(tmp_path, [START, batch(1001, spent=spent, spent_loops=6), batch(8, 1, warmup=1, loops=2), END])
    frame = measured(samples_of(folder))
    rows = frame[["metric", "unit", "value", "loops", "sample", "warmup"]].to_numpy().tolist()
    assert rows == [
        ["wall_time", "ns", 250.25, 4, 0, 0],
        ["cpu_time", "ns", 50.0, 4, 0, 0],
        ["context_switches", "count", 1.0, 4, 0, 0],
        ["throttled_time", "ns", 5.0, 4, 0, 0],
        ["wall_time", "ns", 4.0, 2, 1, 1],
    ]
    assert frame["process"].tolist() == [0] * 5


def test_each_process_of_a_round_has_its_rows_and_an_unfinished_attempt_has_none(tmp_path: Path) -> None:
    failed = {**END, "status": "failed", "reason": "wrong sum"}
    lines = [START, batch(4), failed, START, batch(400), START, batch(8), END, START, batch(12)]
    folder = run_of(tmp_path, [START, batch(16), END], lines)
    frame = samples_of(folder)
    columns = ["value", "round", "process"]
    assert measured(frame)[columns].to_numpy().tolist() == [[4.0, 0.0, 0.0], [2.0, 1.0, 1.0]]
    (lost,) = frame[frame["status"] == "failed"].to_dict("records")
    assert (lost["round"], lost["reason"], lost["metric"], lost["process"]) == (1, "wrong sum", "wall_time", 0)
    assert pd.isna(lost["value"])
    assert read_tables(folder).unfinished == 2


def test_of_several_attempts_at_one_process_the_last_finished_one_counts() -> None:
    """Older runs, whose lines have no process, may have such attempts."""
    tries: list[raw.Attempt[raw.Sample]] = [
        raw.Attempt(end=raw.End(cell="a", status=status)) for status in ("failed", "ok")
    ]
    other: raw.Attempt[raw.Sample] = raw.Attempt(process=1, end=raw.End(cell="a", status="ok"))
    unfinished: raw.Attempt[raw.Sample] = raw.Attempt()
    assert raw.finished_processes([*tries, other, unfinished]) == [tries[1], other]


def test_what_identifies_a_row_comes_from_the_plan_and_the_targets_facts(tmp_path: Path) -> None:
    row = measured(samples_of(run_of(tmp_path, [START, batch(4, columns={"tasks": 9, "placement": None}), END]))).iloc[
        0
    ]
    assert {name: row[name] for name in schema.names(schema.IDENTITY) if pd.notna(row[name])} == {
        "run_id": "r", "target": "t1", "engine": "docker", "os": "Linux!", "arch": "arm64",
        "implementation": "CPython", "python": "3.13.5", "build": "free-threaded", "cpu_mode": "cpuset",
        "cpus_requested": 2.0, "cpus_observed": 2.0, "family": "pool", "scenario": "pool.api", "case": "one",
        "workers": 2, "tasks": 9, "operation": "call", "variant": '{"kind": "pool", "zeal": "high"}', "host": "here",
        "metric": "wall_time", "unit": "ns",
    }  # fmt: skip


def test_a_planned_cell_without_a_measurement_is_a_row_that_says_why(tmp_path: Path) -> None:
    frame = samples_of(run_of(tmp_path, [START, batch(4), END]))
    rows = frame[frame["status"] == "skipped"].set_index(["target", "case"])
    assert rows["reason"].to_dict() == {("t1", "two"): "the run ended before it", ("t2", "one"): "no part has it"}
    assert rows[["value", "round", "process", "sample", "loops", "operation", "variant"]].iloc[0].isna().all()
    assert (rows["warmup"] == 0).all()
    (unanswered,) = rows.loc[[("t2", "one")]].to_dict("records")
    assert (unanswered["python"], unanswered["os"], unanswered["host"]) == ("3.13", "linux", "there")
    assert pd.isna(unanswered["cpus_observed"])


def test_a_cell_that_measured_nothing_though_it_ended_well_is_skipped(tmp_path: Path) -> None:
    frame = samples_of(run_of(tmp_path, [START, END]))
    assert frame["status"].tolist() == ["skipped"] * 3


def test_a_cell_that_the_plan_does_not_have_is_left_out(tmp_path: Path) -> None:
    foreign = [{**line, "cell": "pool.api/other"} for line in (START, batch(4), END)]
    assert samples_of(run_of(tmp_path, foreign))["case"].tolist() == ["one", "two", "one"]


def test_rows_that_agree_in_all_identifying_columns_have_one_number(tmp_path: Path) -> None:
    lines = [START, batch(4), batch(8, 1), batch(4, 2, columns={"tasks": 9}), batch(4, 3, operation="other"), END]
    samples = read_tables(run_of(tmp_path, lines, lines)).samples
    ok = (samples.frame()["status"] == "ok").to_numpy()
    assert samples.groups()[ok].tolist() == [0, 0, 1, 2] * 2
    pd.testing.assert_frame_equal(
        summarize(samples.frame(), groups=samples.groups()), summarize(samples.frame()), obj="with and without groups"
    )


@pytest.fixture(scope="module")
def captured(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    folder = tmp_path_factory.mktemp("captured") / "run"
    shutil.copytree(CAPTURED, folder)
    return RunFolder.existing(folder)


@pytest.fixture(scope="module")
def read(captured: RunFolder) -> RunTables:
    return read_tables(captured)


def test_the_samples_of_a_captured_run_are_what_they_were_to_the_byte(read: RunTables, tmp_path: Path) -> None:
    read.samples.write(tmp_path / "joined.csv")
    csv_files.write(read.samples.frame(), tmp_path / "whole.csv", schema.SAMPLES)
    expected = (CAPTURED / "samples.csv").read_bytes()
    assert (tmp_path / "joined.csv").read_bytes() == expected
    assert (tmp_path / "whole.csv").read_bytes() == expected


def test_the_summary_of_a_captured_run_is_what_it_was(read: RunTables) -> None:
    summary = summarize(read.samples.frame(), read.conditions, read.samples.groups())
    expected = csv_files.read(CAPTURED / "summary.csv", schema.SUMMARY)
    pd.testing.assert_frame_equal(summary, expected, rtol=1e-9)


def test_formulas_are_guarded_in_both_parts_of_a_row(tmp_path: Path) -> None:
    heads, tails = (pd.DataFrame({name: pd.array(["=1", "b"], dtype="string")}) for name in ("head", "tail"))
    values, codes = np.array([1.5, np.nan]), np.array([1, 0])
    csv_files.write_repeated(tmp_path / "joined.csv", (heads, codes), ("value", values), (tails, codes[::-1]))
    assert (tmp_path / "joined.csv").read_bytes() == b"head,value,tail\r\nb,1.5,'=1\r\n'=1,,b\r\n"


def test_a_table_is_written_in_pieces_without_losing_a_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_files, "LINES_AT_ONCE", 3)
    tails = pd.DataFrame({"number": pd.array(range(7), dtype="Int64")})
    heads = pd.DataFrame({"name": pd.array(["a", None], dtype="string")})
    csv_files.write_repeated(
        tmp_path / "joined.csv",
        (heads, np.array([0, 1] * 3 + [0])),
        ("value", np.arange(7) / 2),
        (tails, np.arange(7)),
    )
    assert (tmp_path / "joined.csv").read_text().split() == [
        "name,value,number", "a,0.0,0", ",0.5,1", "a,1.0,2", ",1.5,3", "a,2.0,4", ",2.5,5", "a,3.0,6",
    ]  # fmt: skip
    assert not list(tmp_path.glob("*.partial"))
