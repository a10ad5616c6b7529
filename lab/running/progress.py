"""Show the progress of a run: a live bar on a terminal, plain lines elsewhere, failures alone with --quiet.

No thread and no timer draws: the host draws only when a cell has ended, so that drawing never disturbs a batch.
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
    """What a run reports to the user. Rounds and blocks count from 0."""

    def block(self, number: int, index: int, count: int, target: str, cells: Sequence[Cell]) -> None:
        """Report the start of block ``index`` of ``count`` in round ``number`` on a target."""
        ...

    def cell(self, number: int, cell: Cell, status: str, reason: str) -> None:
        """Report the end of a cell in round ``number``."""
        ...

    def note(self, text: str) -> None:
        """Report an event in one line."""
        ...

    def close(self) -> None:
        """End the display."""
        ...


class Quiet:
    """Prints failed cells and notes only."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def block(self, number: int, index: int, count: int, target: str, cells: Sequence[Cell]) -> None:
        """Print nothing: starts of blocks are not shown."""

    def cell(self, number: int, cell: Cell, status: str, reason: str) -> None:
        """Print a line for a cell that failed."""
        del number
        if status in ("failed", "timeout"):
            self._console.print(f"{status}: {cell.id}: {reason}", markup=False, highlight=False, soft_wrap=True)

    def note(self, text: str) -> None:
        """Print the note."""
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)

    def close(self) -> None:
        """Leave the printed lines as they are."""


class Lines(Quiet):
    """Prints one line per block, for logs of CI runners."""

    def __init__(self, console: Console, remaining: Remaining) -> None:
        super().__init__(console)
        self._remaining = remaining

    def block(self, number: int, index: int, count: int, target: str, cells: Sequence[Cell]) -> None:
        """Print the round, the block, the target, the number of cells and the time left."""
        left = self._remaining.left()
        self.note(f"round {number + 1} block {index + 1}/{count} {target}: {plural(len(cells), 'cell')}, {left} left")

    def cell(self, number: int, cell: Cell, status: str, reason: str) -> None:
        """Count the cell, and print a line if it failed."""
        super().cell(number, cell, status, reason)
        self._remaining.ended(number, cell, status)


@dataclass(frozen=True)
class Narrowed:
    """A renderable that leaves columns free for the terminal's echo of Ctrl-C, ``^C``.

    On a full line the echo would wrap, and the bar's last line would stay on the screen.
    """

    content: RenderableType

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Render the content with a width reduced by ``ECHO_COLUMNS``."""
        yield from console.render(self.content, options.update_width(max(1, options.max_width - ECHO_COLUMNS)))


class Bar(rich.progress.Progress):
    """rich's progress bar, narrower than the terminal."""

    def get_renderables(self) -> Iterable[RenderableType]:
        """Yield the parts of the bar, narrowed."""
        yield from map(Narrowed, super().get_renderables())


class Live(Quiet):
    """A progress bar that is drawn when a block starts and when a cell ends."""

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
        """Show the round and the target in the bar."""
        del index, count, cells
        self._draw(number, target)

    def cell(self, number: int, cell: Cell, status: str, reason: str) -> None:
        """Advance the bar by one cell."""
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
        """Remove the bar."""
        self._bar.stop()


def progress_for(console: Console, remaining: Remaining, *, quiet: bool) -> Progress:
    """The progress display for a console: quiet, a live bar on a terminal, or plain lines."""
    if quiet:
        return Quiet(console)
    return Live(console, remaining) if console.is_terminal else Lines(console, remaining)
