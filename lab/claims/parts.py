"""What a test compares on a target, pairs of cells or single ones with their intervals, and the verdict that follows.

A test that compares several pairs is about the worst of them, as its claim is ("than every other mechanism"). It holds
where it holds by every pair's own 95% interval (intersection-union test: Berger, Technometrics 24, 1982); that one of
them fails must withstand a correction for their number (Bonferroni). So the interval of the worst has on the claim's
far side the worst of the 95% ends and on its near side the worst of the ends widened to 1 - 0.05 / pairs. It covers at
least 95%. A pair without an interval leaves the far side open: others can then refute the claim, none can support it.
Where a claim has several tests, any of which can refute it, the pairs of all of them are counted.

Ratios and levels: Student's t over the rounds' logarithms (``lab.stats.rounds``), order statistics where a cell is
bimodal; below five rounds nothing is decided.

A claim about a count is about every trial: nothing is lost, nothing comes out of order, a task always waits. So its
value is the worst sample, one exception refutes it, in whichever round, and it holds where five rounds or more have
none. What that could have missed is reported with it: the share of exceptions of which as many trials show none in one
of twenty runs (``limit_of_none``). Trials of one round depend on each other, so the p of "holds" is by rounds: that of
the sign test (Conover, Practical Nonparametric Statistics), 3.1% at five.

A cell that failed is not ignored where others of its kind were measured: a claim about every one of them cannot be
supported by the remaining ones, though they may refute it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, assert_never

from lab.claims.claim import Count, Level, Quantity, Ratio, Side, Test
from lab.claims.evidence import Cell, Evidence, TargetInfo
from lab.stats.intervals import CONFIDENCE, MIN_ROUNDS, limit_of_none
from lab.stats.quality.flags import LOST
from lab.stats.rounds import LogRatio
from lab.stats.tests import sign_p
from lab.text import plural

Verdict = Literal["holds", "fails", "inconclusive", "not measured"]


@dataclass(frozen=True, kw_only=True)
class Part:
    """One pair or one cell: its value, 95 % interval, and the interval widened for the number of pairs.

    Ends are infinite where the interval is missing, and ``lacking`` says why. ``label`` names the cells; ``rounds``
    says how many there were, or how many exceptions. ``p_holds`` and ``p_fails`` are one-sided: the probability
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


class NotMeasured(LookupError):
    """A target has no number for a test; ``planned``: its plan includes it, so that a row of claims.csv says so."""

    def __init__(self, reason: str, *, planned: bool) -> None:
        super().__init__(reason)
        self.planned = planned


def parts_of(test: Test, target: TargetInfo, evidence: Evidence, tests: int = 1) -> list[Part]:
    """Return what a test compares on this target, at least one part; ``tests`` is how many tests its claim has.

    Raises:
        NotMeasured: the target has no number for it.
    """
    if isinstance(test, Ratio):
        return ratio_parts(test, target, evidence, tests)
    cells = measured_cells(test.quantity, target, evidence)
    failed = failed_parts(test, evidence.cells(test.quantity, target))
    if isinstance(test, Count):
        return [count_part(test, cell, evidence) for cell in cells] + failed
    if isinstance(test, Level):
        return [level_part(test, cell, evidence, tests * len(cells)) for cell in cells] + failed
    assert_never(test)


def failed_parts(test: Test, cells: Sequence[Cell]) -> list[Part]:
    """Return a part for each cell that failed; its value is unknown, so that it is never the worst."""
    best = math.inf if test.holds == "above" else -math.inf
    return [
        Part(value=best, label=cell.case, lacking=f"{cell.case} is {cell.status}: {cell.reason or 'no reason given'}")
        for cell in cells
        if not cell.measured and cell.status in LOST
    ]


def measured_cells(quantity: Quantity, target: TargetInfo, evidence: Evidence) -> list[Cell]:
    """Return the measured cells of a quantity.

    Raises:
        NotMeasured: none was measured; with the reason of one of them, or that the run has no such cell.
    """
    cells = evidence.cells(quantity, target)
    measured = [cell for cell in cells if cell.measured]
    if measured:
        return measured
    for cell in cells:
        raise NotMeasured(f"{cell.case} is {cell.status}: {cell.reason or 'no reason was given'}", planned=True)
    raise NotMeasured(f"the run has no {quantity}", planned=False)


def ratio_parts(test: Ratio, target: TargetInfo, evidence: Evidence, tests: int) -> list[Part]:
    """Return every pair that the ratio compares and that shares a round, and the cells that failed."""
    other = other_target(test, target, evidence)
    tops = measured_cells(test.top, target, evidence)
    bottoms = measured_cells(test.bottom, other, evidence)
    pairs = [(top, bottom) for top in tops for bottom in bottoms if comparable(test, top, bottom)]
    found = [ratio_part(test, pair, evidence, tests * len(pairs)) for pair in pairs]
    parts = [part for part in found if part is not None]
    if not parts:
        words = "no round has both" if pairs else "no two cases of the plan that can be compared have both"
        raise NotMeasured(f"{words} {test.top} and {test.bottom}", planned=bool(pairs))
    return parts + failed_parts(test, evidence.cells(test.top, target) + evidence.cells(test.bottom, other))


def comparable(test: Ratio, top: Cell, bottom: Cell) -> bool:
    """Whether two cells are equal in the axes that must be equal, and differ in those that must differ."""
    equal = all(top.axes.get(axis) == bottom.axes.get(axis) for axis in test.same)
    return equal and all(top.axes.get(axis) != bottom.axes.get(axis) for axis in test.different)


def other_target(test: Ratio, target: TargetInfo, evidence: Evidence) -> TargetInfo:
    """Return the target of the ratio's bottom.

    Raises:
        NotMeasured: the run has no such target.
    """
    if test.older_than is not None:
        return older(test.older_than, target, evidence)
    if not test.gil_build:
        return target
    for other in evidence.targets:
        if other.build == "gil" and replace(other, id=target.id, build=target.build) == target:
            return other
    raise NotMeasured(
        f"the run has no target with a GIL that is equal to {target.id} otherwise; measure both: "
        f"--python {'.'.join(map(str, target.python))} --python {'.'.join(map(str, target.python))}t",
        planned=True,
    )


def older(before: tuple[int, int], target: TargetInfo, evidence: Evidence) -> TargetInfo:
    """Return the target that differs from this one only in an older Python, the newest one before a version.

    Raises:
        NotMeasured: the run has no such target.
    """
    words = ".".join(map(str, before))
    others = [
        other
        for other in evidence.targets
        if other.but_for_python == target.but_for_python and () < other.python < before
    ]
    if not others:
        raise NotMeasured(
            f"the run has no target before Python {words} that is equal to {target.id} otherwise", planned=True
        )
    return max(others, key=lambda other: other.python)


def ratio_part(test: Ratio, pair: tuple[Cell, Cell], evidence: Evidence, count: int) -> Part | None:
    """Return one of ``count`` pairs, or None where no round has both."""
    top, bottom = pair
    rounds = evidence.rounds(test.top.metric)
    if rounds is not evidence.rounds(test.bottom.metric):
        raise ValueError(f"a ratio of {test.top} and {test.bottom} has no meaning")
    found = rounds.log_ratio(top.key, bottom.key, bimodal=top.bimodal or bottom.bimodal)
    return None if found is None else part(test, found, count, label_of(top, bottom), evidence.flag(top, bottom))


def label_of(top: Cell, bottom: Cell) -> str:
    """Return the name of a pair, by what its cells differ in."""
    if top.scenario != bottom.scenario:
        return f"{top.scenario}/{top.case} / {bottom.scenario}/{bottom.case}"
    if top.target != bottom.target:
        return f"{top.case} / {bottom.case} of {bottom.target}"
    if top.case == bottom.case:
        return f"{top.operation} / {bottom.operation} of {top.case}"
    return f"{top.case} / {bottom.case}"


def level_part(test: Level, cell: Cell, evidence: Evidence, count: int) -> Part:
    """Return one of ``count`` cells that are judged one by one."""
    logs = list(evidence.rounds(test.quantity.metric).logs(cell.key).values())
    if not logs:
        raise NotMeasured(f"{cell.case} has no value above zero", planned=True)
    return part(test, LogRatio(logs, bimodal=cell.bimodal), count, cell.case, evidence.flag(cell))


def part(test: Ratio | Level, found: LogRatio, count: int, label: str, flag: str = "") -> Part:
    """Return one of ``count`` parts from its rounds; without ends where they are missing or a cell is flagged."""
    usual, wide = found.estimate(CONFIDENCE), found.estimate(1 - (1 - CONFIDENCE) / count)
    rounds = plural(usual.rounds, "round") + (" of each, not paired" if found.apart else "")
    lacking = flag
    if usual.rounds < MIN_ROUNDS:
        lacking = f"{usual.rounds} of {MIN_ROUNDS} rounds"
    elif usual.low is None:
        lacking = lacking or f"{label} is bimodal, which takes six rounds"
    if lacking:
        return Part(value=usual.value, label=label, rounds=rounds, lacking=lacking)
    above, bound = test.holds == "above", math.log(test.threshold)
    return Part(
        value=usual.value,
        low=-math.inf if usual.low is None else usual.low,
        high=math.inf if usual.high is None else usual.high,
        wide_low=-math.inf if wide.low is None else wide.low,
        wide_high=math.inf if wide.high is None else wide.high,
        label=label,
        rounds=rounds + (", bimodal: median and order statistics" if found.bimodal else ""),
        p_holds=found.p_beyond(bound, above=above),
        p_fails=min(1.0, count * found.p_beyond(bound, above=not above)),
    )


def count_part(test: Count, cell: Cell, evidence: Evidence) -> Part:
    """Return a cell's exact counts as a part, whose value and ends are the worst sample."""
    rounds = evidence.counts(cell.key)
    if not rounds:
        raise NotMeasured(f"{cell.case} has no round", planned=True)
    values = [value for counts in rounds for value in counts]
    value = min(values) if test.holds == "above" else max(values)
    contrary = [[one for one in counts if (one > test.threshold) != (test.holds == "above")] for counts in rounds]
    each = (cell.tasks or 1) if test.trials == "tasks" else test.trials
    exceptions = sum(sum(found) if each > 1 else len(found) for found in contrary)
    trials, in_rounds = each * len(values), plural(len(rounds), "round")
    if exceptions:
        found = f"{plural(exceptions, 'exception')} in {plural(trials, 'trial')}"
        words = f"{found}, in {sum(map(bool, contrary))} of {in_rounds}"
    else:
        limit = f"at most {100 * limit_of_none(trials):.2g}% by Clopper and Pearson, 95%"
        words = f"no exception in {plural(trials, 'trial')} of {in_rounds} ({limit})"
    lacking = evidence.flag(cell)
    if not exceptions and len(rounds) < MIN_ROUNDS:
        lacking = f"{len(rounds)} of {MIN_ROUNDS} rounds"
    if lacking:
        return Part(value=value, label=cell.case, rounds=words, lacking=lacking)
    return Part(
        value=value,
        low=value,
        high=value,
        wide_low=value,
        wide_high=value,
        label=cell.case,
        rounds=words,
        p_holds=1.0 if exceptions else sign_p(0, len(rounds)),
        p_fails=0.0 if exceptions else 1.0,
    )
