"""Tests: one-sided p of a bound, minimum effect, false discovery rate, and the interval of the signed-rank test.

Sources, function by function:

- ``p_above``, ``sign_p``: Student's t, and for bimodal cells the sign test (Conover, Practical
  Nonparametric Statistics), which match the intervals of ``lab.stats.rounds``: an interval of 95% lies beyond a bound
  where the p is at most 2.5%.
- ``minimum_effect``: Murphy and Myors (Journal of Applied Psychology 84, 1999).
- ``q_values``: Benjamini and Hochberg (JRSS B 57, 1995).
- ``shift``: Hodges and Lehmann, Estimates of location based on rank tests (Annals of Mathematical Statistics 34, 1963):
  the median of the means of all pairs of values, each value with itself too (Walsh averages). Lehmann, Nonparametrics
  (1975), 4.4: the interval holds every shift that Wilcoxon's signed-rank test does not reject; its ends are order
  statistics of the same means. The test's distribution is counted and not approximated, so the level is kept for every
  number of values. It assumes symmetry only, which differences within a pair have where both sides are equal except for
  a shift. Compared with Student's t its interval is 5% wider for Gaussian values, and much narrower where a few values
  are outliers: a few processes in a hundred that another program slows by a third determine the width of a t-interval.
"""

from __future__ import annotations

import functools
import math
import statistics
from collections.abc import Sequence
from typing import Any

import numpy as np
import scipy.special

from lab.stats.intervals import MIN_ROUNDS

Floats = np.ndarray[Any, np.dtype[np.float64]]

FALSE_DISCOVERY_RATE = 0.05


def p_above(logs: Sequence[float], bound: float, *, bimodal: bool = False) -> float:
    """Return the p of the hypothesis that the quantity is not above the bound; 1 below five rounds.

    Args:
        logs: logarithms of the rounds' values.
        bound: logarithm of the bound.
        bimodal: whether the sign test is used instead of Student's t.
    """
    if len(logs) < MIN_ROUNDS:
        return 1.0
    if bimodal:
        return sign_p(sum(value <= bound for value in logs), len(logs))
    centre, scatter = statistics.fmean(logs) - bound, statistics.stdev(logs)
    if scatter == 0:
        return 0.0 if centre > 0 else 1.0
    return float(scipy.special.stdtr(len(logs) - 1, -centre * math.sqrt(len(logs)) / scatter))


def sign_p(contrary: int, rounds: int) -> float:
    """Return the probability of at most so many contrary rounds if each round were contrary with probability 1/2."""
    return float(scipy.special.bdtr(contrary, rounds, 0.5))


def minimum_effect(centre: Floats, error: Floats, degrees: Floats, edge: float) -> Floats:
    """Return the p of the hypothesis that the true effect lies within ± edge; at edge 0 it is the two-sided t-test.

    Args:
        centre: means of the rounds' log ratios.
        error: their standard errors; NaN gives NaN.
        degrees: degrees of freedom.
        edge: logarithm of the smallest ratio that matters.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        near, far = (np.abs(centre) - edge) / error, (np.abs(centre) + edge) / error
        found = np.minimum(scipy.special.stdtr(degrees, -near) + scipy.special.stdtr(degrees, -far), 1.0)
    without_scatter = np.where(np.abs(centre) > edge, 0.0, 1.0)
    return np.where(error == 0, without_scatter, found)


def q_values(p_values: Floats) -> Floats:
    """Return the q-values of all finite p-values, which together are one family; NaN stays NaN."""
    q_value = np.full(len(p_values), np.nan)
    order = np.argsort(p_values)[: np.isfinite(p_values).sum()]  # NaN is sorted last
    scaled = p_values[order] * (len(order) / np.arange(1, len(order) + 1))
    q_value[order] = np.minimum.accumulate(scaled[::-1])[::-1].clip(0, 1)
    return q_value


def shift(values: Sequence[float], confidence: float) -> tuple[float, float, float]:
    """Return the Hodges-Lehmann estimate and both ends of its interval.

    The ends are NaN where there are too few values for the confidence.
    """
    means = _walsh_averages(values)
    centre = float(np.median(means))
    rank = _rank(len(values), confidence)
    if rank is None:
        return centre, math.nan, math.nan
    return centre, float(means[rank]), float(means[-1 - rank])


def _walsh_averages(values: Sequence[float]) -> Floats:
    """Return the sorted means of all pairs, each value paired with itself too; shape (n (n + 1) / 2,)."""
    found = np.asarray(values, dtype=float)
    one, other = np.triu_indices(len(found))
    means: Floats = np.sort((found[one] + found[other]) / 2)
    return means


@functools.cache
def _rank(count: int, confidence: float) -> int | None:
    """Rank (from 0) of the lower end among the Walsh averages: the largest that keeps the confidence, or None.

    The sum of positive ranks is at most ``rank`` with a probability of at most half of 1 - confidence.
    """
    below = np.cumsum(_signed_rank_probabilities(count))
    allowed = int(np.searchsorted(below, (1 - confidence) / 2, side="right"))
    return allowed - 1 if allowed else None


def _signed_rank_probabilities(count: int) -> Floats:
    """Return the probability of each sum of positive ranks, 0 to count (count + 1) / 2, under symmetry about zero."""
    found = np.zeros(count * (count + 1) // 2 + 1)
    found[0] = 1.0
    for rank in range(1, count + 1):
        raised = np.zeros_like(found)
        raised[rank:] = found[:-rank]
        found = (found + raised) / 2
    return found
