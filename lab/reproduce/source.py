"""What a run may be given as: a folder, an archive, or a manifest alone. It needs no pandas, to refuse at once."""

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
    """A run that was given: its manifest, and its folder where there is more than the manifest."""

    path: Path
    manifest: Manifest
    folder: RunFolder | None = None


@contextlib.contextmanager
def run_given(path: Path) -> Iterator[Source]:
    """The run, an archive unpacked for as long as the context lasts.

    Raises:
        BadFiles: it is neither a run folder nor an archive of one nor a manifest.
    """
    if path.suffix == ".json" and path.is_file():
        yield Source(path=path, manifest=read_manifest(path))
        return
    with opened(path) as unpacked:
        folder = RunFolder.existing(unpacked)
        yield Source(path=path, manifest=folder.manifest(), folder=folder)
