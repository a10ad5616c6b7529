"""What a run may be given as: a folder, an archive, or a manifest alone. It needs no pandas, to refuse at once."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from lab.errors import BadFiles
from lab.runs.archive import check
from lab.runs.folder import MANIFEST, RunFolder


def refuse_what_is_no_run(path: Path) -> None:
    """Look at a run before the libraries that judge it are imported, which takes seconds.

    Raises:
        BadFiles: it is neither a run folder nor an archive of one nor a manifest.
    """
    if is_manifest(path):
        manifest_alone(path)
    elif path.is_file():
        check(path)
    else:
        RunFolder.existing(path).manifest()


def is_manifest(path: Path) -> bool:
    """Whether the name says that the file is a manifest alone."""
    return path.suffix == ".json" and path.is_file()


def manifest_alone(path: Path) -> dict[str, Any]:
    """A manifest in a file of any name; it is read like that of a folder.

    Raises:
        BadFiles: it is none.
    """
    with tempfile.TemporaryDirectory(prefix="lab-manifest-") as folder:
        (Path(folder) / MANIFEST).write_bytes(path.read_bytes())
        try:
            return RunFolder.existing(Path(folder)).manifest()
        except BadFiles as error:
            raise BadFiles(str(error).replace(str(Path(folder) / MANIFEST), str(path))) from None
