"""Many figures as files, by a second process beside this one where there is a CPU for it.

To lay a figure out needs the run's data and little time; to put it on paper, once as SVG and once as PNG, takes most of
a report's time and needs the figure alone. So figures are laid out here, and travel to ``lab.tables.second_process``;
both processes make the same bytes.
"""

from __future__ import annotations

from concurrent.futures import BrokenExecutor, Future, ProcessPoolExecutor
from typing import TYPE_CHECKING

from lab.report.drawing.save import save
from lab.tables.second_process import is_there, second_process, usable_cpus

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from matplotlib.figure import Figure

WORTH_A_PROCESS = 6  # figures: with fewer it has hardly started when this process is done


def save_all(figures: Iterable[tuple[str, Figure]], folder: Path) -> dict[str, str]:
    """Write NAME.svg and NAME.png of each into the folder; name -> the SVG's text, in the order given.

    Where figures are laid out as they are asked for, a second process that is there begins with the first of them.
    """
    if usable_cpus() < 2:  # noqa: PLR2004 - this process needs one itself
        return {name: save(figure, folder, name) for name, figure in figures}
    if not is_there():
        figures = list(figures)
        if len(figures) < WORTH_A_PROCESS:
            return {name: save(figure, folder, name) for name, figure in figures}
    return shared(figures, folder, second_process())


def shared(figures: Iterable[tuple[str, Figure]], folder: Path, other: ProcessPoolExecutor) -> dict[str, str]:
    """The same; the other process works from the first figure on and this one from the last, until they meet."""
    folder = folder.absolute()  # the other process may have been started in another one
    there: dict[str, Figure] = {}
    given: dict[str, Future[str]] = {}
    rest = iter(figures)
    try:
        for name, figure in rest:
            there[name] = figure
            given[name] = other.submit(save, figure, folder, name)
        texts = {name: _text(given[name], there[name], folder, name) for name in reversed(given)}
    except BrokenExecutor:  # it was killed, as by a limit of memory; what it has begun is made again
        second_process.cache_clear()
        there |= rest
        texts = {name: save(figure, folder, name) for name, figure in there.items()}
    return {name: texts[name] for name in there}


def _text(given: Future[str], figure: Figure, folder: Path, name: str) -> str:
    """The SVG of a figure that the other process has or has begun, else made here."""
    return save(figure, folder, name) if given.cancel() else given.result()
