"""Estimate the remaining cells and time of a run from the plan's estimates, corrected by every cell that ends.

The plan's estimates have the weight of ``TRUST_S`` measured seconds. Otherwise the first cell, whose time includes the
start of its container, would turn an estimate of twenty minutes into an hour.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence

from lab.model import Cell
from lab.running.state import PERMANENT_STATUSES
from lab.text import in_words

TRUST_S = 20.0
EXCLUDING_STATUSES = (*PERMANENT_STATUSES, "skipped")  # the run does not measure such a cell again


class Remaining:
    """Counts down the cells and the time of a run's planned rounds.

    Args:
        cells: the planned cells.
        rounds: how often each cell is measured.
        budget_s: the time limit of the whole run in seconds.
        done: round -> cell id -> processes that a resumed run has finished already.
        excluded: ids of cells that are not measured any more.
        processes: cell id -> how often it is measured in each round, where that is more than once.
        clock: a monotonic clock in seconds.
    """

    def __init__(
        self,
        cells: Sequence[Cell],
        rounds: int,
        budget_s: float,
        *,
        done: Mapping[int, Mapping[str, int]],
        excluded: Collection[str],
        processes: Mapping[str, int] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.cells_done = 0
        self._clock = clock
        self._began_s = clock()
        self._budget_s = budget_s
        self._measured_s = 0.0
        measurable = [cell for cell in cells if cell.id not in excluded]
        self._open = {
            (number, cell.id): left
            for number in range(rounds)
            for cell in measurable
            if (left := (processes or {}).get(cell.id, 1) - done.get(number, {}).get(cell.id, 0)) > 0
        }
        self._rounds = rounds
        self._estimates_s = {cell.id: cell.estimate_s for cell in cells}
        self._open_s = self._estimated_s()

    @property
    def cells(self) -> int:
        """The number of cells that have ended since the start plus those that remain in the planned rounds."""
        return self.cells_done + sum(self._open.values())

    def replan(self, processes: Mapping[str, int], late: Collection[str]) -> None:
        """Count what follows the first round anew, by the plan as its durations have corrected it.

        Args:
            processes: cell id -> how often each cell that is still measured is measured in a round.
            late: ids of cells that begin with the second round.
        """
        self._open = {
            (number + (cell in late), cell): count
            for cell, count in processes.items()
            for number in range(0 if cell in late else 1, self._rounds)
        }
        self._rounds += bool(late)
        self._open_s = self._estimated_s()

    def _estimated_s(self) -> float:
        return sum(self._estimates_s[cell] * left for (_, cell), left in self._open.items())

    def ended(self, number: int, cell: Cell, status: str) -> None:
        """Count a cell that has ended in a round; a cell that cannot be measured leaves its later rounds as well."""
        self.cells_done += 1
        excluded = status in EXCLUDING_STATUSES
        if not excluded:
            self._measured_s += cell.estimate_s
        for closed in range(number, self._rounds) if excluded else (number,):
            left = self._open.pop((closed, cell.id), 0)
            ended = left if excluded else min(1, left)
            self._open_s -= ended * cell.estimate_s
            if left > ended:
                self._open[closed, cell.id] = left - ended

    def left(self) -> str:
        """The time left in words: an estimate during the planned rounds, then the limit that the budget sets."""
        elapsed_s = self._clock() - self._began_s
        budget_left_s = max(0.0, self._budget_s - elapsed_s)
        if not self._open:
            return f"at most {in_words(budget_left_s)}"
        pace = (elapsed_s + TRUST_S) / (self._measured_s + TRUST_S)
        return in_words(min(pace * self._open_s, budget_left_s))
