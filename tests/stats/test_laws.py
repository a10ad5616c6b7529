"""Scaling laws: published data, data of known truth, and what they must refuse."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from lab.commands.fit import command
from lab.errors import BadFiles, ExitCode
from lab.stats.laws import choose, fitted_curve
from lab.stats.laws.choice import goodness
from lab.stats.laws.measurements import read_rounds
from lab.stats.laws.models import fit, fit_each, serial_fraction, slopes, throughput

# SPEC SDM91, Gunther, Guerrilla Capacity Planning.
SDM_WORKERS = np.array([1.0, 18, 36, 72, 108, 144, 216])
SDM = np.array([64.9, 995.9, 1652.4, 1853.2, 1828.9, 1775.0, 1702.2])
COUNTS = np.array([1.0, 2, 4, 8, 12, 16, 24, 32])


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


def test_karp_flatt_returns_the_serial_fraction_that_amdahl_put_in() -> None:
    speedup = 1 / (0.1 + 0.9 / COUNTS)
    assert serial_fraction(speedup, COUNTS)[1:] == pytest.approx(0.1)
    assert np.isnan(serial_fraction(speedup, COUNTS)[0])


def test_amdahls_fit_holds_kappa_at_zero_whatever_the_data_have() -> None:
    """Throughputs that fall again: the law with a peak goes through them, and Amdahl's, which has none, cannot."""
    workers, means, ones = np.array([1.0, 2, 4]), np.array([100.0, 120, 100]), np.ones(3)
    rate, sigma, kappa = fit(workers, means, ones, coherency=False)
    assert kappa == 0
    free = fit(workers, means, ones, coherency=True)
    assert throughput(workers, free) == pytest.approx(means, rel=1e-6)
    assert (rate, sigma) == (pytest.approx(104.4, rel=0.01), pytest.approx(0.957, rel=0.01))
    grid = throughput(workers, np.array([[rate * a, sigma * b, 0.0] for a in (0.99, 1, 1.01) for b in (0.99, 1, 1.01)]))
    assert ((grid - means) ** 2).sum(axis=1).argmin() == 4, "no neighbour is nearer to the data"


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
        ("workers,throughput\n1,1e308\n", "and below 1e"),
        ('workers,throughput\n1,"2\n', "not a CSV"),
        ("workers,throughput\n1,2\n2,3,4\n", "not a CSV"),
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


@pytest.mark.parametrize(("count", "rounds"), [(3, 1), (4, 1), (5, 9), (6, 10)])
def test_what_a_fit_rests_on_is_said(count: int, rounds: int) -> None:
    noise = np.exp(np.random.default_rng(5).normal(0, 0.01, (rounds, count)))
    law = choose(COUNTS[:count], throughput(COUNTS[:count], np.array([100, 0.1, 0.02])) * noise)
    assert law.model == ("amdahl" if count < 5 else "usl")
    assert ("too few for kappa (at least 5)" in law.reason) == (count < 5)
    assert (f"{count} worker counts of the 6 that make" in law.reason) == (count < 6)
    assert (f"{rounds} of 10 rounds: the intervals are of the residuals" in law.reason) == (1 < rounds < 10)
    assert (law.sigma.ci_low is None) == (count == 3), "no interval without two degrees of freedom"
    assert law.largest_workers == COUNTS[count - 1]


def test_a_peak_below_one_worker_means_that_every_further_one_costs() -> None:
    law = choose(COUNTS, throughput(COUNTS, np.array([100.0, 0.5, 0.6]))[None, :])
    assert (law.model, law.peak_workers) == ("usl", None)
    assert law.reason.startswith("kappa's interval lies above 0: every further worker costs throughput")
    law = choose(COUNTS, throughput(COUNTS, np.array([100.0, 0.5, 0.4]))[None, :])
    assert law.peak_workers == pytest.approx(math.sqrt(0.5 / 0.4), rel=1e-3)


def test_r_squared_is_the_share_of_the_scatter_that_the_curve_explains() -> None:
    means = np.array([1.0, 2.0, 3.0])
    assert goodness(means, np.array([1.0, 2.0, 4.0])) == pytest.approx(0.5)
    assert goodness(means, means) == 1
    assert goodness(np.full(3, 2.0), means) is None


def test_the_slopes_are_the_derivatives_of_the_curve() -> None:
    point = np.array([100.0, 0.05, 0.002])
    for index, step in enumerate((1e-3, 1e-7, 1e-8)):
        beside = point + step * (np.arange(3) == index)
        difference = (throughput(COUNTS, beside) - throughput(COUNTS, point)) / step
        assert slopes(COUNTS, point)[:, index] == pytest.approx(difference, rel=1e-3, abs=1e-6)


def test_weights_are_rounds_so_that_a_mean_of_many_draws_the_fit() -> None:
    workers, means = np.array([1.0, 2, 4]), np.array([100.0, 150, 500])
    one, heavy = (fit(workers, means, weights, coherency=False) for weights in (np.ones(3), np.array([1, 1, 1000.0])))
    off = [abs(throughput(workers, found)[2] - 500) for found in (one, heavy)]
    assert off[1] < off[0] / 10
    many = fit_each(workers, means[None, :], np.array([[1, 1, 1000.0]]), heavy, coherency=False)
    assert many[0] == pytest.approx(heavy, rel=1e-5, abs=1e-8)
