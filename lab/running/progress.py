"""What the user sees while the lab runs: a live bar on a terminal, plain lines elsewhere, nothing with --quiet.

Nothing is drawn by a thread or a timer: the host draws only when a cell has ended, never while a batch runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import rich.progress
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
from rich.table import Column

from lab.model import Cell
from lab.running.eta import Remaining
from lab.text import plural

ECHO_COLUMNS = 3


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


class Lines(Quiet):
    """One plain line a block: for logs of CI runners."""

    def __init__(self, console: Console, remaining: Remaining) -> None:
        super().__init__(console)
        self._remaining = remaining

    def block(self, number: int, index: int, count: int, target: str, cells: Sequence[Cell]) -> None:
        """The round, the block, the target and the time left."""
        left = self._remaining.left()
        self.note(f"round {number + 1} block {index + 1}/{count} {target}: {plural(len(cells), 'cell')}, {left} left")

    def cell(self, number: int, cell: Cell, status: str, reason: str) -> None:
        """Counts it; a line where it failed."""
        super().cell(number, cell, status, reason)
        self._remaining.ended(number, cell, status)


@dataclass(frozen=True)
class ShortOfTheEdge:
    """What is drawn some columns narrower than the terminal, whose own ^C else begins a line that stays there."""

    drawn: RenderableType

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """The same with less width."""
        yield from console.render(self.drawn, options.update_width(max(1, options.max_width - ECHO_COLUMNS)))


class Bar(rich.progress.Progress):
    """The library's bar, short of the edge."""

    def get_renderables(self) -> Iterable[RenderableType]:
        """The bar."""
        yield from map(ShortOfTheEdge, super().get_renderables())


class Live(Quiet):
    """A bar that is drawn anew when a cell ends."""

    def __init__(self, console: Console, remaining: Remaining) -> None:
        super().__init__(console)
        self._remaining = remaining
        columns = (
            TextColumn("round {task.fields[number]}"),
            BarColumn(bar_width=20),
            MofNCompleteColumn(),
            TextColumn("{task.fields[left]} left"),
            TextColumn("{task.description}", table_column=Column(ratio=1, no_wrap=True, overflow="ellipsis")),
        )
        self._bar = Bar(*columns, console=console, auto_refresh=False, transient=True, expand=True)
        self._task = self._bar.add_task("", total=remaining.cells, number=1, left=remaining.left())
        self._bar.start()

    def block(self, number: int, index: int, count: int, target: str, cells: Sequence[Cell]) -> None:
        """The round and the target in the bar."""
        del index, count, cells
        self._draw(number, target)

    def cell(self, number: int, cell: Cell, status: str, reason: str) -> None:
        """One step of the bar."""
        super().cell(number, cell, status, reason)
        self._remaining.ended(number, cell, status)
        self._draw(number, cell.id)

    def _draw(self, number: int, description: str) -> None:
        self._bar.update(
            self._task,
            completed=self._remaining.cells_done,
            total=self._remaining.cells,
            number=number + 1,
            left=self._remaining.left(),
            description=description,
            refresh=True,
        )

    def close(self) -> None:
        """Take the bar away."""
        self._bar.stop()


def progress_for(console: Console, remaining: Remaining, *, quiet: bool) -> Progress:
    """The form that fits where the output goes."""
    if quiet:
        return Quiet(console)
    return Live(console, remaining) if console.is_terminal else Lines(console, remaining)
