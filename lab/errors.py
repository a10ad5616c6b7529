"""The exit codes with their meanings, and the errors whose messages say what to do next."""

from __future__ import annotations

import errno
import os
import unicodedata
from enum import IntEnum
from pathlib import Path


class ExitCode(IntEnum):
    """The exit codes of the lab; the table in ``--help`` is generated from them."""

    DONE = 0
    CELLS_FAILED = 1
    USAGE = 2
    NOTHING_TO_RUN_ON = 3
    REGRESSION = 4
    BAD_FILES = 5
    INTERRUPTED = 130


MEANINGS = {
    ExitCode.DONE: "done",
    ExitCode.CELLS_FAILED: "done, but some cells failed",
    ExitCode.USAGE: "usage: the command line is invalid or cannot be carried out",
    ExitCode.NOTHING_TO_RUN_ON: "nothing to run on: no engine, image or interpreter was found",
    ExitCode.REGRESSION: "compare found a regression",
    ExitCode.BAD_FILES: "an input file is damaged or was not written by the lab",
    ExitCode.INTERRUPTED: "interrupted; the results of finished cells are kept",
}


LONGEST_MESSAGE = 4000  # characters
UNSHOWN = ("Cc", "Cf", "Cs")  # control characters, invisible ones that turn text round, broken characters


class LabError(Exception):
    """An error that the user can fix: its message names the problem and the next step."""

    exit_code = ExitCode.USAGE

    def __init__(self, message: str) -> None:
        super().__init__(_presentable(message))


class UsageError(LabError):
    """The options name something that does not exist, or contradict each other."""


class NothingToRunOn(LabError):
    """No engine, image or interpreter was found for the requested targets."""

    exit_code = ExitCode.NOTHING_TO_RUN_ON


class EngineError(NothingToRunOn):
    """The container engine answers, but refuses a request or fails."""


class TargetUnsupported(LabError):
    """This machine cannot provide what a target needs; the rows of its cells have the message as their reason."""


class BadFiles(LabError):
    """A file or folder was not written by the lab, is damaged, or was written by an incompatible version."""

    exit_code = ExitCode.BAD_FILES


class Interrupted(LabError):
    """The user stopped the run; the results of finished cells are kept."""

    exit_code = ExitCode.INTERRUPTED


def _presentable(message: str) -> str:
    """The message with what a foreign file may put into it made harmless for a terminal, shortened in its middle."""
    shown = "".join(
        letter.encode("unicode_escape").decode("ascii")
        if unicodedata.category(letter) in UNSHOWN and letter != "\n"
        else letter
        for letter in message
    )
    half = LONGEST_MESSAGE // 2
    return shown if len(shown) <= LONGEST_MESSAGE else f"{shown[:half]} … {shown[-half:]}"


def os_error_message(error: OSError) -> str:
    """Describe an error of the operating system, such as a full disk or missing permissions, with the next step."""
    what = f"{error.filename}: {error.strerror}" if error.filename else (error.strerror or str(error))
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"{what}: free some space and repeat the command; to continue a run that had started, add --resume"
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return f"{what}: choose a folder that this user may read and write, or change its permissions"
    return f"{what}: fix this and retry"


def is_unreadable(error: OSError) -> bool:
    """Whether the error concerns an existing file that cannot be read, rather than one that cannot be written."""
    named = error.filename
    return isinstance(named, str | os.PathLike) and Path(named).exists() and not os.access(named, os.R_OK)
