"""Several runs as one: shards of a plan, or runs of several machines, in one run folder that is derived like any other.

Raw files are copied unchanged under names of their own; the joined manifest says which run each came from, and under
which label its target stands there. No ratio is taken across machines: each keeps its own targets.
"""

from __future__ import annotations

import datetime as dt
import shutil
from collections.abc import Sequence
from pathlib import Path

from lab.errors import BadFiles, is_unreadable
from lab.runs.folder import RAW, RunFolder
from lab.runs.merge.joined import joined_manifest
from lab.runs.merge.parts import Part, accepted, read_part

__all__ = ["merge"]


def merge(runs: Sequence[Path], out: Path) -> RunFolder:
    """Join the runs into a new folder ``out``, whose CSVs and report are still to be derived.

    Raises:
        BadFiles: a folder is no run, or the runs do not belong together; the message says what differs.
        UsageError: ``out`` is not an empty folder.
    """
    parts, notes = accepted([read_part(run) for run in runs])
    folder = RunFolder.create(out)
    with folder:
        manifest = joined_manifest(parts, notes, dt.datetime.now(dt.UTC))
        for number, part in enumerate(parts, 1):
            _copy_raw(part, number, out / RAW)
        folder.write_manifest(manifest)
    return folder


def _copy_raw(part: Part, number: int, raw: Path) -> None:
    """Copy the raw files of a part, and what was torn off them, as ``p1.<name>``."""
    try:
        for path in sorted((part.path / RAW).iterdir()):
            shutil.copyfile(path, raw / f"p{number}.{path.name}")
    except OSError as error:
        if not is_unreadable(error):  # a full disk, say: no fault of the run
            raise
        raise BadFiles(f"{error.filename} cannot be read ({error.strerror}); have its permissions changed") from None
