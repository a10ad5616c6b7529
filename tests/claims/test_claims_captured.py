"""The claims table of a real run follows from its samples, the same each time, with nothing but files."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from lab.claims import all_claims, evaluate
from lab.stats.tables.summary import summarize
from lab.tables import csv_files, schema
from tests.claim_runs import captured_disturbances

CAPTURED = Path(__file__).parents[1] / "data" / "claims-quick"


def rebuilt() -> pd.DataFrame:
    samples = csv_files.read(CAPTURED / "samples.csv.gz", schema.SAMPLES)
    # Those that were judged when the run was captured: by more claims q would be another.
    judged = set(csv_files.read(CAPTURED / "claims.csv", schema.CLAIMS)["claim"])
    claims = [claim for claim in all_claims() if claim.name in judged]
    return evaluate(summarize(samples), samples, captured_disturbances(CAPTURED), machine_cpus=2, claims=claims)


@pytest.fixture(scope="module")
def claims() -> pd.DataFrame:
    return rebuilt()


def verdicts(claims: pd.DataFrame, name: str) -> dict[str, str]:
    mine = claims[claims["claim"] == name]
    return dict(zip(mine["target"], mine["verdict"], strict=True))


def test_the_claims_of_a_captured_run_are_rebuilt_as_they_were(claims: pd.DataFrame, tmp_path: Path) -> None:
    csv_files.write(claims, tmp_path / "claims.csv", schema.CLAIMS)
    again = csv_files.read(tmp_path / "claims.csv", schema.CLAIMS)
    kept = csv_files.read(CAPTURED / "claims.csv", schema.CLAIMS)
    pd.testing.assert_frame_equal(again, kept, rtol=1e-9)  # another build of NumPy may differ in the last digit


def test_a_gil_and_a_free_threaded_build_came_out_differently_by_measurement(claims: pd.DataFrame) -> None:
    found = verdicts(claims, "threads_do_not_speed_up_compute")
    assert (found["py314-linux-c2"], found["py313t-linux-c2"]) == ("holds", "fails")


def test_verdicts_of_older_runs_are_read_by_their_present_name(claims: pd.DataFrame, tmp_path: Path) -> None:
    csv_files.write(claims.replace({"verdict": {"inconclusive": "undecided"}}), tmp_path / "claims.csv", schema.CLAIMS)
    assert "undecided" in (tmp_path / "claims.csv").read_text(encoding="utf-8")
    assert csv_files.read(tmp_path / "claims.csv", schema.CLAIMS)["verdict"].tolist() == claims["verdict"].tolist()


def test_each_verdict_follows_from_the_interval_that_stands_beside_it(claims: pd.DataFrame) -> None:
    tests = {(claim.name, test.threshold): test.holds for claim in all_claims() for test in claim.tests}
    judged = claims[claims["verdict"].isin(["holds", "fails"])]
    assert len(judged) > 50
    for row in judged.to_dict("records"):
        beyond = row["ci_low"] > row["threshold"] if pd.notna(row["ci_low"]) else False
        short = row["ci_high"] < row["threshold"] if pd.notna(row["ci_high"]) else False
        assert beyond != short, row
        assert (row["verdict"] == "holds") == (beyond == (tests[row["claim"], row["threshold"]] == "above")), row


def test_what_is_not_decided_says_why(claims: pd.DataFrame) -> None:
    unmeasured = claims[claims["verdict"] == "not measured"]
    assert len(unmeasured)
    assert unmeasured["reason"].str.contains("applies to|needs at least|has no|is unsupported").all()
    inside = claims[claims["verdict"] == "inconclusive"].dropna(subset=["ci_low", "ci_high"])
    assert ((inside["ci_low"] <= inside["threshold"]) & (inside["ci_high"] >= inside["threshold"])).all()


if __name__ == "__main__":
    csv_files.write(rebuilt(), CAPTURED / "claims.csv", schema.CLAIMS)
