"""Large CSVs that the second process writes, while this one goes on to what is made of the same rows.

They travel in pieces, of which the second process holds one or two at a time; the bytes are the same without it.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from lab.tables import csv_files, schema
from lab.tables.second_process import second_process


@dataclass(frozen=True, kw_only=True)
class Begun:
    """A CSV that the second process writes. ``again`` writes it here; it holds no rows that could else be given up."""

    path: Path
    again: Callable[[], None] = field(repr=False)
    given: list[Future[None]] = field(default_factory=list, repr=False)

    def give(self, work: Callable[..., None], *arguments: Any) -> None:  # noqa: ANN401 - those of the work
        """Let the second process do this after what it was given before."""
        try:
            piece = second_process().submit(work, self.path, *arguments)
        except BrokenExecutor as killed:
            piece = Future()
            piece.set_exception(killed)
        self.given.append(piece)

    def finish(self) -> None:
        """Wait until it is written, and let it take its place.

        Raises:
            OSError: it could not be written.
        """
        try:
            for piece in self.given:
                piece.result()
        except BrokenExecutor:  # it was killed, as by a limit of memory
            second_process.cache_clear()
            self.again()
        else:
            csv_files.finish(self.path)


def begin_write(
    frame: pd.DataFrame, path: Path, columns: tuple[schema.Column, ...], again: Callable[[], None]
) -> Begun:
    """Begin what ``tables.write`` does."""
    begun, full = Begun(path=path, again=again), csv_files.conform(frame, columns)
    begun.give(csv_files.begin, list(full.columns))
    for rows in csv_files.pieces(len(full)):
        begun.give(csv_files.append, full.iloc[rows])
    return begun


def begin_write_repeated(
    heads: pd.DataFrame, codes: csv_files.Codes, tails: pd.DataFrame, path: Path, again: Callable[[], None]
) -> Begun:
    """Begin what ``tables.write_repeated`` does."""
    begun = Begun(path=path, again=again)
    begun.give(csv_files.begin, [*heads.columns, *tails.columns])
    texts = csv_files.lines_of(csv_files.guarded(heads))
    for rows in csv_files.pieces(len(codes)):
        begun.give(csv_files.append_repeated, texts, codes[rows], tails.iloc[rows])
    return begun
