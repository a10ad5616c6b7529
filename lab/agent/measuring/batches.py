"""Calibration, warm-up and batches. A batch is ``loops`` operations timed as one; the clock is the batch's own.

A batch is a callable that takes a number of loops and returns the nanoseconds they took, or one number for each of
several operations that share the loops, the first being the one that decides about their number.
"""

from __future__ import annotations

import time
from itertools import repeat

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, Dict, Optional, Tuple, Union

    Elapsed = Union[int, Dict[str, int]]
    Batch = Callable[[int], Elapsed]
    Window = Callable[[int], Tuple[Elapsed, int]]

MAX_LOOPS = 1_000_000_000
COLD_FACTOR = 10.0  # a first call takes this much longer at most
STEPS_A_BATCH = 120  # with what calibration misses by, one step of the clock is then below 1 % of a batch
STEPS_SEEN = 3
RUN_IN_SHARE = 0.1  # of a batch's loops, run untimed before it
RUN_IN_LEAST = 3  # steps of a batch below which a tenth of it is none
RUN_IN_STEP_NS = 10_000_000  # of a longer step what reading the counters does to it is a small part


def clock_step_ns(steps: int = STEPS_SEEN) -> int:
    """The smallest step of the clock that times batches, in nanoseconds, as seen over so many steps of it.

    On a clock that is finer than what reading it costs, that cost. What the system tells of a resolution is a promise:
    Windows's clock of 100 ns has ticked at 15.6 ms (cpython#116781).
    """
    clock = time.perf_counter_ns
    smallest = 0
    for _ in repeat(None, steps):
        before = after = clock()
        while after == before:
            after = clock()
        smallest = min(smallest, after - before) if smallest else after - before
    return smallest


def long_enough_ns(target_ns: float) -> float:
    """The target of a batch, or a longer one where the clock is too coarse for it."""
    return max(target_ns, float(STEPS_A_BATCH * clock_step_ns()))


def timed(operation: Callable[[], object]) -> Batch:
    """A batch that calls ``operation`` in a plain loop; the loop itself costs some tens of ns an operation."""

    def batch(loops: int) -> int:
        clock = time.perf_counter_ns
        start = clock()
        for _ in repeat(None, loops):
            operation()
        return clock() - start

    return batch


def calibrate(batch: Batch, target_ns: float, step: int = 1, cost: Optional[Callable[[int], float]] = None) -> int:
    """The number of loops, a multiple of ``step``, with which a batch takes about ``target_ns``.

    ``loops * target / elapsed``, repeated with ten times as many at most until a batch takes a quarter of the target,
    so that the cold first calls do not decide. It must take that long twice: one late start of another process would
    else leave batches of a few operations. ``cost`` tells what a batch of so many loops counts instead of its wall
    time; under a quota that is what it will take once the quota bites.
    """
    measure = cost or (lambda loops: float(primary(batch(loops))))
    if measure(step) > COLD_FACTOR * target_ns:
        return step  # however cold it was, one warm call is longer than the target
    loops = step
    while True:
        spent = max(measure(loops), 1.0)
        if spent >= target_ns / 4:
            spent = max(min(spent, measure(loops)), 1.0)
        wanted = loops * target_ns / spent
        if spent >= target_ns / 4 or loops >= MAX_LOOPS:
            return _multiple(wanted, step)
        loops = _multiple(min(wanted, loops * 10.0), step)


def run_in_loops(loops: int, step: int = 1, step_ns: float = 0.0, phase: float = 0.0) -> int:
    """The loops that are run untimed right before a batch of so many, a multiple of ``step``; 0 for none.

    ``step_ns``: how long a step takes. A batch of one or two has a whole one as its run-in, unless that is long.
    ``phase``: by what share of the batch the run-in is longer than it need be, from 0 to 1, another one for each.

    Reading the counters beside a batch leaves other things in the caches, the CPU of the other side asleep and this
    process at the end of the scheduler's queue. The operations that follow pay for that: it is the lab's doing, not
    what the operation costs. Threads that give way to one another begin anew after such a pause: those of a Pool on one
    CPU do so in turns of some milliseconds, and batches of ten that all began at the same point of a turn would show it
    as a bias. So they begin at any point of it, as windows do in a quota's period. Where nothing takes turns a phase
    would only cost time: half a batch beside each.
    """
    if loops < RUN_IN_LEAST * step:
        return step if step_ns <= RUN_IN_STEP_NS else 0
    return _multiple(max(loops * (RUN_IN_SHARE + phase), step), step)


def at_least(batch: Batch, shortest_ns: int, step: int = 1) -> Window:
    """The batch, gone on with by tenths of its loops until it has taken ``shortest_ns``.

    For windows under a quota, whose loops were calibrated while the machine may have been slower: a window must hold
    ten whole periods. It returns the time and the loops that were really run.
    """

    def window(loops: int) -> Tuple[Elapsed, int]:
        elapsed = batch(loops)
        total = loops
        while primary(elapsed) < shortest_ns:
            more = _multiple(loops / 10, step)
            elapsed = added(elapsed, batch(more))
            total += more
        return elapsed, total

    return window


def added(one: Elapsed, other: Elapsed) -> Elapsed:
    """The sum of two batches' times, operation by operation."""
    if isinstance(one, dict) and isinstance(other, dict):
        return {name: value + other[name] for name, value in one.items()}
    return primary(one) + primary(other)


def primary(elapsed: Elapsed) -> int:
    """The first of a batch's numbers."""
    if isinstance(elapsed, dict):
        return next(iter(elapsed.values()))
    return elapsed


def slowed(batch: Batch, percent: float) -> Batch:
    """The same batch with its times made longer by a known amount, for tests of the lab itself.

    It is recorded in the manifest and shown in the report. Only the numbers are changed, for that is all that a busy
    wait behind the batch would add to them, while the wait itself changes what is measured next: it takes the CPU from
    other sides that share it, and the scheduler pays that back in the batch that follows.
    """
    if not percent:
        return batch
    factor = 1 + percent / 100

    def slower(loops: int) -> Elapsed:
        elapsed = batch(loops)
        if isinstance(elapsed, dict):
            return {name: round(value * factor) for name, value in elapsed.items()}
        return round(elapsed * factor)

    return slower


def _multiple(loops: float, step: int) -> int:
    return max(1, round(min(loops, MAX_LOOPS) / step)) * step
