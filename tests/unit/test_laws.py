"""Scaling laws: published data, data of known truth, and what they must refuse."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from lab.commands.fit import command
from lab.errors import BadFiles, ExitCode
from lab.stats.laws import bootstrap, choose, fitted_curve
from lab.stats.laws.files import read_rounds
from lab.stats.laws.karp_flatt import serial_fraction
from lab.stats.laws.usl import fit, fit_each, throughput

# SPEC SDM91, Gunther, Guerrilla Capacity Planning.
SDM_WORKERS = np.array([1.0, 18, 36, 72, 108, 144, 216])
SDM = np.array([64.9, 995.9, 1652.4, 1853.2, 1828.9, 1775.0, 1702.2])
COUNTS = np.array([1.0, 2, 4, 8, 12, 16, 24, 32])


def rounds_of(parameters: tuple[float, float, float], scatter: float, count: int, seed: int = 0) -> Any:
    rng = np.random.default_rng(seed)
    noise = np.exp(rng.normal(0, scatter, (count, len(COUNTS))))
    return throughput(COUNTS, np.array(parameters)) * noise


def test_the_published_spec_sdm91_data_give_the_published_coefficients() -> None:
    law = choose(SDM_WORKERS, SDM[None, :])
    assert law.model == "usl"
    assert law.sigma.value == pytest.approx(0.0277, rel=0.02)
    assert law.kappa.value == pytest.approx(1.04e-4, rel=0.02)
    assert law.peak_workers == pytest.approx(96.5, rel=0.02)
    assert law.kappa.ci_low is not None
    assert 0 < law.kappa.ci_low < 1.04e-4


def test_the_intervals_enclose_a_known_truth_nearly_always(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap, "DRAWS", 200)
    truth, held, trials = (100.0, 0.03, 0.002), np.zeros(3), 40
    for seed in range(trials):
        law = choose(COUNTS, rounds_of(truth, 0.03, 12, seed))
        for index, found in enumerate((law.rate, law.sigma, law.kappa)):
            held[index] += bool((found.ci_low or 0) <= truth[index] <= (found.ci_high or 0))
    assert (held / trials >= 0.85).all()  # 0.95, less three standard errors of 40 trials


def test_a_peak_within_what_was_measured_is_that_of_the_law() -> None:
    law = choose(COUNTS, rounds_of((100, 0.03, 0.002), 0.01, 15))
    assert law.peak_workers == pytest.approx(math.sqrt(0.97 / 0.002), rel=0.1)


def test_a_law_without_coherency_is_amdahls_and_has_no_peak() -> None:
    law = choose(COUNTS, rounds_of((100, 0.05, 0), 0.03, 12))
    assert (law.model, law.peak_workers, law.kappa.value) == ("amdahl", None, 0.0)
    assert law.kappa.ci_high is not None
    assert law.serial_fraction == law.sigma
    assert "touches 0" in law.reason


def test_no_peak_is_extrapolated_beyond_what_was_measured() -> None:
    law = choose(COUNTS[:5], throughput(COUNTS[:5], np.array([10, 0.02, 0.001]))[None, :])
    assert (law.model, law.peak_workers) == ("usl", None)
    assert "extrapolated beyond the 12 measured" in law.reason


@pytest.mark.parametrize(
    ("values", "sigma"), [(COUNTS * 2, 0.0), (np.full(8, 3.0), 1.0)], ids=["perfectly linear", "constant"]
)
def test_data_without_scatter_give_their_exact_law(values: Any, sigma: float) -> None:
    law = choose(COUNTS, values[None, :])
    assert (law.model, law.peak_workers) == ("amdahl", None)
    assert law.sigma.value == pytest.approx(sigma, abs=1e-6)


def test_too_few_worker_counts_are_not_fitted_and_say_why() -> None:
    two, one, no_single = (
        choose(SDM_WORKERS[:2], SDM[None, :2]),
        choose(COUNTS[:1], SDM[None, :1]),
        choose(COUNTS[1:3], SDM[None, 1:3]),
    )
    assert (two.model, one.model, no_single.model) == ("karp_flatt", None, None)
    assert two.serial_fraction.value == pytest.approx((64.9 / 995.9 - 1 / 18) / (1 - 1 / 18))
    assert two.serial_fraction.ci_low is None
    assert "1 worker count of the 3" in one.reason


def test_fewer_than_ten_rounds_are_not_bootstrapped_as_rounds() -> None:
    assert "9 of 10 rounds" in choose(COUNTS, rounds_of((10, 0.1, 0.01), 0.02, 9)).reason
    assert "rounds" not in choose(COUNTS, rounds_of((10, 0.1, 0.01), 0.02, 10)).reason


def test_the_many_fits_of_the_bootstrap_are_those_of_scipy() -> None:
    data = rounds_of((50, 0.04, 0.003), 0.05, 6, seed=3)
    ones = np.ones(len(COUNTS))
    first = fit(COUNTS, data.mean(axis=0), ones, coherency=True)
    many = fit_each(COUNTS, data, np.tile(ones, (6, 1)), first, coherency=True)
    for row, found in zip(data, many, strict=True):
        assert found == pytest.approx(fit(COUNTS, row, ones, coherency=True), rel=1e-4, abs=1e-8)


def test_the_bootstrap_is_seeded_and_takes_rounds_that_lack_a_count() -> None:
    data = rounds_of((50, 0.04, 0.003), 0.05, 12)
    data[3, 2] = np.nan
    assert choose(COUNTS, data) == choose(COUNTS, data.copy())
    means, weights = bootstrap.averaged(data)
    assert weights.tolist() == [12, 12, 11, 12, 12, 12, 12, 12]
    assert np.isfinite(means).all()


def test_karp_flatt_returns_the_serial_fraction_that_amdahl_put_in() -> None:
    speedup = 1 / (0.1 + 0.9 / COUNTS)
    assert serial_fraction(speedup, COUNTS)[1:] == pytest.approx(0.1)
    assert np.isnan(serial_fraction(speedup, COUNTS)[0])


def test_the_curve_of_a_row_has_a_band_about_it_and_none_without_intervals() -> None:
    row = {
        "model": "usl", "lambda": 10.0, "lambda_ci_low": 9.0, "lambda_ci_high": 11.0, "sigma": 0.1,
        "sigma_ci_low": 0.05, "sigma_ci_high": 0.2, "kappa": 0.0, "kappa_ci_low": None, "kappa_ci_high": pd.NA,
    }  # fmt: skip
    value, low, _ = fitted_curve(row, [1, 2])
    assert value.tolist() == pytest.approx([10, 20 / 1.1])
    assert np.isnan(low).all()
    value, low, high = fitted_curve({**row, "kappa_ci_low": 0.0, "kappa_ci_high": 0.01}, [1, 2])
    assert (low <= value).all()
    assert (value <= high).all()
    flat = {"model": "karp_flatt", "serial_throughput": 4.0, "serial_fraction": 1.0}
    ends = {"serial_fraction_ci_low": 0.5, "serial_fraction_ci_high": 1.0}
    assert fitted_curve({**flat, **ends}, [1, 2])[0].tolist() == [4.0, 4.0]


def rows(text: str, tmp_path: Path) -> Path:
    path = tmp_path / "data.csv"
    path.write_bytes(text.encode())
    return path


@pytest.mark.parametrize(
    "text",
    [
        "workers,throughput\n1,2\n2,3.5\n1,4\n",
        "\ufeffWorkers ; Throughput\r\n 1 ; 2 \r\n2;3.5\r\n1;4\r\n",
        "note\tthroughput\tworkers\na\t2\t1\nb\t3.5\t2\nc\t4\t1\n",
    ],
    ids=["plain", "mark, semicolons, spaces, capitals", "tabs, another order, another column"],
)
def test_a_csv_of_any_usual_dialect_is_read(text: str, tmp_path: Path) -> None:
    workers, rounds = read_rounds(rows(text, tmp_path))
    assert workers.tolist() == [1, 2]
    assert rounds[0].tolist() == [2, 3.5]
    assert rounds[1, 0] == 4
    assert np.isnan(rounds[1, 1])


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is empty"),
        ("\n\n", "is empty"),
        ("workers,throughput\n", "no rows"),
        ("threads,rate\n1,2\n", "column 'workers'"),
        ("workers,throughput,workers\n1,2,3\n", "column 'workers'"),
        ("workers,throughput\n1,2\n2,fast\n", "row 2 is 'fast'"),
        ("workers,throughput\n1,2\n2,\n", "row 2 is ''"),
        ("workers,throughput\n1,2\n2,NaN\n", "row 2 is 'NaN'"),
        ("workers,throughput\n1,0\n", "a number above 0"),
        ("workers,throughput\n1.5,2\n", "a whole number above 0"),
        ("workers,throughput\n1,inf\n", "a number above 0"),
        ('workers,throughput\n1,"2\n', "no CSV"),
        ("workers,throughput\n1,2\n2,3,4\n", "no CSV"),
    ],
)
def test_a_file_that_cannot_be_fitted_is_refused_in_a_sentence(text: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(BadFiles, match=says) as caught:
        read_rounds(rows(text, tmp_path))
    assert caught.value.exit_code == ExitCode.BAD_FILES


def test_missing_files_folders_and_other_encodings_are_refused(tmp_path: Path) -> None:
    (tmp_path / "latin.csv").write_bytes("workers,throughput\n1,\xe9\n".encode("latin-1"))
    for name in ("none.csv", ".", "latin.csv"):
        with pytest.raises(BadFiles):
            read_rounds(tmp_path / name)


def test_fit_prints_the_contracts_object_and_nothing_else(tmp_path: Path) -> None:
    lines = [f"{int(workers)},{value}" for workers, value in zip(SDM_WORKERS, SDM, strict=True)]
    path = rows("\n".join(["workers,throughput", *lines]), tmp_path)
    found = json.loads(CliRunner().invoke(command, [str(path), "--json"]).stdout)
    assert found["model"] == "usl"
    assert {"value", "ci_low", "ci_high"} == set(found["sigma"]) == set(found["kappa"]) == set(found["lambda"])
    assert found["peak_workers"] == pytest.approx(96.5, rel=0.02)
    assert found["reason"]
    plain = CliRunner().invoke(command, [str(path)]).stdout
    assert "sigma" in plain
    assert "peak at 96.5 workers" in plain
