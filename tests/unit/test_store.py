"""The run folder: what is written is read back, and damage is reported."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from lab.errors import BadFiles, UsageError
from lab.runs.folder import RunFolder
from lab.runs.raw import Start, read_raw
from tests.manifests import manifest, plain
from tests.raw_lines import append, samples_of


def folder_with(tmp_path: Path, *records: Mapping[str, object]) -> Path:
    with RunFolder.create(tmp_path / "run") as folder:
        folder.write_manifest(manifest())
        append(folder, "t", 0, *records)
    return tmp_path / "run" / "raw" / "t.r0000.jsonl"


START = {"kind": "start", "cell": "a/b"}
SAMPLE = {
    "kind": "sample", "cell": "a/b", "operation": "o", "sample": 0, "warmup": 0, "columns": {},
    "elapsed_ns": 1, "loops": 1,
}  # fmt: skip
END = {"kind": "end", "cell": "a/b", "status": "ok"}


def test_every_raw_line_carries_its_attempt_and_its_checksum(tmp_path: Path) -> None:
    path = folder_with(tmp_path, START, SAMPLE, END)
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert all("crc32" in line for line in lines)
    assert [line.get("attempt") for line in lines] == [None, 0, 0, 0]


def test_a_line_is_in_the_file_as_soon_as_it_was_appended(tmp_path: Path) -> None:
    """A run that is killed loses no more than the line in progress."""
    path = tmp_path / "run" / "raw" / "t.r0000.jsonl"
    with RunFolder.create(tmp_path / "run") as folder:
        records: list[Mapping[str, object]] = [START, SAMPLE, END]
        for count, record in enumerate(records, 2):
            append(folder, "t", 0, record)
            assert len(path.read_bytes().splitlines()) == count
        folder.append_host_line("t", 0, Start(cell="a/c"))
        assert b'"a/c"' in path.read_bytes()


def test_a_second_attempt_after_a_resume_counts_on(tmp_path: Path) -> None:
    path = folder_with(tmp_path, START, SAMPLE)
    with RunFolder.existing(tmp_path / "run") as folder:
        append(folder, "t", 0, START, SAMPLE, END)
    tries = read_raw(path).attempts["a/b"]
    assert [attempt.end is not None for attempt in tries] == [False, True]
    assert tries[1].end is not None
    assert tries[1].end.attempt == 1


def test_a_torn_last_line_is_set_aside_and_reported(tmp_path: Path) -> None:
    path = folder_with(tmp_path, START, SAMPLE, END)
    with path.open("a") as file:
        file.write('{"kind":"sam')
    raw = read_raw(path)
    assert raw.torn
    assert [attempt.end is not None for attempt in raw.attempts["a/b"]] == [True]
    with RunFolder.existing(tmp_path / "run") as folder:
        append(folder, "t", 0, START)
    again = read_raw(path)
    assert again.torn
    assert [attempt.end is not None for attempt in again.attempts["a/b"]] == [True, False]


@pytest.mark.parametrize("left", ['{"kind":"fi', ""])
def test_a_torn_first_line_leaves_a_file_that_can_be_continued(tmp_path: Path, left: str) -> None:
    path = folder_with(tmp_path, START)
    path.write_text(left)
    assert not read_raw(path).attempts
    with RunFolder.existing(tmp_path / "run") as folder:
        append(folder, "t", 0, START)
    assert [attempt.end for attempt in read_raw(path).attempts["a/b"]] == [None]


def test_two_lines_that_are_json_only_together_are_damaged(tmp_path: Path) -> None:
    path = folder_with(tmp_path, START, SAMPLE, END)
    lines = path.read_text().splitlines()
    head, _, tail = lines[1].partition(",")
    path.write_text("\n".join([lines[0], head, tail, *lines[2:]]) + "\n")
    with pytest.raises(BadFiles, match="line 2"):
        read_raw(path)


@pytest.mark.parametrize("damage", ['{"kind":"sample","crc32":1}', "not json", "[]", '{"kind":"sample"}'])
def test_any_other_bad_line_is_reported_with_its_number(tmp_path: Path, damage: str) -> None:
    path = folder_with(tmp_path, START, SAMPLE, END)
    lines = path.read_text().splitlines()
    path.write_text("\n".join([lines[0], damage, *lines[1:]]) + "\n")
    with pytest.raises(BadFiles, match="line 2"):
        read_raw(path)


def test_a_whole_but_damaged_last_line_is_not_taken_for_a_torn_one(tmp_path: Path) -> None:
    path = folder_with(tmp_path, START, SAMPLE, END)
    path.write_text(path.read_text().replace('"status":"ok"', '"status":"no"'))
    with pytest.raises(BadFiles, match="checksum"):
        read_raw(path)


def test_a_rate_keeps_the_unit_that_its_sample_says(tmp_path: Path) -> None:
    rate: dict[str, object] = {
        "kind": "sample",
        "cell": "a.b/c",
        "operation": "transfer",
        "metric": "throughput",
        "value": 64e6,
    }
    rate |= {"sample": 0, "warmup": 0}
    cell = {"target": "t", "scenario": "a.b", "case": "c"}
    with RunFolder.create(tmp_path / "run") as folder:
        folder.write_manifest(manifest(targets=[{"id": "t"}], cells=[cell]))
        said, unsaid = {**rate, "columns": {"unit": "bytes/s", "loops": 7}}, {**rate, "columns": {}}
        ended = {**END, "cell": "a.b/c"}
        append(folder, "t", 0, {**START, "cell": "a.b/c"}, said, unsaid, ended)
        frame = samples_of(folder)
    assert frame["unit"].tolist() == ["bytes/s", "ops/s"]
    assert frame["loops"].fillna(0).tolist() == [7, 0]


def test_a_folder_that_holds_a_run_is_refused_with_the_way_to_resume(tmp_path: Path) -> None:
    folder_with(tmp_path)
    with pytest.raises(UsageError, match="--resume"):
        RunFolder.create(tmp_path / "run")


def test_a_folder_with_other_things_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(UsageError, match="not an empty folder"):
        RunFolder.create(tmp_path)


@pytest.mark.parametrize(
    "content",
    [
        "{}",
        "[]",
        '["run_id"]',
        "5",
        "no json",
        '{"run_id": "r", "schema_version": 99}',
        '{"run_id": "r", "schema_version": 1, "targets": "all"}',
        '{"run_id": "r", "schema_version": 1, "targets": [], "cells": [{"id": "a"}]}',
    ],
)
def test_a_manifest_of_somebody_else_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "manifest.json").write_text(content)
    with pytest.raises(BadFiles):
        RunFolder.existing(tmp_path).manifest()


def test_what_a_command_needs_of_a_manifest_is_asked_for(tmp_path: Path) -> None:
    folder_with(tmp_path)
    path = tmp_path / "run" / "manifest.json"
    entry = plain(targets=[{"id": "t"}], seed=0)
    path.write_text(json.dumps(entry))
    found = RunFolder.existing(tmp_path / "run").manifest()
    assert ([record.id for record in found.targets], found.seed) == (["t"], 0)
    del entry["cells"]
    path.write_text(json.dumps(entry))
    with pytest.raises(BadFiles, match="missing required field `cells`"):
        RunFolder.existing(tmp_path / "run").manifest()


def test_a_folder_without_a_manifest_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(BadFiles, match="not a run folder"):
        RunFolder.existing(tmp_path)


def test_an_archive_in_place_of_a_folder_is_refused_with_the_command_that_unpacks_it(tmp_path: Path) -> None:
    (tmp_path / "run.zip").touch()
    with pytest.raises(BadFiles, match=r"is a file, not a run folder; .*lab report .*run\.zip --out"):
        RunFolder.existing(tmp_path / "run.zip")


def test_a_manifest_with_a_cell_of_an_unknown_target_is_refused(tmp_path: Path) -> None:
    captured = json.loads(
        (Path(__file__).parents[1] / "data" / "raw-smoke" / "manifest.json").read_text(encoding="utf-8")
    )
    (tmp_path / "manifest.json").write_text(json.dumps({**captured, "targets": captured["targets"][1:]}))
    with pytest.raises(BadFiles, match="on a target that it does not describe; restore"):
        RunFolder.existing(tmp_path).manifest()


def test_two_labs_do_not_write_to_one_folder(tmp_path: Path) -> None:
    folder_with(tmp_path)
    with (
        RunFolder.existing(tmp_path / "run"),
        pytest.raises(UsageError, match="another lab"),
        RunFolder.existing(tmp_path / "run"),
    ):
        pass


def test_a_run_that_never_began_leaves_a_folder_that_can_be_used_again(tmp_path: Path) -> None:
    with RunFolder.create(tmp_path / "run") as folder:
        folder.write_manifest(manifest())
        folder.discard_unmeasured()
    with RunFolder.create(tmp_path / "run") as folder:
        append(folder, "t", 0, START)
        folder.write_manifest(manifest())
        folder.discard_unmeasured()
    assert RunFolder.existing(tmp_path / "run").manifest().run_id == "r"


def test_a_run_without_its_raw_files_is_no_empty_run(tmp_path: Path) -> None:
    folder_with(tmp_path, START)
    shutil.rmtree(tmp_path / "run" / "raw")
    with pytest.raises(BadFiles, match="no folder raw"):
        list(RunFolder.existing(tmp_path / "run").raw())
