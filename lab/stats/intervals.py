"""Intervals over rounds.

Source: Kalibera and Jones, Rigorous Benchmarking in Reasonable Time (ISMM 2013): the samples within one process are not
independent, so the replicate is the level above them; here the round. Deviation: one level of replication is kept (the
round's median), for each round has one fresh process a cell.

How certain it is on which side of a bound a quantity lies: one-sided p of its rounds' logarithms.

Sources: Student's t, and for bimodal cells the sign test (Conover, Practical Nonparametric Statistics), as the
intervals of ``lab.stats.ratios`` are made; an interval of 95 % lies beyond the bound where the p is 2.5 % or less.

The shift of symmetric differences, and its interval, by the signed-rank test.

Sources: Hodges and Lehmann, Estimates of location based on rank tests (Annals of Mathematical Statistics 34, 1963): the
median of the means of all pairs of values, each with itself too (Walsh averages). Lehmann, Nonparametrics (1975), 4.4:
the interval holds every shift that Wilcoxon's signed-rank test does not refuse; its ends are order statistics of the
same means. The test's distribution is counted, not approximated, so the level is kept at every number of values.

What it asks for is symmetry alone, which the differences within a pair have where both sides are the same but for a
shift. Against Student's t it loses 5 % where values are Gaussian, and gains many times that where some of them are far
off: a few processes of hundred that another program slows by a third decide the width of a t-interval by themselves.
"""

from __future__ import annotations

import functools
import math
import statistics
from collections.abc import Sequence

import numpy as np
import scipy.special  # the quantiles alone: scipy.stats takes seconds to import, and `lab run` needs nothing else

MIN_ROUNDS = 5
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


def p_above(logs: Sequence[float], bound: float, *, bimodal: bool = False) -> float:
    """The p of the hypothesis that the quantity is not above the bound (both logarithms); 1 below five rounds."""
    if len(logs) < MIN_ROUNDS:
        return 1.0
    if bimodal:
        return p_of_rounds(sum(value <= bound for value in logs), len(logs))
    centre, scatter = statistics.fmean(logs) - bound, statistics.stdev(logs)
    if scatter == 0:
        return 0.0 if centre > 0 else 1.0
    return float(scipy.special.stdtr(len(logs) - 1, -centre * math.sqrt(len(logs)) / scatter))


def p_below(logs: Sequence[float], bound: float, *, bimodal: bool = False) -> float:
    """The same of the hypothesis that it is not below."""
    return p_above([-value for value in logs], -bound, bimodal=bimodal)


def p_of_rounds(contrary: int, rounds: int) -> float:
    """The p of the hypothesis that half of all rounds are contrary, of which so many, or fewer, were."""
    return float(scipy.special.bdtr(contrary, rounds, 0.5))


def shift(values: Sequence[float], confidence: float) -> tuple[float, float, float]:
    """The estimate and the ends of its interval; NaN ends where so few values cannot give the confidence."""
    means = _walsh_averages(values)
    centre = float(np.median(means))
    rank = _rank(len(values), confidence)
    if rank is None:
        return centre, math.nan, math.nan
    return centre, float(means[rank]), float(means[-1 - rank])


def _walsh_averages(values: Sequence[float]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """The means of all pairs, a value with itself among them, in order; shape (n (n + 1) / 2,)."""
    found = np.asarray(values, dtype=float)
    one, other = np.triu_indices(len(found))
    means: np.ndarray[tuple[int], np.dtype[np.float64]] = np.sort((found[one] + found[other]) / 2)
    return means


@functools.cache
def _rank(count: int, confidence: float) -> int | None:
    """Rank (from 0) of the lower end among the Walsh averages, the largest that keeps the confidence; None without one.

    The sum of positive ranks is at most ``rank`` with a probability of at most half of what the confidence leaves.
    """
    below = np.cumsum(_signed_rank_probabilities(count))
    allowed = int(np.searchsorted(below, (1 - confidence) / 2, side="right"))
    return allowed - 1 if allowed else None


def _signed_rank_probabilities(count: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """The probability of each sum of positive ranks, from 0 to count (count + 1) / 2, under symmetry about zero."""
    found = np.zeros(count * (count + 1) // 2 + 1)
    found[0] = 1.0
    for rank in range(1, count + 1):
        raised = np.zeros_like(found)
        raised[rank:] = found[:-rank]
        found = (found + raised) / 2
    return found
