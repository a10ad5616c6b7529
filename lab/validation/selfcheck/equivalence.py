"""Equivalence of two harnesses, the rule that stops measuring pairs, and confidence limits of a rate.

Sources: Schuirmann, A comparison of the two one-sided tests procedure and the power approach (J. Pharmacokinetics and
Biopharmaceutics 15, 1987): two harnesses are equivalent at the 5% level where the 90% interval of their ratio lies
within the zone. Clopper and Pearson, The use of confidence or fiducial limits illustrated in the case of the binomial
(Biometrika 26, 1934). Chow and Robbins, On the asymptotic theory of fixed-width sequential confidence intervals for the
mean (Annals of Mathematical Statistics 36, 1965).

Deviations from Schuirmann: an interval wholly outside the zone is "different", any other interval is "inconclusive";
and the interval is that of the signed-rank test (``lab.stats.tests.shift``), not Student's. Both sides run in
random order in processes that meet the same disturbances, so log ratios are symmetric about the true one; a few
outliers would decide the width of a t-interval.

Deviations from Chow and Robbins: the signed-rank interval, a minimum and a maximum. The rule looks at the width of the
interval alone, because a rule that looks at the ratio would stop at convenient values: reversing the signs of symmetric
log ratios changes the ratio but not the width, so the ratio stays unbiased. Stopping early where the scatter happens to
be small costs less than two points of the 90% coverage (tests/stats/test_selfcheck_stopping.py simulates this rule).
Noisy operations get more pairs rather than more processes per pair, because pairs follow drift as well.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import scipy.stats

from lab.stats.tests import shift
from lab.validation.selfcheck.operations import Placement

Verdict = Literal["equivalent", "different", "inconclusive"]
GoalVerdict = Literal["reached", "missed", "inconclusive"]
Zone = tuple[float, float]

CONFIDENCE = 0.90  # of two-sided intervals, that is one-sided tests and limits at 5%
MIN_PAIRS = 30  # 22 pairs reach ±3% where processes scatter by 5%; each of the ten repeats of precision takes three
MAX_PAIRS = 160
# Relative half-widths of the 90% interval that decide about a ratio in the middle of its zone.
NARROW_ENOUGH: dict[Placement, float] = {"same_cpu": 0.012, "cross_cpu": 0.04}
# The ratios at which two harnesses count as equivalent; a second, wider zone is reported as well.
ZONES: dict[Placement, Zone] = {"same_cpu": (0.97, 1.03), "cross_cpu": (0.90, 1.10)}
ZONE_5_PERCENT: Zone = (0.95, 1.05)


@dataclass(frozen=True, kw_only=True)
class Ratio:
    """The ratio of two harnesses over so many pairs, with its 90% interval; the ends are NaN below five pairs."""

    value: float
    low: float
    high: float
    pairs: int

    def verdict(self, zone: Zone) -> Verdict:
        """The outcome of two one-sided tests."""
        if zone[0] <= self.low and self.high <= zone[1]:
            return "equivalent"
        if self.high < zone[0] or self.low > zone[1]:
            return "different"
        return "inconclusive"


def paired_ratio(log_ratios: Sequence[float]) -> Ratio:
    """The ratio estimated from the logarithms of the pairs' ratios; NaN without pairs."""
    if not log_ratios:
        return Ratio(value=math.nan, low=math.nan, high=math.nan, pairs=0)
    centre, low, high = shift(log_ratios, CONFIDENCE)
    return Ratio(value=math.exp(centre), low=math.exp(low), high=math.exp(high), pairs=len(log_ratios))


def has_enough_pairs(log_ratios: Sequence[float], placement: Placement) -> bool:
    """Whether the interval is narrow enough; also true where too few pairs succeeded to give an interval."""
    ratio = paired_ratio(log_ratios)
    return math.isnan(ratio.high) or math.log(ratio.high / ratio.low) / 2 <= NARROW_ENOUGH[placement]


def rate_limits(events: int, trials: int) -> tuple[float, float]:
    """The one-sided lower and upper 95% limit of a rate (Clopper and Pearson); 0 and 1 without trials."""
    if trials == 0:
        return 0.0, 1.0
    interval = scipy.stats.binomtest(events, trials).proportion_ci(CONFIDENCE, method="exact")
    return float(interval.low), float(interval.high)


def goal_verdict(low: float, high: float, goal: float) -> GoalVerdict:
    """Whether a quantity with this interval is at most ``goal``."""
    return "reached" if high <= goal else "missed" if low > goal else "inconclusive"
