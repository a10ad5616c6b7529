"""What is left of a run: cells and time, from the plan's own guesses at first and corrected by every cell that ends.

The guesses count as much as so many measured seconds (``TRUST_S``): the first cell, which pays for the start of its
container, shall not turn twenty minutes into an hour.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence

from lab.model import Cell
from lab.running.state import ALL_IS_OVER
from lab.text import in_words

TRUST_S = 20.0
OVER = (*ALL_IS_OVER, "skipped")  # the run has no more of it


class Remaining:
    """Counts the planned rounds of a run down.

    Args:
        cells: the plan.
        rounds: how often each of them is measured.
        budget_s: what the whole may take.
        done: round -> ids of cells that a run which is gone on with has behind it.
        over: ids of those that it leaves alone from now on.
        clock: seconds that only grow.
    """

    def __init__(
        self,
        cells: Sequence[Cell],
        rounds: int,
        budget_s: float,
        *,
        done: Mapping[int, Collection[str]],
        over: Collection[str],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.cells_done = 0
        self._clock = clock
        self._began_s = clock()
        self._budget_s = budget_s
        self._measured_s = 0.0
        going = [cell for cell in cells if cell.id not in over]
        self._open = {
            (number, cell.id): cell.estimate_s
            for number in range(rounds)
            for cell in going
            if cell.id not in done.get(number, ())
        }
        self._rounds = rounds
        self._open_s = sum(self._open.values())

    @property
    def cells(self) -> int:
        """Cells that have ended since the start and those that the planned rounds still have."""
        return self.cells_done + len(self._open)

    def ended(self, number: int, cell: Cell, status: str) -> None:
        """A cell of a round has ended; where it cannot be measured its later rounds are gone as well."""
        self.cells_done += 1
        over = status in OVER
        if not over:
            self._measured_s += cell.estimate_s
        for gone in range(self._rounds) if over else (number,):
            self._open_s -= self._open.pop((gone, cell.id), 0.0)

    def left(self) -> str:
        """Time left in words: a guess while planned rounds are open, after them the most that the budget allows."""
        elapsed_s = self._clock() - self._began_s
        budget_left_s = max(0.0, self._budget_s - elapsed_s)
        if not self._open:
            return f"at most {in_words(budget_left_s)}"
        pace = (elapsed_s + TRUST_S) / (self._measured_s + TRUST_S)
        return in_words(min(pace * self._open_s, budget_left_s))
