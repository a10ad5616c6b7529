"""The progress of a tune: a bar on a terminal, a line per stage elsewhere, nothing with --quiet."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Self

from rich.progress import BarColumn, TextColumn
from rich.table import Column

from lab.running.progress import Bar
from lab.text import in_words, plural

if TYPE_CHECKING:
    from rich.console import Console


class Display:
    """Shows stage, options and time of the search on one target; as a context manager it removes its bar at the end.

    It draws when a block begins, never while one is measured.
    """

    def __init__(self, console: Console, target: str, budget_s: float, *, quiet: bool) -> None:
        self._console = console
        self._target = target
        self._budget_s = budget_s
        self._stage = ""
        self._show: Callable[[str, int, float], None] = self._line
        self._bar: Bar | None = None
        if quiet:
            self._show = lambda *_: None
        elif console.is_terminal:
            columns = (
                TextColumn(target),
                BarColumn(bar_width=20),
                TextColumn("{task.fields[left]} left"),
                TextColumn("{task.description}", table_column=Column(ratio=1, no_wrap=True, overflow="ellipsis")),
            )
            self._bar = Bar(*columns, console=console, auto_refresh=False, transient=True, expand=True)
            self._task = self._bar.add_task("items", total=budget_s, left=in_words(budget_s))
            self._show = self._draw

    def __enter__(self) -> Self:
        """Start the bar."""
        if self._bar:
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Remove the bar."""
        if self._bar:
            self._bar.stop()

    def __call__(self, stage: str, choices: int, spent_s: float) -> None:
        """Show that a block begins."""
        self._show(stage, choices, spent_s)

    def _line(self, stage: str, choices: int, spent_s: float) -> None:
        if stage != self._stage:
            self._stage = stage
            text = f"{self._target} {stage}: {plural(choices, 'option')}, {self._left(spent_s)} left"
            self._console.print(text, markup=False, highlight=False, soft_wrap=True)

    def _draw(self, stage: str, choices: int, spent_s: float) -> None:
        assert self._bar
        self._bar.update(
            self._task,
            completed=min(spent_s, self._budget_s),
            left=self._left(spent_s),
            description=f"{stage}: {plural(choices, 'option')}",
            refresh=True,
        )

    def _left(self, spent_s: float) -> str:
        return in_words(max(0.0, self._budget_s - spent_s))
