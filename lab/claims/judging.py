"""From a claim and a target to a verdict."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace

from lab.claims.bounds import Bounds, Verdict, verdict, worst
from lab.claims.claim import Claim, Test
from lab.claims.evidence import Asked, Evidence
from lab.claims.parts import NotMeasured, parts_of

SCOPES = {
    "limited": "asked of targets whose CPUs are limited",
    "unlimited": "asked of targets with all of the machine's CPUs",
}
ORDER: tuple[Verdict, ...] = ("fails", "not measured", "undecided", "holds")


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """The verdict of one claim on one target; ``told`` where a target that has none deserves a row of its own.

    ``p_value``: how often chance alone would put as much on a side on which the truth is not; None where nothing was
    tested.
    """

    target: str
    verdict: Verdict
    reason: str
    test: Test | None = None
    bounds: Bounds | None = None
    told: bool = True
    p_value: float | None = None


def judge(claim: Claim, target: Asked, evidence: Evidence) -> Judgement:
    """The verdict of a claim on a target: a test that fails decides, then one not measured, then one undecided."""
    if reason := out_of_scope(claim, target, evidence.machine_cpus):
        return Judgement(target=target.id, verdict="not measured", reason=reason, told=False)
    if target.cpus < claim.least_cpus:
        reason = f"asked of {claim.least_cpus} CPUs or more, here are {target.cpus:g}: {claim.cpus_reason}"
        told = any(cell.measured for cell in evidence.cells_of(claim.tests[0].quantities[-1].scenario, target))
        return Judgement(target=target.id, verdict="not measured", reason=reason, told=told)
    found = [judge_test(test, target, evidence, len(claim.tests)) for test in claim.tests]
    decisive = min(found, key=lambda judgement: ORDER.index(judgement.verdict))
    if decisive.verdict == "not measured":
        return decisive
    decisive = replace(decisive, p_value=p_of(found))
    return guarded(claim, target, evidence, decisive) if decisive.verdict == "holds" else decisive


def p_of(found: Sequence[Judgement]) -> float | None:
    """The smaller p of the two sides: all tests must hold for the claim to hold, one that fails refutes it.

    None where no test came to anything either way, as below five rounds.
    """
    every = [judgement.bounds for judgement in found if judgement.bounds is not None]
    holds = max((bounds.p_holds for bounds in every), default=1.0) if len(every) == len(found) else 1.0
    p_value = min([holds, *(bounds.p_fails for bounds in every)])
    return None if p_value == 1 else p_value


def out_of_scope(claim: Claim, target: Asked, machine_cpus: int | None) -> str:
    """Why the claim is not about this target, or nothing."""
    if claim.scope != "everywhere" and (claim.scope == "limited") != target.is_limited(machine_cpus):
        return SCOPES[claim.scope]
    if claim.systems and target.os not in claim.systems:
        return f"asked of {' and '.join(claim.systems)}"
    if claim.since and target.python < claim.since:
        return f"asked of Python {'.'.join(map(str, claim.since))} and newer"
    return ""


def judge_test(test: Test, target: Asked, evidence: Evidence, tests: int) -> Judgement:
    """The verdict of one test of so many; not measured where it has no part."""
    try:
        parts = parts_of(test, target, evidence, tests)
    except NotMeasured as missing:
        return Judgement(target=target.id, verdict="not measured", reason=str(missing), told=missing.planned)
    bounds = worst(parts, test.holds)
    found = verdict(bounds.low, bounds.high, test.holds, test.threshold)
    return Judgement(target=target.id, verdict=found, reason=explained(bounds, test, found), test=test, bounds=bounds)


def explained(bounds: Bounds, test: Test, found: Verdict) -> str:
    """Which cells were compared in how many rounds, and what is lacking where it is undecided."""
    part = bounds.worst
    extreme = "lowest" if test.holds == "above" else "highest"
    which = part.label if bounds.parts == 1 else f"{extreme} of {bounds.parts}: {part.label}"
    words = [bounds.lacking] if found == "undecided" and bounds.lacking else []
    return "; ".join([*words, which, *([part.rounds] if part.rounds else [])])


def guarded(claim: Claim, target: Asked, evidence: Evidence, judgement: Judgement) -> Judgement:
    """The same, or undecided where a guard says that it proves nothing."""
    for guard in claim.guards:
        rounds = [high for cell in evidence.cells(guard.quantity, target) for _, high in evidence.counts(cell.key)]
        if not rounds or statistics.median(rounds) < guard.at_least:
            reason = f"{guard.otherwise}; {judgement.reason}"
            return replace(judgement, verdict="undecided", reason=reason, p_value=None)
    return judgement
