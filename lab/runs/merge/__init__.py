"""Merge several runs into one run folder: shards of a plan, or runs of several machines.

Raw files are copied unchanged under new names. The manifest of the merged run records which run each file came from,
and the new label of its target. Every machine keeps its own targets, so no ratio is taken across machines.
"""

from __future__ import annotations

import datetime as dt
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from msgspec.structs import replace

from lab.errors import BadFiles, is_unreadable
from lab.runs.folder import RAW, RunFolder
from lab.runs.merge.joined import joined_manifest, missing_in_words
from lab.runs.merge.parts import Part, compatible_parts, read_part

__all__ = ["merge"]


def merge(runs: Sequence[Path], out: Path, left_out: Callable[[str], None] = lambda _: None) -> RunFolder:
    """Merge runs into a new folder ``out``, without its CSVs and report.

    ``left_out`` is called with a sentence for each run that was not merged.

    Raises:
        BadFiles: a folder is not a run, or the runs do not belong together; the message says what differs.
        UsageError: ``out`` is not an empty folder.
    """
    parts, notes = compatible_parts([read_part(run) for run in runs])
    folder = RunFolder.create(out)
    with folder:
        manifest = joined_manifest(parts, notes, dt.datetime.now(dt.UTC))
        for number, part in enumerate(parts, 1):
            _copy_raw(part, number, out / RAW)
        folder.write_manifest(replace(manifest, raw_files=folder.records()))
        for sentence in (*notes, *missing_in_words(parts)):
            left_out(sentence)
    return folder


def _copy_raw(part: Part, number: int, raw: Path) -> None:
    """Copy the raw files of part ``number``, and their torn lines, as ``p<number>.<name>``."""
    try:
        for path in sorted((part.path / RAW).iterdir()):
            shutil.copyfile(path, raw / f"p{number}.{path.name}")
    except OSError as error:
        if not is_unreadable(error):  # for example a full disk, which is not a fault of the run
            raise
        raise BadFiles(
            f"{error.filename} cannot be read ({error.strerror}); change its permissions and retry"
        ) from None
