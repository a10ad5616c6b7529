"""Derived files of a captured run: the same bytes, whatever makes them faster."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lab.runs.folder import RunFolder
from lab.stats.tables.summary import quantiles, summarize
from lab.tables import csv_files, schema
from lab.tables.read import read_tables
from lab.tables.samples import Samples

CAPTURED = Path(__file__).parents[1] / "data" / "raw-smoke"


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Samples:
    folder = tmp_path_factory.mktemp("captured") / "run"
    shutil.copytree(CAPTURED, folder)
    return read_tables(RunFolder.existing(folder)).samples


def test_samples_of_a_captured_run_are_written_to_the_same_bytes_by_both_writers(
    samples: Samples, tmp_path: Path
) -> None:
    expected = (CAPTURED / "samples.csv").read_bytes()
    samples.write(tmp_path / "joined.csv")
    csv_files.write(samples.frame(), tmp_path / "whole.csv", schema.SAMPLES)
    assert (tmp_path / "joined.csv").read_bytes() == expected
    assert (tmp_path / "whole.csv").read_bytes() == expected


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
    values = np.array([1e22, 0.1, float("nan"), -0.0])
    tails = pd.DataFrame(
        {
            "loops": pd.array([1, None, 3, 4], dtype="Int64"),
            "reason": pd.array(["two\nlines", None, "a,b", ""], dtype="string"),
        }
    )
    codes, of_lines = np.array([0, 1, 2, 0]), np.array([3, 1, 2, 0])
    csv_files.write_repeated(tmp_path / "joined.csv", (heads, codes), ("value", values), (tails, of_lines))
    whole = heads.take([0, 1, 2, 0]).reset_index(drop=True).assign(value=values)
    whole = pd.concat([whole, tails.take([3, 1, 2, 0]).reset_index(drop=True)], axis="columns")
    assert (tmp_path / "joined.csv").read_bytes() == whole.to_csv(index=False, lineterminator="\r\n").encode()


def test_quantiles_of_parts_of_many_sizes_are_those_of_each_part_alone() -> None:
    rng = np.random.default_rng(1)
    parts = [rng.lognormal(10.0, 1.0, size) for size in (3, 96, 1, 3, 20, 96)]
    assert quantiles(parts, 0.95).tolist() == [float(np.quantile(part, 0.95)) for part in parts]
