"""What a test compares on a target: pairs of cells or single ones, each with its interval.

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
from typing import assert_never

from lab.claims.bounds import Part
from lab.claims.claim import Count, Level, Quantity, Ratio, Test
from lab.claims.evidence import Asked, Evidence
from lab.claims.selection import Cell
from lab.stats.intervals import CONFIDENCE, MIN_ROUNDS, limit_of_none
from lab.stats.quality.flags import LOST
from lab.stats.rounds import LogRatio
from lab.stats.tests import sign_p
from lab.text import plural


class NotMeasured(LookupError):
    """A target has no number for a test; ``planned``: its plan includes it, so that a row of claims.csv says so."""

    def __init__(self, reason: str, *, planned: bool) -> None:
        super().__init__(reason)
        self.planned = planned


def parts_of(test: Test, target: Asked, evidence: Evidence, tests: int = 1) -> list[Part]:
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


def measured_cells(quantity: Quantity, target: Asked, evidence: Evidence) -> list[Cell]:
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


def ratio_parts(test: Ratio, target: Asked, evidence: Evidence, tests: int) -> list[Part]:
    """Return every pair that the ratio compares and that shares a round, and the cells that failed."""
    other = target if test.older_than is None else older(test.older_than, target, evidence)
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


def older(before: tuple[int, int], target: Asked, evidence: Evidence) -> Asked:
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


def confidences(count: int) -> tuple[float, float]:
    """Return the usual confidence, and the one of each of ``count`` intervals (Bonferroni)."""
    return CONFIDENCE, 1 - (1 - CONFIDENCE) / count


def part(test: Ratio | Level, found: LogRatio, count: int, label: str, flag: str = "") -> Part:
    """Return one of ``count`` parts from its rounds; without ends where they are missing or a cell is flagged."""
    usual, wide = (found.estimate(confidence) for confidence in confidences(count))
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
        low=end(usual.low, -math.inf),
        high=end(usual.high, math.inf),
        wide_low=end(wide.low, -math.inf),
        wide_high=end(wide.high, math.inf),
        label=label,
        rounds=rounds + (", bimodal: median and order statistics" if found.bimodal else ""),
        p_holds=found.p_beyond(bound, above=above),
        p_fails=min(1.0, count * found.p_beyond(bound, above=not above)),
    )


def end(value: float | None, otherwise: float) -> float:
    """Return an end of an interval, infinite where it is missing."""
    return otherwise if value is None else value


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
