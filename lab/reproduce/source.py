"""Open a run that is named by its folder, its archive, or a manifest alone.

This module does not import pandas, so that a wrong name is refused at once.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lab.model import Manifest
from lab.runs.archive import opened
from lab.runs.folder import RunFolder, read_manifest


@dataclass(frozen=True, kw_only=True)
class Source:
    """A run as the user named it; ``folder`` is None where there is only a manifest."""

    path: Path
    manifest: Manifest
    folder: RunFolder | None = None


@contextlib.contextmanager
def open_source(path: Path) -> Iterator[Source]:
    """Open a run; an archive is unpacked while the context lasts.

    Raises:
        BadFiles: the path is neither a run folder, nor an archive of one, nor a manifest.
    """
    if path.suffix == ".json" and path.is_file():
        yield Source(path=path, manifest=read_manifest(path))
        return
    with opened(path) as unpacked:
        folder = RunFolder.existing(unpacked)
        yield Source(path=path, manifest=folder.manifest(), folder=folder)
