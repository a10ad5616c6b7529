"""Intervals of a mean and of a median over rounds, and the limit of a share of which nothing was seen.

Source: Kalibera and Jones, Rigorous Benchmarking in Reasonable Time (ISMM 2013): the samples within one process are not
independent, so the replicate is the level above them, which is the round here. Deviation: only one level of replication
is kept (the round's median), since each round has one fresh process per cell.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence

import scipy.special  # the quantiles alone: scipy.stats takes seconds to import, and `lab run` needs nothing else

MIN_ROUNDS = 5
CONFIDENCE = 0.95


@functools.cache
def t_quantile(degrees: int, confidence: float = CONFIDENCE) -> float:
    """Return the two-sided quantile of Student's t."""
    return float(scipy.special.stdtrit(degrees, (1 + confidence) / 2))


def t_interval(values: Sequence[float], confidence: float = CONFIDENCE) -> tuple[float, float, float]:
    """Return the mean and both ends of its t-interval; the ends are NaN for a single value."""
    count = len(values)
    mean = math.fsum(values) / count
    if count < 2:  # noqa: PLR2004 - a single value has no scatter
        return mean, math.nan, math.nan
    variance = math.fsum((value - mean) ** 2 for value in values) / (count - 1)
    half = t_quantile(count - 1, confidence) * math.sqrt(variance / count)
    return mean, mean - half, mean + half


def limit_of_none(trials: int, confidence: float = CONFIDENCE) -> float:
    """Return the largest share of which none is seen in so many trials with a probability of 1 - confidence.

    It is the one-sided upper limit of Clopper and Pearson (Biometrika 26, 1934) for trials independent of each other.
    """
    return float(-math.expm1(math.log(1 - confidence) / trials))


@functools.cache
def median_ranks(count: int, confidence: float = CONFIDENCE) -> tuple[int, int] | None:
    """Ranks (from 0) of the order statistics that enclose the median with at least this confidence, or None.

    They are the closest symmetric pair by the binomial distribution; 95% takes at least six values.
    """
    for low in range((count - 1) // 2, -1, -1):
        covered = 1 - 2 * float(scipy.special.bdtr(low, count, 0.5))
        if covered >= confidence:
            return low, count - 1 - low
    return None
