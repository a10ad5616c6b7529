"""CSVs hold hostile text as text, and give back what was put in."""

from __future__ import annotations

import csv
from pathlib import Path

import pandas as pd
import pytest

from lab.errors import BadFiles
from lab.tables import csv_files, schema

FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx", "'=1", "''=1"]
TAME = ["'quoted'", "plain", "a=b", "it's", 'say "x"', "two\nlines", "comma, comma"]


def frame(texts: list[str]) -> pd.DataFrame:
    return csv_files.conform(pd.DataFrame({"target": texts, "estimate": [-1.5] * len(texts)}), schema.SUMMARY)


@pytest.mark.parametrize("text", FORMULAS)
def test_a_formula_is_written_as_text_and_read_as_it_was(tmp_path: Path, text: str) -> None:
    path = tmp_path / "summary.csv"
    csv_files.write(frame([text]), path, schema.SUMMARY)
    with path.open(encoding="utf-8", newline="") as file:
        (line,) = csv.DictReader(file)
    assert line["target"] == f"'{text}"
    assert line["estimate"] == "-1.5"  # a number is no formula
    assert csv_files.read(path, schema.SUMMARY)["target"].tolist() == [text]


def test_other_text_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "summary.csv"
    csv_files.write(frame(TAME), path, schema.SUMMARY)
    with path.open(encoding="utf-8", newline="") as file:
        assert [line["target"] for line in csv.DictReader(file)] == TAME
    assert csv_files.read(path, schema.SUMMARY)["target"].tolist() == TAME


def test_a_table_whose_last_line_was_cut_off_is_refused_with_what_rebuilds_it(tmp_path: Path) -> None:
    path = tmp_path / "summary.csv"
    csv_files.write(frame(["a", "b"]), path, schema.SUMMARY)
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(BadFiles, match=r"cut off.*rebuild it"):
        csv_files.read(path, schema.SUMMARY)
