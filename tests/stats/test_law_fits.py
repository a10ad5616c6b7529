"""Scaling laws with all the draws of their bootstrap: published data, and data of known truth."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from lab.stats.laws import bootstrap, choose
from lab.stats.laws.models import fit, fit_each, throughput

# SPEC SDM91, Gunther, Guerrilla Capacity Planning.
SDM_WORKERS = np.array([1.0, 18, 36, 72, 108, 144, 216])
SDM = np.array([64.9, 995.9, 1652.4, 1853.2, 1828.9, 1775.0, 1702.2])
LADDER = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192)
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


def test_the_published_ray_tracer_data_give_the_published_coefficients() -> None:
    """The first six rows of the ray tracer of Guerrilla Capacity Planning, fitted by the R package usl."""
    workers, images = np.array([1.0, 4, 8, 12, 16, 20]), np.array([20.0, 78, 130, 170, 190, 200])
    law = choose(workers, images[None, :])
    found = [law.sigma.value, law.kappa.value, law.rate.value]
    assert found == pytest.approx([0.02444, 0.00163, 20.856], rel=0.003)


RISING = np.array([1.0, 2, 4, 8, 16, 32])


def test_throughput_that_rises_and_stays_level_has_the_law_of_its_rise_and_a_plateau() -> None:
    law = choose(RISING, np.array([[100.0, 200, 400, 400, 400, 400]]))
    assert (law.model, law.plateau, law.peak_workers, law.largest_workers) == ("amdahl", 400, None, 4)
    assert [law.rate.value, law.sigma.value] == pytest.approx([100, 0], abs=1e-4)
    assert "beyond 4 workers throughput stays at 400" in law.reason
    assert "contention" not in law.reason


def test_a_plateau_is_found_in_rounds_that_scatter_and_none_is_invented_where_a_law_holds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bootstrap, "DRAWS", 100)
    rng = np.random.default_rng(8)
    level = np.minimum(100 * RISING / (1 + 0.03 * (RISING - 1)), 500.0)
    for _ in range(10):
        law = choose(RISING, level * np.exp(rng.normal(0, 0.04, (12, 6))))
        assert law.plateau == pytest.approx(500, rel=0.05)
        assert law.largest_workers == 4
        for parameters in ((100, 0.03, 0.002), (100, 0.3, 0.0), (100, 0.05, 0.03)):
            noise = np.exp(rng.normal(0, 0.04, (12, len(COUNTS))))
            law = choose(COUNTS, throughput(COUNTS, np.array(parameters)) * noise)
            assert (law.model in ("usl", "amdahl"), law.plateau) == (True, None)


def test_data_that_no_law_describes_have_none() -> None:
    law = choose(COUNTS[:5], np.array([[100.0, 200, 50, 400, 100]]))
    assert (law.model, law.rate.value, law.peak_workers) == (None, None, None)
    assert law.reason == "no law of scaling describes the data: the law is off by 260% at 4 workers"
    gil = 100 * np.exp(np.random.default_rng(1).normal(0, 0.3, (12, 5)))  # level, and scattered by rounds alone
    assert choose(COUNTS[:5], gil).model == "amdahl"


@pytest.mark.parametrize("cpus", [3, 4, 6, 8, 12, 24, 31, 128])
def test_a_perfect_machine_has_neither_coherency_nor_contention_nor_a_peak(cpus: int) -> None:
    counts = np.array(sorted({count for count in LADDER if count < 2 * cpus} | {cpus, 2 * cpus}), dtype=float)
    for workers in (counts[counts <= cpus], counts):
        law = choose(workers, np.minimum(workers, cpus)[None, :])
        assert (law.kappa.value or 0, law.peak_workers) == (0, None)
        assert (law.sigma.value if law.model else 0) == pytest.approx(0, abs=1e-6)
        assert law.model, law.reason


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
