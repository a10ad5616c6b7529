"""Whether two ways to measure agree, and how sure a rate is.

Sources: Schuirmann, A comparison of the two one-sided tests procedure and the power approach (J. Pharmacokinetics and
Biopharmaceutics 15, 1987): equivalence at 5 % is the 90 % interval within the zone. Clopper and Pearson, The use of
confidence or fiducial limits illustrated in the case of the binomial (Biometrika 26, 1934). Deviations: an interval
wholly outside of the zone is called different, one that is neither decides nothing and says so; and the interval is the
signed-rank test's (``lab.stats.signed_rank``), not Student's. Both sides are measured in random order in processes that
meet the same disturbances, so the pairs' log ratios are symmetric about what separates the sides; the few processes
that another program slows down would make the width of a t-interval by themselves.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import scipy.stats

from lab.stats.signed_rank import shift

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
