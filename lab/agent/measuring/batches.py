"""Batches, their calibration and their warm-up. A batch times ``loops`` operations as one, by its own clock readings.

A batch is a callable that takes a number of loops and returns the nanoseconds they took. If several operations share
the loops it returns name -> nanoseconds; the first, the primary operation, decides the number of loops.
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
COLD_FACTOR = 10.0  # upper bound of how much longer a first call takes
SURELY_LONGER = 2  # a second call that takes so many targets is not just a late start of another process
GUESS_FACTOR = 2.0  # how much a batch of remembered loops may differ from its target
STEPS_PER_BATCH = 120  # keeps one clock step below 1% of a batch, including the error of the calibration
STEPS_SEEN = 3
WARM_UP_SHARE = 0.1  # share of a batch's loops that run untimed before it
WARM_UP_LEAST = 3  # below this number of steps, a tenth of a batch rounds to none
WARM_UP_STEP_NS = 10_000_000  # reading the counters hardly affects steps longer than this


def clock_step_ns(steps: int = STEPS_SEEN) -> int:
    """Smallest of the first ``steps`` observed steps of the clock that times batches, in nanoseconds.

    It includes the cost of one reading. The reported resolution is not reliable: the clock of Windows with a
    resolution of 100 ns has ticked every 15.6 ms (cpython#116781).
    """
    clock = time.perf_counter_ns
    smallest = 0
    for _ in repeat(None, steps):
        before = after = clock()
        while after == before:
            after = clock()
        smallest = min(smallest, after - before) if smallest else after - before
    return smallest


def batch_target_ns(target_ns: float) -> float:
    """Target duration of a batch: ``target_ns``, or longer if the clock is too coarse for it."""
    return max(target_ns, float(STEPS_PER_BATCH * clock_step_ns()))


def timed(operation: Callable[[], object]) -> Batch:
    """A batch that calls ``operation`` in a plain loop, which costs some tens of ns per operation."""

    def batch(loops: int) -> int:
        clock = time.perf_counter_ns
        start = clock()
        for _ in repeat(None, loops):
            operation()
        return clock() - start

    return batch


def calibrate(
    batch: Batch,
    target_ns: float,
    step: int = 1,
    cost: Optional[Callable[[int], float]] = None,
    guess: float = 0,
) -> int:
    """Number of loops, a multiple of ``step``, with which a batch takes about ``target_ns``.

    It is ``loops * target / elapsed``. The number grows at most tenfold at a time until a batch takes a quarter of the
    target, so that cold first calls do not decide. A batch must take that long twice; otherwise one late start of
    another process would leave batches of a few operations. ``cost`` replaces the wall time of a batch of so many
    loops; under a quota it gives the time that the batch takes once it is throttled.

    ``guess`` is the number of loops of an earlier run (0: unknown), which one batch verifies (``verified_loops``).
    """
    measure = cost or (lambda loops: float(primary(batch(loops))))
    if guess:
        loops = multiple(guess, step)
        verified = verified_loops(loops, measure(loops), target_ns, step)
        if verified:
            return verified
    if measure(step) > COLD_FACTOR * target_ns:
        return step  # even a warm call takes longer than the target
    loops = step
    while True:
        spent = max(measure(loops), 1.0)
        if loops == step and spent >= SURELY_LONGER * target_ns:
            return step
        if spent >= target_ns / 4:
            spent = max(min(spent, measure(loops)), 1.0)
        wanted = loops * target_ns / spent
        if spent >= target_ns / 4 or loops >= MAX_LOOPS:
            return multiple(wanted, step)
        loops = multiple(min(wanted, loops * 10.0), step)


def verified_loops(guess: int, spent_ns: float, target_ns: float, step: int) -> Optional[int]:
    """The loops that take ``target_ns``, if a batch of ``guess`` loops took about that; None if it must be calibrated.

    It must have taken between half the target and twice as long, or be a single step that takes longer.
    """
    if spent_ns * GUESS_FACTOR < target_ns or (spent_ns > GUESS_FACTOR * target_ns and guess != step):
        return None
    return multiple(guess * target_ns / spent_ns, step)


def warm_up_loops(loops: int, step: int = 1, step_ns: float = 0.0, phase: float = 0.0) -> int:
    """Number of loops to run untimed right before a batch of ``loops``, a multiple of ``step``; may be 0.

    ``step_ns`` is the duration of a step: a batch of one or two steps is preceded by a whole step, unless a step is
    long. ``phase``, from 0 to 1, lengthens the warm-up by that share of the batch.

    Reading the counters before a batch evicts data from the caches, lets the other side's CPU go to sleep and moves
    this process to the end of the scheduler's queue. The next operations are slower for that reason, which is an effect
    of the lab and not a cost of the operation. Threads that yield to one another also start a new cycle after such a
    pause: those of a Pool on one CPU alternate every few milliseconds, and batches that all began at the same point of
    the cycle would be biased. Different phases let them begin at any point of the cycle, as windows do in a quota's
    period. Where no threads alternate, a phase would only cost half a batch of time on average.
    """
    if loops < WARM_UP_LEAST * step:
        return step if step_ns <= WARM_UP_STEP_NS else 0
    return multiple(max(loops * (WARM_UP_SHARE + phase), step), step)


def at_least(batch: Batch, shortest_ns: int, step: int = 1) -> Window:
    """A window that repeats a tenth of the batch's loops after the batch until it has taken ``shortest_ns``.

    Under a quota a window must hold ten whole periods, although its loops may have been calibrated while the machine
    was slower. The window returns the time and the number of loops that it ran.
    """

    def window(loops: int) -> Tuple[Elapsed, int]:
        elapsed = batch(loops)
        total = loops
        while primary(elapsed) < shortest_ns:
            more = multiple(loops / 10, step)
            elapsed = added(elapsed, batch(more))
            total += more
        return elapsed, total

    return window


def added(one: Elapsed, other: Elapsed) -> Elapsed:
    """Sum of the times of two batches, operation by operation."""
    if isinstance(one, dict) and isinstance(other, dict):
        return {name: value + other[name] for name, value in one.items()}
    return primary(one) + primary(other)


def primary(elapsed: Elapsed) -> int:
    """Time of a batch's primary operation, in nanoseconds."""
    if isinstance(elapsed, dict):
        return next(iter(elapsed.values()))
    return elapsed


def slowed(batch: Batch, percent: float) -> Batch:
    """A batch that returns times longer by ``percent``, for tests of the lab itself.

    The slowdown is recorded in the manifest and shown in the report. Only the numbers change. A busy wait after the
    batch would add the same to them, but would also affect the next batch: it takes the CPU from other sides that share
    it, and the scheduler compensates them later.
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


def multiple(loops: float, step: int) -> int:
    """The number of loops, rounded to a multiple of ``step``: at least one step, at most about ``MAX_LOOPS``."""
    return max(1, round(min(loops, MAX_LOOPS) / step)) * step
