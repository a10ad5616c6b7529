"""Intervals of the coefficients of a curve.

Source: Efron and Tibshirani, An Introduction to the Bootstrap (1993), percentile intervals; expanded as Hesterberg,
What Teachers Should Know About the Bootstrap (2015), does, because percentiles of a few rounds are too narrow by the
missing n / (n - 1) and by the normal instead of Student's t. Whole rounds are drawn, at least ten: the worker counts of
a round share its drift. Where there is one row per worker count, residuals of the fit are drawn instead, enlarged by
sqrt(k / (k - p)) for the p parameters that were fitted to k points; below ten rounds this is done with the means over
the rounds. The draws are seeded: the same data give the same interval.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import scipy.special

from lab.stats.intervals import t_quantile
from lab.stats.laws.models import PARAMETERS, fit_each, throughput

Array = np.ndarray[Any, Any]

DRAWS = 2000
SEED = 20070101
MIN_ROUNDS = 10
MIN_DEGREES = 2  # points more than parameters; the t of a single one reaches beyond any draw


def intervals(workers: Array, rounds: Array, first: Array, *, coherency: bool) -> tuple[Array, Array] | None:
    """Return lower and upper ends of the parameters, each of shape (3,), or None where there are too few points.

    Args:
        workers: worker counts, shape (k,).
        rounds: throughput, shape (r, k), NaN where a round lacks a count.
        first: the parameters fitted to all of it.
        coherency: whether kappa is free.
    """
    rng = np.random.default_rng(SEED)
    if len(rounds) >= MIN_ROUNDS:
        degrees = len(rounds) - 1
        means, weights = of_rounds(rounds, rng)
        widening = math.sqrt(len(rounds) / degrees)
    else:
        degrees = len(workers) - PARAMETERS + (not coherency)
        if degrees < MIN_DEGREES:
            return None
        means, weights = of_residuals(workers, rounds, first, degrees, rng)
        widening = 1.0
    drawn = fit_each(workers, means, weights, first, coherency=coherency)
    outside = float(scipy.special.ndtr(-widening * t_quantile(degrees)))
    low, high = np.quantile(drawn, [outside, 1 - outside], axis=0)
    return low, high


def of_rounds(rounds: Array, rng: np.random.Generator) -> tuple[Array, Array]:
    """Return means and their weights of whole rounds that were drawn with replacement."""
    times = rng.multinomial(len(rounds), np.full(len(rounds), 1 / len(rounds)), size=DRAWS)
    weights = times @ np.isfinite(rounds).astype(float)
    sums = times @ np.nan_to_num(rounds)
    return np.divide(sums, weights, out=np.ones_like(sums), where=weights > 0), weights


def of_residuals(
    workers: Array, rounds: Array, first: Array, degrees: int, rng: np.random.Generator
) -> tuple[Array, Array]:
    """Return the fitted curve with residuals of the means drawn at each worker count."""
    means, weights = averaged(rounds)
    fitted = throughput(workers, first)
    residuals = (means - fitted) * np.sqrt(len(workers) / degrees)
    residuals = residuals - residuals.mean()
    drawn = fitted + residuals[rng.integers(0, len(workers), (DRAWS, len(workers)))]
    return drawn, np.tile(weights, (DRAWS, 1))


def averaged(rounds: Array) -> tuple[Array, Array]:
    """Return for each worker count the mean over the rounds that have it, and their number."""
    return np.nanmean(rounds, axis=0), np.isfinite(rounds).sum(axis=0).astype(float)
