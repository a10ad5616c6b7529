"""Accuracy: the ratio of the lab to a bare loop and to pyperf, operation by operation, from interleaved pairs.

In each pair the three harnesses measure an operation one after the other, in random order, on the same CPU, each in
fresh processes (three, but one of pyperf, which takes as long as five of the others). Drift and order therefore affect
all harnesses alike, and slow changes cancel in the pair's ratio. The lab and the bare loop use the same number of
loops, calibrated once by the agent, and have the same modules of the standard library loaded.

An operation stops when it has enough pairs (``equivalence``). Pyperf, which takes two fifths of the time, measures only
the minimum number of pairs: the accuracy goal is about the lab and the bare loop.

The value of a process is the median of its batches, as in the lab's reports, and the value of a harness in a pair is
the median of its processes; a mean would follow every disturbed batch or process. For bimodal operations
(``Operation.bimodal``) the median falls on one level or the other by chance, so means are compared instead: on one CPU,
the threads of a Pool alternate in periods as long as a batch, and a batch of 10 ms is in a fast or a slow one. Batches
that all start at the same point of such a period would be biased; the lab's start anywhere (``lab.agent.measuring``),
and so do those of the bare loop, after the same numbers of untimed loops. Before it did so, its three batches were the
first 40 ms of a pool, and Pool.map took 0.971 of it in the lab (0.958 to 0.986), but also 0.979 in pyperf, which timed
the very same call over 300 ms. The call, its chunks, the garbage collector and the clock are the same in all three.
"""

from __future__ import annotations

import math
import statistics
import time
from collections import Counter
from collections.abc import Mapping, Sequence

import msgspec
import pandas as pd
from msgspec.structs import replace

from lab.stats.intervals import t_interval
from lab.targets.request import BATCHES
from lab.text import plural
from lab.validation.selfcheck.equivalence import (
    MIN_PAIRS,
    ZONE_5_PERCENT,
    ZONES,
    GoalVerdict,
    Verdict,
    goal_verdict,
    has_enough_pairs,
    paired_ratio,
)
from lab.validation.selfcheck.harnesses import FAILURES, Calibrated, Harness, Harnesses, Measured, run_script
from lab.validation.selfcheck.operations import OPERATIONS, Operation, Placement
from lab.validation.selfcheck.session import Setup

BIMODAL = frozenset(operation.name for operation in OPERATIONS if operation.bimodal)
ORDER = {operation.name: place for place, operation in enumerate(OPERATIONS)}  # of the rows in tables and figures
PROCESSES: dict[Harness, int] = {"lab": 3, "bare": 3, "pyperf": 1}  # per pair
COMPARISONS: tuple[tuple[Harness, Harness], ...] = (("lab", "bare"), ("lab", "pyperf"), ("pyperf", "bare"))
MAX_OVERHEAD_NS = 100.0


class Process(msgspec.Struct, frozen=True, kw_only=True):
    """One process of a harness: ``place`` is its number in the pair, ``series`` among the harness's in the pair."""

    operation: str
    placement: Placement
    harness: Harness
    pair: int | None = None
    place: int | None = None
    series: int | None = None
    measured: Measured | None = None
    reason: str = ""  # of a failure


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One comparison of two harnesses for one operation: the ratio, its 90% interval, and the verdicts by both zones.

    Unknown numbers are NaN, which JSON stores as null.
    """

    operation: str
    placement: Placement
    comparison: str
    ratio: float | None
    ci90_low: float | None
    ci90_high: float | None
    pairs: int
    zone_low: float
    zone_high: float
    verdict: Verdict
    verdict_5_percent: Verdict
    failed: int  # processes of the operation, of any harness
    reason: str  # of the first failure


class Overhead(msgspec.Struct, frozen=True, kw_only=True):
    """What the agent's loop adds to an operation, in nanoseconds: the mean over processes with its 95% interval."""

    added_ns: float | None
    ci_low: float | None = None
    ci_high: float | None = None
    processes: int
    allowed_ns: float = MAX_OVERHEAD_NS
    verdict: GoalVerdict
    reason: str = ""


class Accuracy(msgspec.Struct, frozen=True, kw_only=True):
    """The result of the part; ``counts`` has the number of operations per placement and verdict, lab / bare."""

    rows: tuple[Row, ...]
    counts: Mapping[str, Mapping[str, int]]
    overhead: Overhead = msgspec.field(name="null_loop")


class Measurement:
    """The measurement of all pairs; every process is written to ``raw/accuracy.jsonl`` when it ends."""

    def __init__(self, setup: Setup, chosen: Sequence[Operation]) -> None:
        self._setup = setup
        self._harnesses = Harnesses(setup, setup.folder / "pyperf")
        self._chosen = chosen
        self._rows: list[Process] = []

    def run(self, *, pairs: int, budget_s: float) -> pd.DataFrame:
        """Measure all pairs; one row per process, as ``as_frame`` gives it.

        After ``MIN_PAIRS`` only operations whose interval is still too wide continue, up to ``pairs``. No further pair
        starts once the budget is used up. A failed process is a row with its reason.
        """
        self._setup.say(f"accuracy: calibrating the loops of {plural(len(self._chosen), 'operation')}")
        calibrated = self._calibrated()
        order = self._setup.random("accuracy")
        least = min(MIN_PAIRS, pairs)
        began = time.monotonic()
        active = [operation for operation in self._chosen if operation.name in calibrated]
        for pair in range(pairs):
            if pair >= least:
                active = self._too_wide(active)
                if not active or not self._has_time(len(active), pair, time.monotonic() - began, budget_s):
                    break
            else:
                self._setup.say(f"accuracy: pair {pair + 1} of at least {least}")
            for operation in order.sample(active, len(active)):
                harnesses = [harness for harness in PROCESSES if pair < least or harness != "pyperf"]
                turns = [(harness, series) for harness in harnesses for series in range(PROCESSES[harness])]
                for place, (harness, series) in enumerate(order.sample(turns, len(turns))):
                    row = Process(
                        operation=operation.name,
                        placement=operation.placement,
                        harness=harness,
                        pair=pair,
                        place=place,
                        series=series,
                    )
                    try:
                        found = self._harnesses.measure(harness, operation, pair, calibrated[operation.name])
                        self._keep(replace(row, measured=found))
                    except FAILURES as failure:
                        self._keep(replace(row, reason=str(failure) or type(failure).__name__))
        return as_frame(self._rows)

    def _calibrated(self) -> dict[str, Calibrated]:
        """Loops of every operation that works; one process of each harness also fills the bytecode caches."""
        found: dict[str, Calibrated] = {}
        for operation in self._chosen:
            try:
                first = self._harnesses.by_lab(operation, 0, None)
                calibrated = Calibrated(first.loops, statistics.median(first.values_ns))
                self._harnesses.measure("bare", operation, 0, calibrated)
                self._harnesses.measure("pyperf", operation, 0, calibrated)
            except FAILURES as failure:
                reason = f"before the first pair: {failure}"
                row = Process(operation=operation.name, placement=operation.placement, harness="lab", reason=reason)
                self._keep(row)
                continue
            found[operation.name] = calibrated
        return found

    def _keep(self, row: Process) -> None:
        self._rows.append(row)
        self._setup.append_raw("accuracy.jsonl", row)

    def _too_wide(self, active: Sequence[Operation]) -> list[Operation]:
        """The operations whose interval has to become narrower."""
        measured = as_frame(self._rows)
        good = measured[measured["reason"] == ""]
        wide = []
        for operation in active:
            values = _pair_values(good[good["operation"] == operation.name])
            if not has_enough_pairs(_log_ratios(values, "lab", "bare"), operation.placement):
                wide.append(operation)
        return wide

    def _has_time(self, wide: int, pair: int, spent_s: float, budget_s: float) -> bool:
        """Whether there is time for one more pair; says so either way."""
        state = f"{plural(wide, 'interval is', 'intervals are')} still too wide after {plural(pair, 'pair')}"
        self._setup.say(f"accuracy: {state}" + ("; the time budget is used up" if spent_s > budget_s else ""))
        return spent_s <= budget_s


def as_frame(processes: Sequence[Process]) -> pd.DataFrame:
    """One row per process: operation, placement, harness, pair, place, series, reason, and what it measured.

    ``value_ns`` is the median of the batches, ``mean_ns`` their mean; then loops, wall_s and modules.
    """
    rows = []
    for process in processes:
        row = {name: getattr(process, name) for name in Process.__struct_fields__ if name != "measured"}
        found = process.measured
        row["value_ns"] = statistics.median(found.values_ns) if found else math.nan
        row["mean_ns"] = statistics.fmean(found.values_ns) if found else math.nan
        rows.append(row | {name: getattr(found, name, None) for name in ("loops", "wall_s", "modules")})
    return pd.DataFrame(rows)


def comparisons(measured: pd.DataFrame) -> list[Row]:
    """Three rows per operation, in the order of ``OPERATIONS``; ``measured`` is as ``as_frame`` gives it."""
    rows = []
    for operation in sorted(set(measured["operation"]), key=lambda name: (ORDER.get(name, len(ORDER)), name)):
        mine = measured[measured["operation"] == operation]
        placement: Placement = mine["placement"].iloc[0]
        values = _pair_values(mine[mine["reason"] == ""])
        failures = [reason for reason in mine["reason"] if reason]
        for one, other in COMPARISONS:
            ratio = paired_ratio(_log_ratios(values, one, other))
            row = Row(
                operation=operation,
                placement=placement,
                comparison=f"{one} / {other}",
                ratio=ratio.value,
                ci90_low=ratio.low,
                ci90_high=ratio.high,
                pairs=ratio.pairs,
                zone_low=ZONES[placement][0],
                zone_high=ZONES[placement][1],
                verdict=ratio.verdict(ZONES[placement]),
                verdict_5_percent=ratio.verdict(ZONE_5_PERCENT),
                failed=len(failures),
                reason=failures[0] if failures else "",
            )
            rows.append(row)
    return rows


def counted(rows: Sequence[Row]) -> Mapping[str, Mapping[str, int]]:
    """The number of operations per placement and verdict, the lab against the bare loop."""
    mine = [row for row in rows if row.comparison == "lab / bare"]
    placements = dict.fromkeys(row.placement for row in mine)
    return {place: Counter(row.verdict for row in mine if row.placement == place) for place in placements}


def _pair_values(good: pd.DataFrame) -> pd.DataFrame:
    """Values of one operation in nanoseconds: one row per pair, one column per harness."""
    if good.empty:
        return pd.DataFrame()
    if good["operation"].iloc[0] in BIMODAL:
        return good.pivot_table(index="pair", columns="harness", values="mean_ns", aggfunc="mean")
    return good.pivot_table(index="pair", columns="harness", values="value_ns", aggfunc="median")


def _log_ratios(values: pd.DataFrame, one: Harness, other: Harness) -> list[float]:
    """Logarithms of the ratios of the pairs that have both harnesses."""
    both = values[[one, other]].dropna() if {one, other} <= set(values.columns) else pd.DataFrame()
    return [math.log(row[0] / row[1]) for row in both.itertuples(index=False, name=None)]


class NullLoop(msgspec.Struct, frozen=True):
    """The output of ``bare/null_loop.py``: nanoseconds of each batch of so many loops."""

    agent_ns: tuple[int, ...]
    bare_ns: tuple[int, ...]
    loops: int


def measure_overhead(setup: Setup, *, processes: int) -> Overhead:
    """Measure an empty operation by ``case.measure`` against an empty bare loop, in so many processes.

    An operation that is timed in place pays less, because its batch contains the loop; here the call is included.
    """
    runner = setup.runner()
    stage = str(runner.stage(setup.interpreter))
    added_ns, reason = [], ""
    for number in range(processes):
        cpus = runner.cpus_for(setup.target(1), number)
        settings = {"mine": cpus, "batches": BATCHES}
        try:
            text, _ = run_script(str(setup.interpreter.executable), ["null_loop.py", stage], cpus, settings)
            found = msgspec.json.decode(text, type=NullLoop)
        except FAILURES as failure:
            reason = str(failure)
            continue
        setup.append_raw("null_loop.jsonl", found)
        added_ns.append((statistics.median(found.agent_ns) - statistics.median(found.bare_ns)) / found.loops)
    return judge_overhead(added_ns, reason)


def judge_overhead(added_ns: Sequence[float], reason: str = "") -> Overhead:
    """The verdict about what the loop adds in each process: the whole 95% t-interval decides."""
    if not added_ns:
        return Overhead(added_ns=None, processes=0, verdict="inconclusive", reason=reason)
    mean, low, high = t_interval(added_ns)
    verdict = goal_verdict(low, high, MAX_OVERHEAD_NS)
    return Overhead(added_ns=mean, ci_low=low, ci_high=high, processes=len(added_ns), verdict=verdict, reason=reason)
