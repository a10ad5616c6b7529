"""The Universal Scalability Law, of which Amdahl's law is the case kappa = 0: its curve, its fits, its serial fraction.

Source: Gunther, Guerrilla Capacity Planning (2007); Amdahl, AFIPS 1967.

    X(N) = lambda N / (1 + sigma (N - 1) + kappa N (N - 1))

X is the throughput of N workers, lambda that of one, sigma the share of the time in which they wait for each other
(contention), kappa the price of keeping each pair of them consistent (coherency). Deviations: lambda is free rather
than the measured X(1), because the point of one worker scatters like any other; the loss is the sum of squares of the
throughput, unweighted, with sigma, kappa >= 0, and not Gunther's regression on the transformed N / X.

The serial fraction that a measured speed-up amounts to: Karp and Flatt, Measuring Parallel Processor Performance
(CACM 33(5), 1990):

    e = (1 / S - 1 / N) / (1 - 1 / N)

for the speed-up S of N workers. It needs no fit: one worker count is enough. Where it grows with N, what is lost is
overhead and not a serial part. Below zero the speed-up exceeds the workers, which the law does not describe.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

Array = np.ndarray[Any, Any]

PARAMETERS = 3  # lambda, sigma, kappa: in this order wherever an array holds the three
NAMES = ("lambda", "sigma", "kappa")
NEGLIGIBLE = 1e-6  # a share of the time that no measurement can distinguish from none
STEPS = 60


def throughput(workers: Array, parameters: Array) -> Array:
    """Return X(N): ``workers`` of shape (k,), ``parameters`` of shape (..., 3), the result of shape (..., k)."""
    rate, sigma, kappa = (parameters[..., [index]] for index in range(PARAMETERS))
    values: Array = rate * workers / (1 + sigma * (workers - 1) + kappa * workers * (workers - 1))
    return values


def fit(workers: Array, means: Array, weights: Array, *, coherency: bool) -> Array:
    """Return lambda, sigma and kappa of least squares, by scipy.

    Args:
        workers: distinct worker counts, shape (k,).
        means: mean throughput at each, above zero.
        weights: rounds behind each mean.
        coherency: False holds kappa at 0, which is Amdahl's law.
    """
    scale = float(means.max())
    roots = np.sqrt(weights)
    free = PARAMETERS if coherency else PARAMETERS - 1

    def filled(values: Array) -> Array:
        return np.append(values, np.zeros(PARAMETERS - free))

    def residuals(values: Array) -> Array:
        return roots * (throughput(workers, filled(values)) - means / scale)

    def jacobian(values: Array) -> Array:
        return (roots[:, None] * slopes(workers, filled(values)))[:, :free]

    import scipy.optimize  # most runs have no law to fit, and it takes half a second to import

    found = scipy.optimize.least_squares(
        residuals, start(workers, means / scale)[:free], jacobian,
        bounds=(np.zeros(free), np.full(free, np.inf)), x_scale="jac", max_nfev=2000,
        xtol=1e-13, ftol=1e-13, gtol=1e-13,
    )  # fmt: skip
    parameters = filled(found.x) * (scale, 1, 1)
    return without_traces(workers, parameters)


def fit_each(workers: Array, means: Array, weights: Array, first: Array, *, coherency: bool) -> Array:
    """Fit many resamples at once, shape (b, k) -> (b, 3), by Levenberg and Marquardt's steps from ``first``.

    A parameter at its bound that would leave it stays there for the step. Scipy's would take minutes for the thousand
    fits of each group, one by one.
    """
    scale = float(first[0])
    target = means / scale
    parameters = np.tile(first / (scale, 1, 1), (len(means), 1))
    damping = np.full(len(means), 1e-3)
    loss = _loss(workers, parameters, target, weights)
    for _ in range(STEPS):
        step = _step(workers, parameters, target, weights, damping, coherency=coherency)
        tried = np.maximum(parameters + step, 0)
        tried_loss = _loss(workers, tried, target, weights)
        better = tried_loss <= loss
        done = better & (loss - tried_loss <= 1e-14 * loss)
        parameters = np.where(better[:, None], tried, parameters)
        loss = np.where(better, tried_loss, loss)
        damping = np.clip(np.where(better, damping / 5, damping * 5), 1e-12, 1e12)
        if done.all():
            break
    return without_traces(workers, parameters * (scale, 1, 1))


def without_traces(workers: Array, parameters: Array) -> Array:
    """Return the parameters with a sigma and kappa of 0 where they change nothing at any measured worker count."""
    most = float(workers.max())
    smallest = np.array([0, NEGLIGIBLE / max(1, most - 1), NEGLIGIBLE / max(1, most * (most - 1))])
    kept: Array = np.where(parameters < smallest, 0.0, parameters)
    return kept


def start(workers: Array, means: Array) -> Array:
    """Return where a fit begins: the least-squares line through N / X, which is linear in the three parameters."""
    columns = np.stack([np.ones_like(workers), workers - 1, workers * (workers - 1)], axis=1)
    import scipy.optimize

    inverse, _ = scipy.optimize.nnls(columns * (means / workers)[:, None], np.ones_like(workers))
    base = inverse[0] or float((workers / means).min())
    first: Array = np.maximum(np.array([1 / base, inverse[1] / base, inverse[2] / base]), 1e-9)
    return first


def slopes(workers: Array, parameters: Array) -> Array:
    """Return the derivatives of X(N) by the three parameters, shape (..., k, 3)."""
    rate, sigma, kappa = (parameters[..., [index]] for index in range(PARAMETERS))
    divisor = 1 + sigma * (workers - 1) + kappa * workers * (workers - 1)
    by_rate = workers / divisor
    with np.errstate(over="ignore"):  # a step that is tried and given up may be far off
        by_sigma = -rate * workers * (workers - 1) / divisor**2
    derivatives: Array = np.stack([by_rate, by_sigma, by_sigma * workers], axis=-1)
    return derivatives


def _loss(workers: Array, parameters: Array, means: Array, weights: Array) -> Array:
    total: Array = (weights * (throughput(workers, parameters) - means) ** 2).sum(axis=-1)
    return total


def _step(workers: Array, parameters: Array, means: Array, weights: Array, damping: Array, *, coherency: bool) -> Array:
    jacobian = slopes(workers, parameters)
    downhill = np.einsum("bk,bki->bi", weights * (means - throughput(workers, parameters)), jacobian)
    normal = np.einsum("bk,bki,bkj->bij", weights, jacobian, jacobian)
    fixed = (parameters <= 0) & (downhill < 0)
    fixed[:, 2] |= not coherency
    free = ~fixed
    normal = normal * (free[:, :, None] & free[:, None, :])
    diagonal = np.einsum("bii->bi", normal)
    diagonal += diagonal * damping[:, None] + np.where(fixed | (diagonal <= 0), 1.0, 0.0)
    step: Array = np.linalg.solve(normal, (downhill * free)[:, :, None])[:, :, 0]
    return step


def serial_fraction(speedup: Array, workers: Array) -> Array:
    """Return Karp and Flatt's fraction at each worker count; NaN for one worker, where it is not defined."""
    workers = np.asarray(workers, dtype=float)
    parts = np.where(workers > 1, 1 - 1 / workers, np.nan)
    fraction: Array = (1 / np.asarray(speedup, dtype=float) - 1 / workers) / parts
    return fraction


def fitted_curve(row: Mapping[str, Any] | pd.Series[Any], workers: Sequence[float]) -> tuple[Array, Array, Array]:
    """Return the throughput (tasks/s) of a row of scaling.csv: value, low, high, each of shape (k,).

    The band puts all three coefficients at their less and their more favourable ends at once, so it is wider than 95%;
    it is NaN where a coefficient has no interval. A row of Karp and Flatt is Amdahl's curve through its one point, from
    the serial throughput on; a row without a model is NaN throughout. Beyond ``largest_workers`` of the row it is
    extrapolated, and a figure has to say so.
    """
    counts = np.asarray(workers, dtype=float)
    if row["model"] == "karp_flatt":
        rate = row["serial_throughput"]
        ends = [[rate, row[f"serial_fraction{end}"], 0.0] for end in ("", "_ci_high", "_ci_low")]
    else:
        ends = [
            [row[name] for name in NAMES],
            [row["lambda_ci_low"], row["sigma_ci_high"], row["kappa_ci_high"]],
            [row["lambda_ci_high"], row["sigma_ci_low"], row["kappa_ci_low"]],
        ]
    value, low, high = (throughput(counts, _numbers(end)) for end in ends)
    return value, low, high


def _numbers(values: Sequence[Any]) -> Array:
    return np.array([np.nan if pd.isna(value) else float(value) for value in values])
