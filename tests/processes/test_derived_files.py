"""Derived files of a captured run: the same bytes, whatever makes them faster."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lab.runs.folder import RunFolder
from lab.stats.tables.summary import quantiles, summarize
from lab.tables import csv_files, schema
from lab.tables.conditions import Surroundings, canaries, cases, conditions
from lab.tables.read import read_once, read_together
from lab.tables.samples import Gathered, Samples, gather, identity_rows
from lab.tables.second_process import second_process
from lab.tables.written_beside import Begun, begin_write, begin_write_repeated

CAPTURED = Path(__file__).parents[1] / "data" / "raw-smoke"


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Samples:
    folder = tmp_path_factory.mktemp("captured") / "run"
    shutil.copytree(CAPTURED, folder)
    return gather(RunFolder.existing(folder))


def test_samples_of_a_captured_run_are_written_to_the_same_bytes_by_both_writers(
    samples: Samples, tmp_path: Path
) -> None:
    expected = (CAPTURED / "samples.csv").read_bytes()
    csv_files.write_repeated(samples.identities, samples.codes, samples.own, tmp_path / "joined.csv")
    csv_files.write(samples.frame(), tmp_path / "whole.csv", schema.SAMPLES)
    assert (tmp_path / "joined.csv").read_bytes() == expected
    assert (tmp_path / "whole.csv").read_bytes() == expected


def test_one_pass_over_the_raw_files_finds_what_three_passes_find(samples: Samples, tmp_path: Path) -> None:
    shutil.copytree(CAPTURED, tmp_path / "run")
    folder = RunFolder.existing(tmp_path / "run")
    read = read_once(folder)
    pd.testing.assert_frame_equal(read.samples.frame(), samples.frame())
    pd.testing.assert_frame_equal(read.around, conditions(folder))
    pd.testing.assert_frame_equal(read.canaries, canaries(folder))


def test_files_read_in_groups_by_two_processes_are_those_that_one_reads(samples: Samples) -> None:
    folder = RunFolder.existing(CAPTURED)
    paths, planned = folder.raw_paths(), cases(folder.manifest())
    groups = read_together(paths, planned, second_process())
    assert len(groups) == len(paths) == 2
    gathered, surroundings = Gathered(identity_rows(folder.manifest())), Surroundings(planned)
    for group in groups:
        gathered.add(group.samples)
        surroundings.add(group.around)
    gathered.take_unmeasured({})
    pd.testing.assert_frame_equal(gathered.joined().frame(), samples.frame())
    pd.testing.assert_frame_equal(surroundings.frame(folder.manifest()), conditions(folder))


def test_summary_of_a_captured_run_keeps_rows_and_numbers(samples: Samples) -> None:
    words = ["stable", "reason"]  # causes of noise are put into better words over time; numbers are not
    made = summarize(samples.frame(), groups=samples.groups()).drop(columns=words)
    captured = csv_files.read(CAPTURED / "summary.csv", schema.SUMMARY).drop(columns=words)
    pd.testing.assert_frame_equal(made, captured, rtol=1e-12)


def test_summary_is_the_same_where_groups_are_known_and_where_they_are_found(samples: Samples) -> None:
    frame = samples.frame()
    pd.testing.assert_frame_equal(summarize(frame, groups=samples.groups()), summarize(frame))


def test_texts_with_commas_and_quotes_are_written_as_pandas_writes_them(tmp_path: Path) -> None:
    heads = pd.DataFrame({"variant": pd.array(['{"a": "b, c"}', "plain", None], dtype="string")})
    tails = pd.DataFrame(
        {
            "value": [1e22, 0.1, float("nan"), -0.0],
            "loops": pd.array([1, None, 3, 4], dtype="Int64"),
            "reason": pd.array(["two\nlines", None, "a,b", ""], dtype="string"),
        }
    )
    codes = np.array([0, 1, 2, 0])
    csv_files.write_repeated(heads, codes, tails, tmp_path / "joined.csv")
    whole = pd.concat([heads.take([0, 1, 2, 0]).reset_index(drop=True), tails], axis="columns")
    assert (tmp_path / "joined.csv").read_bytes() == whole.to_csv(index=False, lineterminator="\r\n").encode()


def test_quantiles_of_parts_of_many_sizes_are_those_of_each_part_alone() -> None:
    rng = np.random.default_rng(1)
    parts = [rng.lognormal(10.0, 1.0, size) for size in (3, 96, 1, 3, 20, 96)]
    assert quantiles(parts, 0.95).tolist() == [float(np.quantile(part, 0.95)) for part in parts]


def never() -> None:
    raise AssertionError("it was written here again")


def test_the_second_process_writes_the_same_bytes(
    samples: Samples, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csv_files, "LINES_AT_ONCE", 100)  # several pieces
    joined, whole = tmp_path / "joined.csv", tmp_path / "whole.csv"
    first = begin_write(samples.frame(), whole, schema.SAMPLES, never)
    second = begin_write_repeated(samples.identities, samples.codes, samples.own, joined, never)
    assert len(first.given) > 2
    first.finish()
    second.finish()
    assert whole.read_bytes() == joined.read_bytes() == (CAPTURED / "samples.csv").read_bytes()


def test_a_table_whose_writer_is_killed_is_written_again_here(tmp_path: Path) -> None:
    table = tmp_path / "again.csv"

    def write_here() -> None:
        table.write_text("whole", encoding="utf-8")

    begun = Begun(path=table, again=write_here)
    begun.give(leave)
    begun.finish()
    assert table.read_text(encoding="utf-8") == "whole"


def test_a_table_that_cannot_be_written_never_takes_its_place(tmp_path: Path) -> None:
    begun = Begun(path=tmp_path / "no folder" / "table.csv", again=never)
    begun.give(csv_files.begin, ["column"])
    with pytest.raises(FileNotFoundError):
        begun.finish()


def leave(_: Path) -> None:
    os._exit(1)
