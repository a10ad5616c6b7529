"""Intervals over rounds.

Source: Kalibera and Jones, Rigorous Benchmarking in Reasonable Time (ISMM 2013): the samples within one process are not
independent, so the replicate is the level above them; here the round. Deviation: one level of replication is kept (the
round's median), for each round has one fresh process a cell.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence

import scipy.special  # the quantiles alone: scipy.stats takes seconds to import, and `lab run` needs nothing else

CONFIDENCE = 0.95


@functools.cache
def t_quantile(degrees: int, confidence: float = CONFIDENCE) -> float:
    """The two-sided quantile of Student's t."""
    return float(scipy.special.stdtrit(degrees, (1 + confidence) / 2))


def t_interval(values: Sequence[float], confidence: float = CONFIDENCE) -> tuple[float, float, float]:
    """Mean and the ends of its t-interval; two values at least, or the ends are NaN."""
    count = len(values)
    mean = math.fsum(values) / count
    if count < 2:  # noqa: PLR2004 - a single value has no scatter
        return mean, math.nan, math.nan
    variance = math.fsum((value - mean) ** 2 for value in values) / (count - 1)
    half = t_quantile(count - 1, confidence) * math.sqrt(variance / count)
    return mean, mean - half, mean + half


@functools.cache
def median_ranks(count: int, confidence: float = CONFIDENCE) -> tuple[int, int] | None:
    """Ranks (from 0) of the order statistics that enclose the median with at least this confidence, or None.

    The smallest symmetric pair by the binomial distribution; six values are needed for 95 %.
    """
    for low in range((count - 1) // 2, -1, -1):
        covered = 1 - 2 * float(scipy.special.bdtr(low, count, 0.5))
        if covered >= confidence:
            return low, count - 1 - low
    return None
