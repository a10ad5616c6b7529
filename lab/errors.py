"""The exit codes, one meaning each, and the errors whose messages say what to do next."""

from __future__ import annotations

import errno
import os
from enum import IntEnum
from pathlib import Path


class ExitCode(IntEnum):
    """What the process's exit code says; the table in ``--help`` is made of these."""

    DONE = 0
    CELLS_FAILED = 1
    USAGE = 2
    NOTHING_TO_RUN_ON = 3
    REGRESSION = 4
    BAD_FILES = 5
    INTERRUPTED = 130


MEANINGS = {
    ExitCode.DONE: "done",
    ExitCode.CELLS_FAILED: "done, but cells failed",
    ExitCode.USAGE: "usage: the command line cannot be carried out",
    ExitCode.NOTHING_TO_RUN_ON: "nothing to run on: no engine, no image, no interpreter",
    ExitCode.REGRESSION: "compare found a regression",
    ExitCode.BAD_FILES: "bad or foreign input files",
    ExitCode.INTERRUPTED: "interrupted; finished cells are kept",
}


class LabError(Exception):
    """An error the user can act upon: the message is one sentence with the next step."""

    exit_code = ExitCode.USAGE


class UsageError(LabError):
    """What was asked for does not exist or contradicts itself."""


class NothingToRunOn(LabError):
    """There is no engine, no image or no interpreter for what was asked."""

    exit_code = ExitCode.NOTHING_TO_RUN_ON


class EngineError(NothingToRunOn):
    """The container engine answers, but refuses or fails."""


class TargetUnsupported(LabError):
    """This machine cannot give a target what it needs; its cells become rows with this as their reason."""


class BadFiles(LabError):
    """A file or folder is not what the lab wrote, or was written by another version of it."""

    exit_code = ExitCode.BAD_FILES


class Interrupted(LabError):
    """The user stopped the run; what had finished is kept."""

    exit_code = ExitCode.INTERRUPTED


def of_the_system(error: OSError) -> str:
    """What the operating system refused, as a sentence with the next step: a full disk, a folder of somebody else."""
    what = f"{error.filename}: {error.strerror}" if error.filename else (error.strerror or str(error))
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"{what}: free some space, then repeat the command; a run that had begun goes on with --resume"
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return f"{what}: name a folder that this user may read and write, or have its permissions changed"
    return f"{what}: put that right, then repeat the command"


def is_unreadable(error: OSError) -> bool:
    """Whether it is about a file that is there and cannot be read; else something cannot be written or reached."""
    named = error.filename
    return isinstance(named, str | os.PathLike) and Path(named).exists() and not os.access(named, os.R_OK)
