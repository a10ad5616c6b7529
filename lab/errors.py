"""The exit codes, one meaning each, and the errors whose messages say what to do next."""

from __future__ import annotations

from enum import IntEnum


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
