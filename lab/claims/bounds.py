"""The interval of a test, and the verdict that follows from it.

A test that compares several pairs is about the worst of them, as its claim is ("than every other mechanism"). It holds
where it holds by every pair's own 95% interval (intersection-union test: Berger, Technometrics 24, 1982); that one of
them fails must withstand a correction for their number (Bonferroni). So the interval of the worst has on the claim's
far side the worst of the 95% ends and on its near side the worst of the ends widened to 1 - 0.05 / pairs. It covers at
least 95%. A pair without an interval leaves the far side open: others can then refute the claim, none can support it.
Where a claim has several tests, any of which can refute it, the pairs of all of them are counted.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from lab.claims.claim import Side

Verdict = Literal["holds", "fails", "inconclusive", "not measured"]


@dataclass(frozen=True, kw_only=True)
class Part:
    """One pair or one cell: its value, 95 % interval, and the interval widened for the number of pairs.

    Ends are infinite where the interval is missing, and ``lacking`` says why. ``label`` names the cells; ``rounds``
    says how many there were, or in how many the claim held. ``p_holds`` and ``p_fails`` are one-sided: the probability
    of such values if this part were not on the claim's side, and if it were; the latter is already multiplied by the
    number of pairs.
    """

    value: float
    low: float = -math.inf
    high: float = math.inf
    wide_low: float = -math.inf
    wide_high: float = math.inf
    label: str = ""
    rounds: str = ""
    lacking: str = ""
    p_holds: float = 1.0
    p_fails: float = 1.0


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """The interval that is compared with the threshold, and the part whose value is reported.

    ``p_holds`` is the largest of all parts, since all of them must hold; ``p_fails`` the smallest, since one suffices.
    """

    low: float
    high: float
    worst: Part
    lacking: str
    parts: int
    p_holds: float = 1.0
    p_fails: float = 1.0


def worst(parts: Sequence[Part], holds: Side) -> Bounds:
    """Return the worst of the parts (one or more): the smallest where the claim is "above", else the largest."""
    pick = min if holds == "above" else max
    low = pick(part.low if holds == "above" else part.wide_low for part in parts)
    high = pick(part.wide_high if holds == "above" else part.high for part in parts)
    lacking = next((part.lacking for part in parts if part.lacking), "")
    return Bounds(
        low=low,
        high=high,
        worst=pick(parts, key=lambda part: part.value),
        lacking=lacking,
        parts=len(parts),
        p_holds=max(part.p_holds for part in parts),
        p_fails=min(part.p_fails for part in parts),
    )


def verdict(low: float, high: float, holds: Side, threshold: float) -> Verdict:
    """Return "holds" where the whole interval is beyond the threshold on the claim's side, "fails" on the other."""
    above, below = low > threshold, high < threshold
    if above or below:
        return "holds" if above == (holds == "above") else "fails"
    return "inconclusive"
