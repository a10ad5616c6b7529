"""Windows under a CPU quota, each of as many budgets as periods.

In a period of the quota the group runs until its budget of CPU time is spent, and is then stopped until the period
ends. A window that begins with an unspent budget, after a sleep for example, has one more budget than it has periods
stopped: its CPU time over its wall time exceeds the quota by 2.7% at half a CPU and by 3.4% at a quarter. So a window
begins right after the group has been throttled, and ends where the group has used whole budgets again.

Source: Documentation/scheduler/sched-bwc.rst of the Linux kernel; ``nr_throttled`` of cpu.stat is counted as the group
is let run again, at the end of the period.
"""

from __future__ import annotations

import time

from lab.agent.measuring.batches import added, at_least, multiple, primary

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, Dict, Optional, Tuple

    from lab.agent.measuring.batches import Batch, Elapsed

WINDOW_PERIODS = 10  # shorter windows are bimodal, and their median hides the quota
MARGIN = 1.1  # allows for the error of the calibration, so that a window still holds ten whole periods
PARTS = 20  # of a period's budget, between which the counters are looked at; an operation may be longer than that
TOLERANCE = 0.1  # of a budget: in a window of ten periods, half a per cent of CPU time at half a CPU
LONG_PERIODS = WINDOW_PERIODS // 2  # in which operations longer than a period may find the end of a window
PATIENCE_PERIODS = 4  # work that was not throttled for so long does not spend its budget
MOST_EXCESS = 0.01


class QuotaExceeded(RuntimeError):
    """The windows of a cell used more CPU time than their quota allows, so their times are too short."""


class Windows:
    """The windows of one operation.

    ``loops`` take about ``MARGIN`` times ``WINDOW_PERIODS`` once throttled. ``counters`` reads ``cpu_ns`` and
    ``throttled_periods`` of the control group; without the latter, windows end when they are long enough.
    """

    def __init__(
        self,
        batch: Batch,
        loops: int,
        step: int,
        *,
        counters: Callable[[], Dict[str, int]],
        quota: float,
        period_ns: int,
    ) -> None:
        self._batch = batch
        self._counters = counters
        self._quota = quota
        self._budget_ns = quota * period_ns
        self._period_ns = period_ns
        self._long_enough = at_least(batch, WINDOW_PERIODS * period_ns, step)
        self._part = multiple(loops / (MARGIN * WINDOW_PERIODS * PARTS), step)
        self._is_throttled = False
        self._spends_budgets = False  # whether the work has been seen to be throttled
        self._is_long = loops < MARGIN * WINDOW_PERIODS * step
        self._unaligned = 0  # windows whose end was not found
        self._cpu_ns = 0
        self._wall_ns = 0

    def warm_up(self) -> Tuple[int, int]:
        """Run until the group has just been throttled; return the loops, and the CPU time in ns of no loop.

        Before the first window the work itself is run, for work that waits is not throttled at all. After that a busy
        loop finds the next throttling, because an operation may be longer than a budget.
        """
        loops = spent_ns = 0
        start = self._throttlings()
        self._is_throttled = self._spends_budgets
        while start is not None and not self._is_throttled and spent_ns < PATIENCE_PERIODS * self._period_ns:
            spent_ns += primary(self._batch(self._part))
            loops += self._part
            self._is_throttled = (self._throttlings() or 0) > start
        self._spends_budgets = self._is_throttled
        busy_ns, start = time.process_time_ns(), self._throttlings()
        limit_ns = time.perf_counter_ns() + PATIENCE_PERIODS * self._period_ns
        while self._is_throttled and self._throttlings() == start:
            self._is_throttled = time.perf_counter_ns() < limit_ns
        return loops, time.process_time_ns() - busy_ns

    def window(self, loops: int) -> Tuple[Elapsed, int]:
        """Time a window of at least so many loops that ends at a whole budget; return the time and the loops.

        Where none is found within as many periods again, the window ends there; of operations that take longer than a
        period, which hit a whole budget by chance, within half as many.
        """
        before, start_ns = self._counters(), time.perf_counter_ns()
        elapsed, total = self._long_enough(loops)
        most_ns = primary(elapsed) + (LONG_PERIODS if self._is_long else WINDOW_PERIODS) * self._period_ns
        while self._is_throttled and not is_whole(before, self._counters(), self._budget_ns):
            if primary(elapsed) > most_ns:
                self._unaligned += 1
                break
            elapsed = added(elapsed, self._batch(self._part))
            total += self._part
        self._wall_ns += time.perf_counter_ns() - start_ns
        self._cpu_ns += self._counters().get("cpu_ns", 0) - before.get("cpu_ns", 0)
        return elapsed, total

    def verify(self) -> None:
        """Check the CPU time of all windows; one that did not end at a whole budget is uncertain by one.

        Raises:
            QuotaExceeded: it is more than the quota allows.
        """
        reason = excess(self._cpu_ns, self._wall_ns, self._quota, self._unaligned * self._budget_ns)
        if reason:
            raise QuotaExceeded(reason)

    def _throttlings(self) -> Optional[int]:
        return self._counters().get("throttled_periods")


def is_whole(before: Dict[str, int], after: Dict[str, int], budget_ns: float) -> bool:
    """Whether a group that had just been throttled has just been throttled again, within ``TOLERANCE`` of a budget."""
    if "cpu_ns" not in before or "cpu_ns" not in after:
        return False  # a quota as found limits a group of others too, whose CPU time is not the cell's
    throttlings = after["throttled_periods"] - before["throttled_periods"]
    used = (after["cpu_ns"] - before["cpu_ns"]) / budget_ns - throttlings
    return abs(used) <= TOLERANCE


def excess(cpu_ns: int, wall_ns: int, quota: float, uncertain_ns: float = 0.0) -> Optional[str]:
    """Why windows of ``cpu_ns`` CPU time in ``wall_ns`` cannot have been under the quota, or None if they can.

    ``uncertain_ns`` is the CPU time by which windows may have missed a whole number of budgets.
    """
    if cpu_ns <= quota * wall_ns * (1 + MOST_EXCESS) + uncertain_ns:
        return None
    used = cpu_ns / wall_ns
    return (
        "the timed windows used %.4f CPUs under a quota of %g, %.1f%% more than it allows; their times are too short"
        % (used, quota, (used / quota - 1) * 100)
    )
