"""When an operation has pairs enough: by the width of its interval alone.

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

from lab.selfcheck.equivalence import paired_ratio
from lab.selfcheck.operations import Placement

LEAST_PAIRS = 30  # 22 are what ± 3 % takes where processes scatter by 5 %; ten repeats of the precision take three each
MOST_PAIRS = 160
# Half-widths of the 90 % interval, relative, with which a ratio in the middle of its zone is decided.
WIDE_ENOUGH: dict[Placement, float] = {"same_cpu": 0.012, "cross_cpu": 0.04}


def has_enough(log_ratios: Sequence[float], placement: Placement) -> bool:
    """Whether the pairs so far make the interval narrow enough; where they give none, nothing can be waited for."""
    ratio = paired_ratio(log_ratios)
    return math.isnan(ratio.high) or math.log(ratio.high / ratio.low) / 2 <= WIDE_ENOUGH[placement]
