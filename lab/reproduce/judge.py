"""Theirs against ours: reproduced, contradicted, or cannot tell. Pure.

A ratio is *contradicted* only where the two 95 % intervals exclude each other and the values differ by more than the
practical threshold; *reproduced* where the interval of the difference lies within the threshold, or where the intervals
meet and both lie on the same side of 1; else one *cannot tell*. The difference of two logarithms with half-widths a and
b has the half-width sqrt(a² + b²), for the sessions are independent. The threshold is the factor of asv's comparison.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from lab.model import Finding, Span

PRACTICAL = 1.1
UNKNOWN = Span(1.0, None, None)

Verdict = Literal["reproduced", "contradicted", "cannot tell"]
Judged = tuple[Verdict, str]


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """One finding of theirs, what was found here (None where it was not measured), and what follows."""

    theirs: Finding
    ours: Finding | None
    verdict: Verdict
    reason: str


def judge(
    theirs: Iterable[Finding],
    ours: Iterable[Finding],
    targets: Mapping[str, str],
    skipped: Mapping[str, str],
) -> tuple[Judgement, ...]:
    """Each finding of theirs, the contradicted first.

    Args:
        theirs: what is to be reproduced.
        ours: what was found here.
        targets: their target -> the one here that stands for it.
        skipped: their target -> why there is none here.
    """
    here = {finding.key: finding for finding in ours}
    found = []
    for finding in theirs:
        ours_too = here.get((finding.kind, targets.get(finding.target, finding.target), finding.subject))
        if ours_too is None:
            reason = skipped.get(finding.target, "not measured here")
            found.append(Judgement(theirs=finding, ours=None, verdict="cannot tell", reason=reason))
        elif finding.kind != "crossing" or _crosses(finding) or _crosses(ours_too):
            verdict, reason = of_findings(finding, ours_too)
            found.append(Judgement(theirs=finding, ours=ours_too, verdict=verdict, reason=reason))
    order = ("contradicted", "cannot tell", "reproduced")
    return tuple(sorted(found, key=lambda judged: order.index(judged.verdict)))


def of_findings(theirs: Finding, ours: Finding) -> Judged:
    """Two findings of one kind and subject."""
    if theirs.kind == "claim":
        return of_claims(theirs, ours)
    if theirs.kind == "best workers":
        return of_best_workers(theirs, ours)
    if theirs.kind == "crossing":
        return of_crossings(theirs, ours)
    return of_ratios(theirs.span, ours.span)


def of_ratios(theirs: Span | None, ours: Span | None) -> Judged:
    """Two ratios with their intervals."""
    if not (theirs and ours and _has_interval(theirs) and _has_interval(ours)):
        return (
            "cannot tell",
            "no interval on both sides: five rounds are needed, of cells that were neither disturbed nor failed",
        )
    difference = math.log(ours.value / theirs.value)
    half = math.hypot(_half(theirs), _half(ours))
    if _apart(theirs, ours) and abs(difference) > math.log(PRACTICAL):
        same = (theirs.value - 1) * (ours.value - 1) > 0
        return "contradicted", "the same direction, another size" if same else "the other direction"
    if abs(difference) + half <= math.log(PRACTICAL):
        return "reproduced", "equal within the threshold"
    if not _apart(theirs, ours) and side(theirs) == side(ours) != 0:
        return "reproduced", "the same direction, and the intervals meet"
    return "cannot tell", "the intervals leave it open"


def of_claims(theirs: Finding, ours: Finding) -> Judged:
    """Two verdicts; undecided ones prove nothing."""
    for word in (theirs.word, ours.word):
        if word not in ("holds", "fails"):
            return "cannot tell", f"{word} on one side at least"
    if theirs.word == ours.word:
        return "reproduced", f"{theirs.word} on both sides"
    if not (theirs.span and ours.span and _has_interval(theirs.span) and _has_interval(ours.span)):
        return "cannot tell", "the verdicts differ, without an interval on both sides"
    low, high = sorted((abs(theirs.span.value), abs(ours.span.value)))
    if _apart(theirs.span, ours.span) and high > PRACTICAL * low:
        return "contradicted", f"{theirs.word} there, {ours.word} here"
    return "cannot tell", "the verdicts differ, the values hardly"


def of_best_workers(theirs: Finding, ours: Finding) -> Judged:
    """The fastest worker counts; another one contradicts where each side finds the other's clearly slower."""
    if theirs.word == ours.word:
        slower = [
            count for count, span in theirs.points.items() if side(span) == 1 == side(ours.points.get(count, UNKNOWN))
        ]
        if slower:
            return "reproduced", f"the same number is fastest, and {', '.join(slower)} slower on both sides"
        return "cannot tell", "the same number is fastest, but none is clearly slower on both sides"
    if _clearly_slower(theirs, ours.word) and _clearly_slower(ours, theirs.word):
        return "contradicted", "each side finds the other's number slower"
    return "cannot tell", "the two numbers are not clearly apart"


def of_crossings(theirs: Finding, ours: Finding) -> Judged:
    """Where a mechanism begins to beat the pipe: by the sizes at which both sides are clear."""
    shared = [size for size in theirs.points if size in ours.points]
    clear = [size for size in shared if side(theirs.points[size]) and side(ours.points[size])]
    opposite = [size for size in clear if side(theirs.points[size]) != side(ours.points[size])]
    if any(of_ratios(theirs.points[size], ours.points[size])[0] == "contradicted" for size in opposite):
        return "contradicted", f"another mechanism wins at {', '.join(opposite)} bytes"
    if bracket(theirs) and bracket(theirs) == bracket(ours):
        return "reproduced", "the curves cross between the same sizes"
    return "cannot tell", "the intervals leave it open where the curves cross"


def bracket(finding: Finding) -> str:
    """``1024 to 65536``: the clear sizes on either side of each crossing; empty where there is none."""
    clear = [(size, side(span)) for size, span in finding.points.items() if side(span)]
    pairs = itertools.pairwise(clear)
    return ", ".join(f"{one[0]} to {other[0]} bytes" for one, other in pairs if one[1] != other[1])


def side(span: Span) -> int:
    """1 where the whole interval is above 1, -1 where it is below, else 0."""
    if span.low is not None and span.low > 1:
        return 1
    return -1 if span.high is not None and span.high < 1 else 0


def _crosses(finding: Finding) -> bool:
    return bool(bracket(finding))


def _clearly_slower(finding: Finding, count: str) -> bool:
    span = finding.points.get(count)
    return span is not None and side(span) == 1 and span.value > PRACTICAL


def _has_interval(span: Span) -> bool:
    return span.low is not None and span.high is not None


def _apart(one: Span, other: Span) -> bool:
    assert one.low is not None
    assert one.high is not None
    assert other.low is not None
    assert other.high is not None
    return one.high < other.low or other.high < one.low


def _half(span: Span) -> float:
    """Half the width of a ratio's interval, of the logarithm."""
    assert span.low is not None
    assert span.high is not None
    return math.log(span.high / span.low) / 2 if span.low > 0 else math.inf
