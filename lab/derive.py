"""Everything that a run folder holds beside ``raw/`` and the manifest, made of them in order."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from lab.second_process import have_imported, worth_sharing

if TYPE_CHECKING:
    from lab.report.building import Report
    from lab.store import RunFolder


def derive(folder: RunFolder) -> Report:
    """Write all CSVs (of samples, conditions, estimates, laws, claims), the comparisons, the figures and the report.

    Raises:
        BadFiles: the folder's raw files or manifest are damaged.
    """
    if worth_sharing(path for path, _ in folder.raw_paths()):
        have_imported("lab.rawpass")
    from lab.rawpass import read_once

    # The import takes a second, in which the other process reads already.
    read = [read_once(folder, meanwhile=lambda: import_module("lab.derived"))]
    from lab.derived import derive_all

    return derive_all(folder, read.pop())  # it has no name here, so that it can be given up there
