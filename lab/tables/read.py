"""All that derives from raw files in one pass over them, for reading a large run takes longer than its statistics.

The second process reads with this one: it takes groups of files from the first on and this one from the last, until
they meet. What was read travels as arrays, and is joined in the order of the files.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Future, ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from lab.runs.folder import RunFolder, attempts, labelled, read_raw
from lab.tables.conditions import Case, Columns, Row, Surroundings, canary_frame, canary_rows, cases
from lab.tables.samples import Gathered, Packed, Samples, identity_rows, missing_reasons
from lab.tables.second_process import second_process, worth_sharing

GROUPS = 48  # enough that the two end at about the same time, so few that what they cost each is small
Paths = list[tuple[Path, str | None]]
Cases = dict[tuple[str, str], Case]


@dataclass(frozen=True, kw_only=True)
class Read:
    """The rows of samples.csv, conditions.csv (``around``) and canary.csv."""

    samples: Samples
    around: pd.DataFrame
    canaries: pd.DataFrame


@dataclass(frozen=True, kw_only=True)
class Group:
    """What stands in some raw files that follow each other."""

    samples: Packed
    around: Columns
    canaries: list[Row]


def read_once(folder: RunFolder, meanwhile: Callable[[], object] = lambda: None) -> Read:
    """The same as ``gather``, ``conditions`` and ``canaries``, one after the other.

    ``meanwhile`` is work of the caller's, done before this process reads: the second one has begun by then.

    Raises:
        BadFiles: a raw file is damaged.
    """
    manifest = folder.manifest()
    paths, planned = folder.raw_paths(), cases(manifest)
    shared = worth_sharing(path for path, _ in paths)
    if shared:
        groups = read_together(paths, planned, second_process(), meanwhile)
    else:
        meanwhile()
        groups = [read_group(paths, planned)]
    gathered, surroundings = Gathered(identity_rows(manifest)), Surroundings(planned)
    for group in groups:
        gathered.add(group.samples)
        surroundings.add(group.around)
    gathered.take_unmeasured(missing_reasons(manifest))
    canaries = canary_frame([row for group in groups for row in group.canaries])
    del groups  # the tables take its place, one after the other
    around = surroundings.frame(manifest)
    return Read(samples=gathered.joined(), around=around, canaries=canaries)


def read_together(
    paths: Paths, planned: Cases, other: ProcessPoolExecutor, meanwhile: Callable[[], object] = lambda: None
) -> list[Group]:
    """The files in their order, in groups, by both processes."""
    size = -(-len(paths) // GROUPS)
    parts = [paths[start : start + size] for start in range(0, len(paths), size)]
    try:
        given = [other.submit(read_group, part, planned) for part in parts]
        meanwhile()
        found = [_group(future, part, planned) for future, part in zip(reversed(given), reversed(parts), strict=True)]
    except BrokenExecutor:  # it was killed, as by a limit of memory; this process reads all of it
        second_process.cache_clear()
        return [read_group(part, planned) for part in parts]
    return found[::-1]


def _group(given: Future[Group], part: Paths, planned: Cases) -> Group:
    """The group that the other process has read or has begun, else read here."""
    return read_group(part, planned) if given.cancel() else given.result()


def read_group(paths: Paths, planned: Cases) -> Group:
    """What stands in these files of the planned cells.

    Raises:
        BadFiles: one of them is damaged.
    """
    gathered, surroundings = Gathered(planned), Surroundings(planned)
    canaries: list[Row] = []
    for path, label in paths:
        raw = labelled(read_raw(path), label)
        tries = attempts(raw)
        gathered.take_file(raw, tries)
        surroundings.take(raw, tries)
        canaries += canary_rows(raw)
    return Group(samples=gathered.packed(), around=surroundings.packed(), canaries=canaries)
