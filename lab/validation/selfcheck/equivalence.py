"""Whether two ways to measure agree, and how sure a rate is.

Sources: Schuirmann, A comparison of the two one-sided tests procedure and the power approach (J. Pharmacokinetics and
Biopharmaceutics 15, 1987): equivalence at 5 % is the 90 % interval within the zone. Clopper and Pearson, The use of
confidence or fiducial limits illustrated in the case of the binomial (Biometrika 26, 1934). Deviations: an interval
wholly outside of the zone is called different, one that is neither decides nothing and says so; and the interval is the
signed-rank test's (``lab.stats.intervals``), not Student's. Both sides are measured in random order in processes that
meet the same disturbances, so the pairs' log ratios are symmetric about what separates the sides; the few processes
that another program slows down would make the width of a t-interval by themselves.

When an operation has pairs enough: by the width of its interval alone.

A rule that looked at the ratio would stop where it happens to please. Where log ratios are symmetric, turning their
signs changes the ratio and not the width, so one that looks at the width leaves the ratio unbiased; it stops a little
early where the scatter happens to be small, which costs under two points of the interval's 90 %
(tests/stats/test_selfcheck_stopping.py simulates this very rule). A fixed minimum keeps it at that.
Source: Chow and Robbins, On the asymptotic theory of fixed-width sequential confidence intervals for the mean (Annals
of Mathematical Statistics 36, 1965). Deviations: the signed-rank interval, a minimum and a maximum.

Pairs, not more processes a pair: three give a median that one disturbed process cannot move; beyond that a process more
narrows the interval as a pair more does, which follows the drift as well.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import scipy.stats

from lab.stats.intervals import shift
from lab.validation.selfcheck.operations import Placement

Verdict = Literal["equivalent", "different", "cannot tell"]

CONFIDENCE = 0.90  # two one-sided tests at 5 % each
LIMIT_CONFIDENCE = 0.95


@dataclass(frozen=True, kw_only=True)
class Zone:
    """Ratios within which two ways to measure count as the same."""

    low: float
    high: float


ONE_CPU = Zone(low=0.97, high=1.03)
ACROSS = Zone(low=0.90, high=1.10)
CATALOGUE = Zone(low=0.95, high=1.05)  # what the catalogue's figures are held against on one CPU


@dataclass(frozen=True, kw_only=True)
class Ratio:
    """The ratio about which the pairs' ratios lie, with its 90 % interval; NaN ends below five pairs."""

    value: float
    low: float
    high: float
    pairs: int

    def verdict(self, zone: Zone) -> Verdict:
        """By two one-sided tests; an interval that is neither inside nor outside decides nothing."""
        if zone.low <= self.low and self.high <= zone.high:
            return "equivalent"
        if self.high < zone.low or self.low > zone.high:
            return "different"
        return "cannot tell"


def paired_ratio(log_ratios: Sequence[float]) -> Ratio:
    """From the pairs' logarithms of ratios."""
    if not log_ratios:
        return Ratio(value=math.nan, low=math.nan, high=math.nan, pairs=0)
    centre, low, high = shift(log_ratios, CONFIDENCE)
    return Ratio(value=math.exp(centre), low=math.exp(low), high=math.exp(high), pairs=len(log_ratios))


def upper_limit(events: int, trials: int, confidence: float = LIMIT_CONFIDENCE) -> float:
    """One-sided upper limit of a rate (Clopper and Pearson); 1 where nothing was tried."""
    if trials == 0:
        return 1.0
    test = scipy.stats.binomtest(events, trials, alternative="less")
    return float(test.proportion_ci(confidence, method="exact").high)


def lower_limit(events: int, trials: int, confidence: float = LIMIT_CONFIDENCE) -> float:
    """One-sided lower limit of a rate; 0 where nothing was tried."""
    if trials == 0:
        return 0.0
    test = scipy.stats.binomtest(events, trials, alternative="greater")
    return float(test.proportion_ci(confidence, method="exact").low)


LEAST_PAIRS = 30  # 22 are what ± 3 % takes where processes scatter by 5 %; ten repeats of the precision take three each
MOST_PAIRS = 160
# Half-widths of the 90 % interval, relative, with which a ratio in the middle of its zone is decided.
WIDE_ENOUGH: dict[Placement, float] = {"same_cpu": 0.012, "cross_cpu": 0.04}


def has_enough(log_ratios: Sequence[float], placement: Placement) -> bool:
    """Whether the pairs so far make the interval narrow enough; where they give none, nothing can be waited for."""
    ratio = paired_ratio(log_ratios)
    return math.isnan(ratio.high) or math.log(ratio.high / ratio.low) / 2 <= WIDE_ENOUGH[placement]
