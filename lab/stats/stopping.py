"""When a cell has enough rounds.

Precision is judged at a few numbers of rounds that are fixed beforehand: a rule that looks after every round stops at
lucky ones, and its intervals cover less than they state. The coverage of this rule is simulated in the tests.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from lab.stats.intervals import t_interval

LOOKS = (8, 12, 16, 24, 32)


def enough(centres: Sequence[float], rounds: int, precision: float) -> bool:
    """Whether a cell needs no further round.

    Args:
        centres: logarithms of the rounds' centres so far.
        rounds: rounds that have been run.
        precision: relative half-width to reach.
    """
    looks = [look for look in LOOKS if look <= rounds]
    return any(is_precise(centres[:look], precision) for look in looks if len(centres) >= look)


def is_precise(centres: Sequence[float], precision: float) -> bool:
    """Whether the 95 % interval of these rounds is as narrow as wanted."""
    _, low, high = t_interval(centres)
    return math.exp((high - low) / 2) - 1 <= precision
