"""What the user sees while the lab runs: a live bar on a terminal, plain lines elsewhere, nothing with --quiet.

Nothing is drawn by a thread or a timer: the host draws only when a cell has ended, never while a batch runs.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
from rich.progress import Progress as Bar

from lab.plan import Cell


class Progress(Protocol):
    """What a run tells while it goes on."""

    def block(self, number: int, index: int, count: int, target: str, cells: Sequence[Cell]) -> None:
        """A block of a round starts on a target."""
        ...

    def cell(self, number: int, cell: Cell, status: str, reason: str) -> None:
        """A cell has ended."""
        ...

    def note(self, text: str) -> None:
        """Something happened that the user should know."""
        ...

    def close(self) -> None:
        """The run is over."""
        ...


class Quiet:
    """Says nothing but what went wrong."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def block(self, number: int, index: int, count: int, target: str, cells: Sequence[Cell]) -> None:
        """Nothing."""

    def cell(self, number: int, cell: Cell, status: str, reason: str) -> None:
        """A line for a cell that failed."""
        del number
        if status in ("failed", "timeout"):
            self._console.print(f"{status}: {cell.id}: {reason}", markup=False, highlight=False, soft_wrap=True)

    def note(self, text: str) -> None:
        """The note."""
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)

    def close(self) -> None:
        """Nothing."""


class Clock:
    """Estimates what is left of a run from the cells that have ended, weighed by their expected durations."""

    def __init__(self, expected_s: float) -> None:
        self._began = time.monotonic()
        self._expected_s = expected_s
        self._ended_s = 0.0

    def ended(self, cell: Cell) -> None:
        """A cell has ended."""
        self._ended_s += cell.estimate_s

    def left(self) -> str:
        """Time left in words; a guess from the first cells on."""
        if not self._ended_s:
            return "…"
        elapsed = time.monotonic() - self._began
        left = max(0.0, elapsed / self._ended_s * (self._expected_s - self._ended_s))
        return f"{left / 60:.0f} min" if left > 90 else f"{left:.0f} s"  # noqa: PLR2004


class Lines(Quiet):
    """One plain line a block: for logs of CI runners."""

    def __init__(self, console: Console, expected_s: float) -> None:
        super().__init__(console)
        self._clock = Clock(expected_s)

    def block(self, number: int, index: int, count: int, target: str, cells: Sequence[Cell]) -> None:
        """The round, the block, the target and the time left."""
        self.note(
            f"round {number + 1} block {index + 1}/{count} {target}: {len(cells)} cells, {self._clock.left()} left"
        )

    def cell(self, number: int, cell: Cell, status: str, reason: str) -> None:
        """Counts it; a line where it failed."""
        super().cell(number, cell, status, reason)
        self._clock.ended(cell)


class Live(Quiet):
    """A bar that is drawn anew when a cell ends."""

    def __init__(self, console: Console, cells: int, expected_s: float) -> None:
        super().__init__(console)
        self._clock = Clock(expected_s)
        columns = (
            TextColumn("round {task.fields[number]}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[left]} left"),
            TextColumn("{task.description}"),
        )
        self._bar = Bar(*columns, console=console, auto_refresh=False, transient=True)
        self._task = self._bar.add_task("", total=cells, number=1, left="…")
        self._bar.start()

    def block(self, number: int, index: int, count: int, target: str, cells: Sequence[Cell]) -> None:
        """The round and the target in the bar."""
        del index, count, cells
        self._bar.update(self._task, number=number + 1, description=target, refresh=True)

    def cell(self, number: int, cell: Cell, status: str, reason: str) -> None:
        """One step of the bar."""
        super().cell(number, cell, status, reason)
        self._clock.ended(cell)
        self._bar.update(self._task, advance=1, description=cell.id, left=self._clock.left(), refresh=True)

    def close(self) -> None:
        """Take the bar away."""
        self._bar.stop()


def progress_for(console: Console, *, quiet: bool, cells: int, expected_s: float) -> Progress:
    """The form that fits where the output goes."""
    if quiet:
        return Quiet(console)
    if console.is_terminal:
        return Live(console, cells, expected_s)
    return Lines(console, expected_s)
