"""Findings of another machine compared with those of this one: reproduced, contradicted, or inconclusive. Pure.

*Reproduced* means equivalent: the whole 95% interval of the ratio here over the ratio there lies within the margin, a
factor of 1 + margin up or down. *Contradicted* means that all of it lies beyond the margin. An interval that reaches
over the margin's edge is too wide to say either, and the finding is inconclusive, however near the two values are.

Sources: Schuirmann (J. Pharmacokinetics and Biopharmaceutics 15, 1987) for equivalence by an interval, here at 2.5%
instead of his 5% on each side, because 95% intervals are what runs record; Zou and Donner (Statistics in Medicine 27,
2008) for the interval of the difference of two independent estimates from the interval of each. Which worker counts
are as good as the best is decided by ``lab.stats.best``.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

from msgspec import UNSET

from lab.model import Finding, Span
from lab.stats.best import OPEN

MARGIN = 0.10  # asv compares with the same factor, 1.1
UNKNOWN = Span(1.0, None, None)
NO_INTERVAL = "no interval on both sides: five rounds are needed, of cells that were neither disturbed nor failed"

Verdict = Literal["reproduced", "contradicted", "inconclusive"]
Judged = tuple[Verdict, str]


class Quotient(NamedTuple):
    """What is here divided by what is there, with the ends of its 95% interval."""

    value: float
    low: float
    high: float


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
    margin: float = MARGIN,
) -> tuple[Judgement, ...]:
    """Judge each finding of theirs; the contradicted come first.

    Args:
        theirs: what is to be reproduced.
        ours: what was found here.
        targets: their target -> the one here that corresponds to it.
        skipped: their target -> why there is none here.
        margin: by which share two equivalent quantities may differ.
    """
    here = {finding.key: finding for finding in ours}
    found = []
    for finding in theirs:
        ours_too = here.get((finding.kind, targets.get(finding.target, finding.target), finding.subject))
        if ours_too is None:
            reason = skipped.get(finding.target, "not measured here")
            found.append(Judgement(theirs=finding, ours=None, verdict=OPEN, reason=reason))
        elif finding.kind != "crossing" or bracket(finding) or bracket(ours_too):
            verdict, reason = of_findings(finding, ours_too, margin)
            found.append(Judgement(theirs=finding, ours=ours_too, verdict=verdict, reason=reason))
    order = ("contradicted", OPEN, "reproduced")
    return tuple(sorted(found, key=lambda judged: order.index(judged.verdict)))


def of_findings(theirs: Finding, ours: Finding, margin: float = MARGIN) -> Judged:
    """Judge two findings of one kind and subject."""
    if theirs.kind == "claim":
        return of_claims(theirs, ours, margin)
    if theirs.kind == "best workers":
        return of_best_workers(theirs, ours, margin)
    if theirs.kind == "crossing":
        return of_crossings(theirs, ours, margin)
    return of_ratios(theirs.span, ours.span, margin)


def of_ratios(theirs: Span | None, ours: Span | None, margin: float = MARGIN) -> Judged:
    """Judge two ratios by the interval of their quotient."""
    found = quotient(theirs, ours)
    if found is None:
        return OPEN, NO_INTERVAL
    _, low, high = found
    shown = f"here over there: {found.value:.3g} ({low:.3g} to {high:.3g})"
    if low >= 1 / (1 + margin) and high <= 1 + margin:
        return "reproduced", f"equal within {margin:.0%}; {shown}"
    if high < 1 / (1 + margin) or low > 1 + margin:
        assert theirs
        assert ours
        same = (theirs.value - 1) * (ours.value - 1) > 0
        return "contradicted", f"{'the same direction, another size' if same else 'the other direction'}; {shown}"
    return OPEN, f"the interval is not within {margin:.0%}, nor beyond; {shown}"


def quotient(theirs: Span | None, ours: Span | None) -> Quotient | None:
    """Ours divided by theirs with its 95% interval; None where one of them has no interval."""
    there, here = _logs(theirs), _logs(ours)
    if there is None or here is None:
        return None
    (one, one_low, one_high), (other, other_low, other_high) = there, here
    change = other - one
    return Quotient(
        math.exp(change),
        math.exp(change - math.hypot(other - other_low, one_high - one)),
        math.exp(change + math.hypot(other_high - other, one - one_low)),
    )


def _logs(span: Span | None) -> tuple[float, float, float] | None:
    """The logarithms of a ratio and of both ends of its interval; -inf of an end that is not above zero."""
    if span is None or span.low is None or span.high is None:
        return None
    return math.log(span.value), math.log(span.low) if span.low > 0 else -math.inf, math.log(span.high)


def of_claims(theirs: Finding, ours: Finding, margin: float = MARGIN) -> Judged:
    """Judge two verdicts of a claim; inconclusive ones prove nothing."""
    for word in (theirs.word, ours.word):
        if word not in ("holds", "fails"):
            return OPEN, f"{word} on one side at least"
    if theirs.word == ours.word:
        return "reproduced", f"{theirs.word} on both sides"
    if not (theirs.span and ours.span and _has_interval(theirs.span) and _has_interval(ours.span)):
        return OPEN, "the verdicts differ, without an interval on both sides"
    low, high = sorted((abs(theirs.span.value), abs(ours.span.value)))
    if _apart(theirs.span, ours.span) and high > (1 + margin) * low:
        return "contradicted", f"{theirs.word} there, {ours.word} here"
    return OPEN, "the verdicts differ, the values hardly"


def of_best_workers(theirs: Finding, ours: Finding, margin: float = MARGIN) -> Judged:
    """Judge the fastest worker counts; another one contradicts where each side finds the other's clearly slower."""
    if theirs.word == ours.word:
        slower = [count for count in theirs.points if _is_slower(theirs, count) and _is_slower(ours, count)]
        if slower:
            return "reproduced", f"the same number is fastest, and {', '.join(slower)} slower on both sides"
        return OPEN, "the same number is fastest, but none is clearly slower on both sides"
    if _is_clearly_slower(theirs, ours.word, margin) and _is_clearly_slower(ours, theirs.word, margin):
        return "contradicted", "each side finds the other's number slower"
    return OPEN, "the two numbers are not clearly apart"


def of_crossings(theirs: Finding, ours: Finding, margin: float = MARGIN) -> Judged:
    """Judge where a mechanism becomes faster than the pipe, by the sizes at which both sides are clear."""
    shared = [size for size in theirs.points if size in ours.points]
    clear = [size for size in shared if side(theirs.points[size]) and side(ours.points[size])]
    opposite = [size for size in clear if side(theirs.points[size]) != side(ours.points[size])]
    if any(of_ratios(theirs.points[size], ours.points[size], margin)[0] == "contradicted" for size in opposite):
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


def _is_slower(finding: Finding, count: str) -> bool:
    """Whether a worker count is certainly not as good as the best."""
    if finding.near is UNSET:  # an older run
        return side(finding.points.get(count, UNKNOWN)) == 1
    return count in finding.points and count not in finding.near


def _is_clearly_slower(finding: Finding, count: str, margin: float) -> bool:
    return _is_slower(finding, count) and finding.points[count].value > 1 + margin


def _has_interval(span: Span) -> bool:
    return span.low is not None and span.high is not None


def _apart(one: Span, other: Span) -> bool:
    assert one.low is not None
    assert one.high is not None
    assert other.low is not None
    assert other.high is not None
    return one.high < other.low or other.high < one.low
