"""The verdict of one claim on one target, from its tests, their intervals and its guards."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace

from lab.claims.claim import Claim, Ratio, Test
from lab.claims.evidence import Evidence, TargetInfo
from lab.claims.parts import Bounds, NotMeasured, Verdict, parts_of, verdict, worst
from lab.text import plural

SCOPES = {
    "limited": "applies to targets with limited CPUs",
    "unlimited": "applies to targets with all CPUs of the machine",
}
ORDER: tuple[Verdict, ...] = ("fails", "not measured", "inconclusive", "holds")


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """The verdict of one claim on one target.

    ``in_scope``: whether the claim applies to the target. ``has_row``: whether claims.csv has a row for the target even
    if the verdict is "not measured". ``p_value``: the probability of values at least as far on one side of the
    threshold if the true value is on the other side; None where nothing was tested.
    """

    target: str
    verdict: Verdict
    reason: str
    test: Test | None = None
    bounds: Bounds | None = None
    in_scope: bool = True
    has_row: bool = True
    p_value: float | None = None


def judge(claim: Claim, target: TargetInfo, evidence: Evidence) -> Judgement:
    """Judge a claim on a target. The test with the first verdict in ``ORDER`` decides."""
    if reason := out_of_scope(claim, target, evidence.machine_cpus):
        return Judgement(target=target.id, verdict="not measured", reason=reason, in_scope=False, has_row=False)
    if target.cpus < claim.least_cpus:
        needed = plural(claim.least_cpus, "CPU")
        reason = f"needs at least {needed}, this target has {target.cpus:g}: {claim.cpus_reason}"
        measured = any(cell.measured for cell in evidence.cells_of(claim.tests[0].quantities[-1].scenario, target))
        return Judgement(target=target.id, verdict="not measured", reason=reason, in_scope=False, has_row=measured)
    found = [judge_test(test, target, evidence, len(claim.tests)) for test in claim.tests]
    decisive = min(found, key=lambda judgement: ORDER.index(judgement.verdict))
    if decisive.verdict == "not measured":
        return decisive
    decisive = replace(
        decisive, p_value=p_of(found), reason="; ".join([decisive.reason, *named_others(found, decisive)])
    )
    return guarded(claim, target, evidence, decisive) if decisive.verdict == "holds" else decisive


def named_others(found: Sequence[Judgement], decisive: Judgement) -> list[str]:
    """Return name, value and interval (where it has both ends) of each test with a name that did not decide."""
    words = []
    for one in found:
        if one is not decisive and isinstance(one.test, Ratio) and one.test.name and one.bounds:
            low, high = one.bounds.low, one.bounds.high
            ends = f" ({low:.3g} to {high:.3g})" if math.isfinite(low) and math.isfinite(high) else ""
            words.append(f"{one.test.name}: {one.bounds.worst.value:.3g}{ends}")
    return words


def p_of(found: Sequence[Judgement]) -> float | None:
    """Combine the p-values of a claim's tests: the smaller p-value of the two sides.

    For the claim to hold all tests must hold, so that side has the largest p of the tests. One test that fails refutes
    the claim, so the other side has the smallest. None where no test gave evidence for either side, as below five
    rounds.
    """
    every = [judgement.bounds for judgement in found if judgement.bounds is not None]
    holds = max((bounds.p_holds for bounds in every), default=1.0) if len(every) == len(found) else 1.0
    p_value = min([holds, *(bounds.p_fails for bounds in every)])
    return None if p_value == 1 else p_value


def out_of_scope(claim: Claim, target: TargetInfo, machine_cpus: int | None) -> str:
    """Why the claim does not apply to this target; empty where it applies."""
    if claim.scope != "everywhere" and (claim.scope == "limited") != target.is_limited(machine_cpus):
        return SCOPES[claim.scope]
    if claim.systems and target.os not in claim.systems:
        return f"applies to {' and '.join(claim.systems)}"
    if claim.since and target.python < claim.since:
        return f"applies to Python {'.'.join(map(str, claim.since))} and newer"
    if claim.builds and target.build not in claim.builds:
        return f"applies to {' and '.join(claim.builds)} builds"
    return ""


def judge_test(test: Test, target: TargetInfo, evidence: Evidence, tests: int) -> Judgement:
    """Judge one test of a claim with ``tests`` tests; the verdict is "not measured" where it has no values."""
    try:
        parts = parts_of(test, target, evidence, tests)
    except NotMeasured as missing:
        return Judgement(target=target.id, verdict="not measured", reason=str(missing), has_row=missing.planned)
    bounds = worst(parts, test.holds)
    found = verdict(bounds.low, bounds.high, test.holds, test.threshold)
    return Judgement(target=target.id, verdict=found, reason=explained(bounds, test, found), test=test, bounds=bounds)


def explained(bounds: Bounds, test: Test, found: Verdict) -> str:
    """Say which cells were compared in how many rounds, and for an inconclusive test what is missing."""
    part = bounds.worst
    extreme = "lowest" if test.holds == "above" else "highest"
    which = part.label if bounds.parts == 1 else f"{extreme} of {bounds.parts}: {part.label}"
    words = [bounds.lacking] if found == "inconclusive" and bounds.lacking else []
    name = f"{test.name}: " if isinstance(test, Ratio) and test.name else ""
    return "; ".join([*words, name + which, *([part.rounds] if part.rounds else [])])


def guarded(claim: Claim, target: TargetInfo, evidence: Evidence, judgement: Judgement) -> Judgement:
    """Return the judgement unchanged, or an inconclusive one where a guard is not met."""
    for guard in claim.guards:
        rounds = [
            max(counts) for cell in evidence.cells(guard.quantity, target) for counts in evidence.counts(cell.key)
        ]
        if not rounds or statistics.median(rounds) < guard.at_least:
            reason = f"{guard.otherwise}; {judgement.reason}"
            return replace(judgement, verdict="inconclusive", reason=reason, p_value=None)
    return judgement
