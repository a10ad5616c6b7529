"""How certain it is on which side of a bound a quantity lies: one-sided p of its rounds' logarithms.

Sources: Student's t, and for bimodal cells the sign test (Conover, Practical Nonparametric Statistics), as the
intervals of ``lab.stats.ratios`` are made; an interval of 95 % lies beyond the bound where the p is 2.5 % or less.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

import scipy.special

from lab.stats.summary import MIN_ROUNDS


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
