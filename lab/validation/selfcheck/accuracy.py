"""The lab beside a bare loop and pyperf, by turns in one run: what each operation costs by each, pair by pair.

In each pair every operation is measured by each of the three, directly after one another and in random order, on the
same CPU, in three fresh processes each (pyperf in one, which takes as long as five). So drift and order fall on all
three alike, and the pair's ratio is free of what changes slowly. Loops are found by the agent once and are the same in
the lab and in the bare loop, and so are the modules of the standard library that the process has loaded.

An operation leaves the alternation when it has pairs enough (``stopping``). Beyond the least number of pairs pyperf is
left out, which takes two fifths of the time: the accuracy asked for is the lab's against the bare loop.

A process's value is the median of its batches on both sides, for that is what the lab reports, and an arm's value in a
pair the median of its processes' (pyperf's is that of its one). A mean of three would follow every batch, or process,
that another program disturbed. Where the operation has two levels (``Operation.two_levels``) the median is that of one
or the other, as chance has it, and means are held against each other: on one CPU a Pool's threads give way to one
another in turns that last as long as a batch, so that one of 10 ms lies in a dear part of them or in a cheap one.
Batches that all began at one point of a turn would be biased by it; the lab's begin anywhere
(``measure.run_in_loops``).
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence

import pandas as pd

from lab.text import plural
from lab.validation.selfcheck.equivalence import ACROSS, CATALOGUE, LEAST_PAIRS, ONE_CPU, has_enough, paired_ratio
from lab.validation.selfcheck.operations import OPERATIONS, Operation
from lab.validation.selfcheck.setup import Bench, Lines, Steps
from lab.validation.selfcheck.variants import FAILURES, Arms, Measured, pyperf_loops

ARMS = ("lab", "bare", "pyperf")
TWO_LEVELS = frozenset(operation.name for operation in OPERATIONS if operation.two_levels)
PLACES = {operation.name: place for place, operation in enumerate(OPERATIONS)}  # the order in tables and figures
# Processes a pair. A worker of pyperf takes as long as five of the others, whose values scatter more between processes.
PROCESSES = {"lab": 3, "bare": 3, "pyperf": 1}
COMPARISONS = (("lab", "bare"), ("lab", "pyperf"), ("pyperf", "bare"))
RAW = "accuracy.jsonl"
Loops = Mapping[str, tuple[int, int]]  # operation -> loops of the lab and of the bare loop, loops of pyperf


def measure(bench: Bench, chosen: Sequence[Operation], *, pairs: int, budget_s: float) -> pd.DataFrame:
    """Measure all pairs; one row a process: operation, placement, pair, arm, value_ns, loops, wall_s, modules, reason.

    What fails becomes a row with its reason, and the others go on. Beyond ``LEAST_PAIRS`` those go on whose interval
    is still too wide, up to ``pairs``; no further pair starts once the budget is used up, by the clock alone.
    """
    arms = Arms(bench, bench.folder / "pyperf")
    raw = Lines(bench.folder / "raw" / RAW)
    rows: list[dict[str, object]] = []

    def keep(row: dict[str, object]) -> None:
        rows.append(row)
        raw.add(row)

    bench.say(f"accuracy: finding the loops of {plural(len(chosen), 'operation')}")
    loops = _calibrate(arms, chosen, keep)
    order = bench.random("accuracy")
    least = min(LEAST_PAIRS, pairs)
    steps = Steps(bench.say, "accuracy", least * len(loops))
    began = time.monotonic()
    going = [operation for operation in chosen if operation.name in loops]
    for pair in range(pairs):
        if pair >= least:
            going = _too_wide(rows, going)
            if not going or not _may_go_on(bench, going, pair, time.monotonic() - began, budget_s):
                break
        for operation in order.sample(going, len(going)):
            turns = [(arm, again) for arm in ARMS if pair < least or arm != "pyperf" for again in range(PROCESSES[arm])]
            for place, (arm, again) in enumerate(order.sample(turns, len(turns))):
                found = _measured(arms, arm, operation, pair, loops)
                keep({"pair": pair, "place": place, "again": again, **found})
            if pair < least:
                steps.done()
    return pd.DataFrame.from_records(rows)


def _too_wide(rows: Sequence[dict[str, object]], going: Sequence[Operation]) -> list[Operation]:
    """The operations whose interval still has to become narrower."""
    measured = pd.DataFrame.from_records(rows)
    good = measured[measured["reason"] == ""]
    return [
        operation
        for operation in going
        if not has_enough(
            _log_ratios(_centres(good[good["operation"] == operation.name]), "lab", "bare"), operation.placement
        )
    ]


def _may_go_on(bench: Bench, going: Sequence[Operation], pair: int, spent_s: float, budget_s: float) -> bool:
    """Whether there is time for one more pair; says so either way."""
    wide = plural(len(going), "interval is", "intervals are")
    if spent_s > budget_s:
        bench.say(f"accuracy: the time for it is used up after {plural(pair, 'pair')}; {wide} still too wide")
        return False
    bench.say(f"accuracy: {wide} still too wide after {plural(pair, 'pair')}")
    return True


def _calibrate(arms: Arms, usable: Sequence[Operation], keep: Callable[[dict[str, object]], None]) -> Loops:
    """Loops of every operation that works; a first process of each arm also fills every cache of bytecode."""
    found: dict[str, tuple[int, int]] = {}
    for operation in usable:
        try:
            first = arms.by_lab(operation, 0, None)
            loops = first.loops, pyperf_loops(operation, first.centre_ns)
            arms.by_bare(operation, 0, loops[0])
            arms.by_pyperf(operation, 0, loops[1])
        except FAILURES as failure:
            keep(_row(operation, "lab", reason=f"before the first pair: {failure}"))
            continue
        found[operation.name] = loops
    return found


def _measured(arms: Arms, arm: str, operation: Operation, pair: int, loops: Loops) -> dict[str, object]:
    mine, of_pyperf = loops[operation.name]
    measure_by = {"lab": arms.by_lab, "bare": arms.by_bare, "pyperf": arms.by_pyperf}[arm]
    try:
        return _row(operation, arm, measure_by(operation, pair, of_pyperf if arm == "pyperf" else mine))
    except FAILURES as failure:
        return _row(operation, arm, reason=str(failure) or type(failure).__name__)


def _row(operation: Operation, arm: str, found: Measured | None = None, reason: str = "") -> dict[str, object]:
    row: dict[str, object] = {
        "operation": operation.name,
        "placement": operation.placement,
        "arm": arm,
        "reason": reason,
    }
    if found:
        row |= {"value_ns": found.centre_ns, "mean_ns": found.mean_ns, "values_ns": list(found.values_ns)}
        row |= {"loops": found.loops}
        row |= {"wall_s": found.wall_s, "modules": found.modules}
    return row


def ratios(measured: pd.DataFrame) -> pd.DataFrame:
    """One row an operation and comparison: ratio, 90 % interval, pairs, verdict within the zone, and within 5 %."""
    good = measured[measured["reason"] == ""] if len(measured) else measured
    rows = []
    groups = dict(list(measured.groupby(["operation", "placement"], sort=False)))
    for operation, placement in sorted(groups, key=lambda key: PLACES.get(str(key[0]), len(PLACES))):
        every = groups[operation, placement]
        mine = good[good["operation"] == operation]
        wide = _centres(mine)
        failures = [text for text in every["reason"] if text]
        for one, other in COMPARISONS:
            rows.append(
                {
                    "operation": operation,
                    "placement": placement,
                    "comparison": f"{one} / {other}",
                    **_judged(wide, one, other, str(placement)),
                    "failed": len(failures),
                    "reason": failures[0] if failures else "",
                }
            )
    return pd.DataFrame.from_records(rows)


def _centres(mine: pd.DataFrame) -> pd.DataFrame:
    """Of one operation the median of each arm's processes, with two levels their mean; a row a pair."""
    if mine.empty:
        return pd.DataFrame()
    if mine["operation"].iloc[0] in TWO_LEVELS:
        return mine.pivot_table(index="pair", columns="arm", values="mean_ns", aggfunc="mean")
    return mine.pivot_table(index="pair", columns="arm", values="value_ns", aggfunc="median")


def _log_ratios(wide: pd.DataFrame, one: str, other: str) -> list[float]:
    """Of the pairs that both arms have."""
    both = wide[[one, other]].dropna() if {one, other} <= set(wide.columns) else pd.DataFrame()
    return [math.log(row[0] / row[1]) for row in both.itertuples(index=False, name=None)]


def _judged(wide: pd.DataFrame, one: str, other: str, placement: str) -> dict[str, object]:
    ratio = paired_ratio(_log_ratios(wide, one, other))
    zone = ONE_CPU if placement == "same_cpu" else ACROSS
    return {
        "ratio": ratio.value,
        "ci90_low": ratio.low,
        "ci90_high": ratio.high,
        "pairs": ratio.pairs,
        "zone_low": zone.low,
        "zone_high": zone.high,
        "verdict": ratio.verdict(zone),
        "verdict_5_percent": ratio.verdict(CATALOGUE),
    }
