"""What a test compares on a target: pairs of cells or single ones, each with its interval.

Ratios and levels: Student's t over the rounds' logarithms (``lab.stats.ratios``), order statistics where a cell is
bimodal; below five rounds nothing is decided.

Counts often do not scatter at all, and a t-interval of five equal values would have no width. So a round counts by its
worst sample, the interval is the range of all rounds, and a verdict needs every round on one side: the sign test, wrong
in (1/2)^k of cases at k rounds, 3.1 % at the five that are the least (Conover, Practical Nonparametric Statistics).
One contrary round leaves it undecided and is told.
"""

from __future__ import annotations

import math
import statistics
from typing import assert_never

from lab.claims.bounds import Part
from lab.claims.claim import Count, Level, Quantity, Ratio, Test
from lab.claims.evidence import Asked, Evidence
from lab.claims.selection import Cell
from lab.stats.intervals import CONFIDENCE
from lab.stats.ratios import Estimate, geometric, middle
from lab.stats.summary import MIN_ROUNDS


class Absent(LookupError):
    """A target has no number for a test; ``told`` where that is worth a row of its own: the plan asked for it."""

    def __init__(self, reason: str, *, told: bool) -> None:
        super().__init__(reason)
        self.told = told


def parts_of(test: Test, target: Asked, evidence: Evidence) -> list[Part]:
    """What the test compares on this target, one at least.

    Raises:
        Absent: there is nothing of it.
    """
    if isinstance(test, Ratio):
        return ratio_parts(test, target, evidence)
    cells = measured_cells(test.quantity, target, evidence)
    if isinstance(test, Count):
        return [count_part(test, cell, evidence) for cell in cells]
    if isinstance(test, Level):
        return [level_part(test, cell, evidence, len(cells)) for cell in cells]
    assert_never(test)


def measured_cells(quantity: Quantity, target: Asked, evidence: Evidence) -> list[Cell]:
    """The measured ones of the cells that a quantity takes.

    Raises:
        Absent: none was measured; with the reason that one of them gave, or that the plan has none.
    """
    cells = evidence.cells(quantity, target)
    measured = [cell for cell in cells if cell.measured]
    if measured:
        return measured
    for cell in cells:
        raise Absent(f"{cell.case} is {cell.status}: {cell.reason or 'no reason was given'}", told=True)
    raise Absent(f"the run has no {quantity}", told=False)


def ratio_parts(test: Ratio, target: Asked, evidence: Evidence) -> list[Part]:
    """Every pair that the ratio compares and that shares a round."""
    other = target if test.older_than is None else older(test.older_than, target, evidence)
    tops = measured_cells(test.top, target, evidence)
    bottoms = measured_cells(test.bottom, other, evidence)
    pairs = [(top, bottom) for top in tops for bottom in bottoms if comparable(test, top, bottom)]
    found = [ratio_part(test, pair, evidence, len(pairs)) for pair in pairs]
    parts = [part for part in found if part is not None]
    if not parts:
        words = "no round has both" if pairs else "no two cases of the plan that can be compared have both"
        raise Absent(f"{words} {test.top} and {test.bottom}", told=bool(pairs))
    return parts


def comparable(test: Ratio, top: Cell, bottom: Cell) -> bool:
    """Whether two cells are equal where they must be, and not where they must not."""
    equal = all(top.axes.get(axis) == bottom.axes.get(axis) for axis in test.same)
    return equal and all(top.axes.get(axis) != bottom.axes.get(axis) for axis in test.different)


def older(before: tuple[int, int], target: Asked, evidence: Evidence) -> Asked:
    """The target that differs from this one in an older Python alone, the newest of them before a version.

    Raises:
        Absent: there is none.
    """
    words = ".".join(map(str, before))
    others = [
        other
        for other in evidence.targets
        if other.but_for_python == target.but_for_python and () < other.python < before
    ]
    if not others:
        raise Absent(f"the run has no target before Python {words} that is equal to {target.id} otherwise", told=True)
    return max(others, key=lambda other: other.python)


def ratio_part(test: Ratio, pair: tuple[Cell, Cell], evidence: Evidence, count: int) -> Part | None:
    """One pair, or None where no round has both."""
    top, bottom = pair
    rounds = evidence.rounds(test.top.metric)
    if rounds is not evidence.rounds(test.bottom.metric):
        raise ValueError(f"a ratio of {test.top} and {test.bottom} has no meaning")
    bimodal = top.bimodal or bottom.bimodal
    found = [rounds.ratio(top.key, bottom.key, confidence, bimodal=bimodal) for confidence in confidences(count)]
    usual, wide = found
    label = label_of(top, bottom)
    if usual is None or wide is None:
        return None
    return part(usual, wide, label, bimodal=bimodal, cause=evidence.cause(top, bottom))


def label_of(top: Cell, bottom: Cell) -> str:
    """What two cells are called beside each other: by what they differ in."""
    if top.scenario != bottom.scenario:
        return f"{top.scenario}/{top.case} / {bottom.scenario}/{bottom.case}"
    if top.target != bottom.target:
        return f"{top.case} / {bottom.case} of {bottom.target}"
    if top.case == bottom.case:
        return f"{top.operation} / {bottom.operation} of {top.case}"
    return f"{top.case} / {bottom.case}"


def level_part(test: Level, cell: Cell, evidence: Evidence, count: int) -> Part:
    """One cell by itself."""
    logs = list(evidence.rounds(test.quantity.metric).logs(cell.key).values())
    if not logs:
        raise Absent(f"{cell.case} has no value above zero", told=True)
    estimate = middle if cell.bimodal else geometric
    usual, wide = (estimate(logs, confidence) for confidence in confidences(count))
    return part(usual, wide, cell.case, bimodal=cell.bimodal, cause=evidence.cause(cell))


def confidences(count: int) -> tuple[float, float]:
    """The usual one, and the one for one of so many (Bonferroni)."""
    return CONFIDENCE, 1 - (1 - CONFIDENCE) / count


def part(usual: Estimate, wide: Estimate, label: str, *, bimodal: bool, cause: str) -> Part:
    """An estimate as a part; without ends where there are none, or where its cells were disturbed."""
    rounds = f"{usual.rounds} rounds" if usual.rounds != 1 else "1 round"
    lacking = cause
    if usual.rounds < MIN_ROUNDS:
        lacking = f"{usual.rounds} of {MIN_ROUNDS} rounds"
    elif usual.low is None:
        lacking = lacking or f"{label} is bimodal, which takes six rounds"
    if lacking:
        return Part(value=usual.value, label=label, rounds=rounds, lacking=lacking)
    return Part(
        value=usual.value,
        low=end(usual.low, -math.inf),
        high=end(usual.high, math.inf),
        wide_low=end(wide.low, -math.inf),
        wide_high=end(wide.high, math.inf),
        label=label,
        rounds=rounds + (", bimodal: median and order statistics" if bimodal else ""),
    )


def end(value: float | None, otherwise: float) -> float:
    """An end of an interval, open where there is none."""
    return otherwise if value is None else value


def count_part(test: Count, cell: Cell, evidence: Evidence) -> Part:
    """One cell's exact counts: the range of its rounds, each by its worst sample."""
    values = [low if test.holds == "above" else high for low, high in evidence.counts(cell.key)]
    if not values:
        raise Absent(f"{cell.case} has no round", told=True)
    middle_value, label = statistics.median(values), cell.case
    good = sum((value > test.threshold) == (test.holds == "above") for value in values)
    rounds = f"so in {good} of {len(values)} rounds"
    lacking = f"{len(values)} of {MIN_ROUNDS} rounds" if len(values) < MIN_ROUNDS else evidence.cause(cell)
    if lacking:
        return Part(value=middle_value, label=label, rounds=rounds, lacking=lacking)
    low, high = min(values), max(values)
    return Part(value=middle_value, low=low, high=high, wide_low=low, wide_high=high, label=label, rounds=rounds)
