"""Findings of another machine compared with those of this one: reproduced, contradicted, or inconclusive. Pure.

A ratio is *contradicted* only where the two 95% intervals exclude each other and the values differ by more than the
practical threshold. It is *reproduced* where the interval of the difference lies within the threshold, or where the
intervals overlap and both lie on the same side of 1. Otherwise nothing is decided. The difference of two logarithms
with half-widths a and b has the half-width sqrt(a² + b²), because the sessions are independent. The threshold is the
factor of asv's comparison. Which worker counts are as good as the best is decided by ``lab.stats.best``.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from msgspec import UNSET

from lab.model import Finding, Span
from lab.stats.best import OPEN

PRACTICAL = 1.1
UNKNOWN = Span(1.0, None, None)

Verdict = Literal["reproduced", "contradicted", "inconclusive"]
Judged = tuple[Verdict, str]


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """One finding of theirs, the one here (None where it was not measured), and the verdict."""

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
    """Judge each finding of theirs; the contradicted come first.

    Args:
        theirs: what is to be reproduced.
        ours: what was found here.
        targets: their target -> the one here that corresponds to it.
        skipped: their target -> why there is none here.
    """
    here = {finding.key: finding for finding in ours}
    found = []
    for finding in theirs:
        ours_too = here.get((finding.kind, targets.get(finding.target, finding.target), finding.subject))
        if ours_too is None:
            reason = skipped.get(finding.target, "not measured here")
            found.append(Judgement(theirs=finding, ours=None, verdict=OPEN, reason=reason))
        elif finding.kind != "crossing" or _crosses(finding) or _crosses(ours_too):
            verdict, reason = of_findings(finding, ours_too)
            found.append(Judgement(theirs=finding, ours=ours_too, verdict=verdict, reason=reason))
    order = ("contradicted", OPEN, "reproduced")
    return tuple(sorted(found, key=lambda judged: order.index(judged.verdict)))


def of_findings(theirs: Finding, ours: Finding) -> Judged:
    """Judge two findings of one kind and subject."""
    if theirs.kind == "claim":
        return of_claims(theirs, ours)
    if theirs.kind == "best workers":
        return of_best_workers(theirs, ours)
    if theirs.kind == "crossing":
        return of_crossings(theirs, ours)
    return of_ratios(theirs.span, ours.span)


def of_ratios(theirs: Span | None, ours: Span | None) -> Judged:
    """Judge two ratios by their intervals."""
    if not (theirs and ours and _has_interval(theirs) and _has_interval(ours)):
        return (
            OPEN,
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
        return "reproduced", "the same direction, and the intervals overlap"
    return OPEN, "the intervals leave it open"


def of_claims(theirs: Finding, ours: Finding) -> Judged:
    """Judge two verdicts of a claim; inconclusive ones prove nothing."""
    for word in (theirs.word, ours.word):
        if word not in ("holds", "fails"):
            return OPEN, f"{word} on one side at least"
    if theirs.word == ours.word:
        return "reproduced", f"{theirs.word} on both sides"
    if not (theirs.span and ours.span and _has_interval(theirs.span) and _has_interval(ours.span)):
        return OPEN, "the verdicts differ, without an interval on both sides"
    low, high = sorted((abs(theirs.span.value), abs(ours.span.value)))
    if _apart(theirs.span, ours.span) and high > PRACTICAL * low:
        return "contradicted", f"{theirs.word} there, {ours.word} here"
    return OPEN, "the verdicts differ, the values hardly"


def of_best_workers(theirs: Finding, ours: Finding) -> Judged:
    """Judge the fastest worker counts; another one contradicts where each side finds the other's clearly slower."""
    if theirs.word == ours.word:
        slower = [count for count in theirs.points if _is_slower(theirs, count) and _is_slower(ours, count)]
        if slower:
            return "reproduced", f"the same number is fastest, and {', '.join(slower)} slower on both sides"
        return OPEN, "the same number is fastest, but none is clearly slower on both sides"
    if _is_clearly_slower(theirs, ours.word) and _is_clearly_slower(ours, theirs.word):
        return "contradicted", "each side finds the other's number slower"
    return OPEN, "the two numbers are not clearly apart"


def of_crossings(theirs: Finding, ours: Finding) -> Judged:
    """Judge where a mechanism becomes faster than the pipe, by the sizes at which both sides are clear."""
    shared = [size for size in theirs.points if size in ours.points]
    clear = [size for size in shared if side(theirs.points[size]) and side(ours.points[size])]
    opposite = [size for size in clear if side(theirs.points[size]) != side(ours.points[size])]
    if any(of_ratios(theirs.points[size], ours.points[size])[0] == "contradicted" for size in opposite):
        return "contradicted", f"another mechanism wins at {', '.join(opposite)} bytes"
    if bracket(theirs) and bracket(theirs) == bracket(ours):
        return "reproduced", "the curves cross between the same sizes"
    return OPEN, "the intervals leave it open where the curves cross"


def bracket(finding: Finding) -> str:
    """Return the clear sizes on both sides of each crossing, as ``1024 to 65536 bytes``; empty where there is none."""
    clear = [(size, side(span)) for size, span in finding.points.items() if side(span)]
    pairs = itertools.pairwise(clear)
    return ", ".join(f"{one[0]} to {other[0]} bytes" for one, other in pairs if one[1] != other[1])


def side(span: Span) -> int:
    """Return 1 where the whole interval is above 1, -1 where it is below, else 0."""
    if span.low is not None and span.low > 1:
        return 1
    return -1 if span.high is not None and span.high < 1 else 0


def _crosses(finding: Finding) -> bool:
    return bool(bracket(finding))


def _is_slower(finding: Finding, count: str) -> bool:
    """Whether a worker count is certainly not as good as the best."""
    if finding.near is UNSET:  # an older run
        return side(finding.points.get(count, UNKNOWN)) == 1
    return count in finding.points and count not in finding.near


def _is_clearly_slower(finding: Finding, count: str) -> bool:
    return _is_slower(finding, count) and finding.points[count].value > PRACTICAL


def _has_interval(span: Span) -> bool:
    return span.low is not None and span.high is not None


def _apart(one: Span, other: Span) -> bool:
    assert one.low is not None
    assert one.high is not None
    assert other.low is not None
    assert other.high is not None
    return one.high < other.low or other.high < one.low


def _half(span: Span) -> float:
    """Return half the width of the interval of a ratio's logarithm."""
    assert span.low is not None
    assert span.high is not None
    return math.log(span.high / span.low) / 2 if span.low > 0 else math.inf
