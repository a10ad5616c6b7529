"""Removal of semaphores that a killed cell left in ``/dev/shm``.

With fork, CPython unlinks a semaphore's name right after creating it (``SemLock``). A process that is killed between
the two calls leaves the file behind, and no resource tracker knows the name. Each cell's processes give their
semaphores a prefix of the cell's own, so that a name says which cell made it, also where several containers share one
``/dev/shm`` and none sees the processes of another.
"""

from __future__ import annotations

import contextlib
import os
import secrets

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import List

SHARED_MEMORY = os.path.abspath("/dev/shm")  # noqa: S108 - Linux keeps them there; Windows has no such folder
FILE = "sem."  # glibc adds it to the name
PREFIX = "/mp"  # multiprocessing's own


def new_prefix(folder: str = SHARED_MEMORY) -> str:
    """A prefix for one cell; empty where the system does not show its semaphores as files."""
    return PREFIX + secrets.token_hex(6) if os.path.isdir(folder) else ""


def name_by(prefix: str) -> None:
    """Let this process, and all that multiprocessing starts from it, name their semaphores by the prefix.

    Processes copy this setting from the one that makes their ``Process`` object (``BaseProcess.__init__``).
    """
    import multiprocessing.process

    multiprocessing.process.current_process()._config["semprefix"] = prefix  # type: ignore[attr-defined]  # noqa: SLF001 - no public way


def remove_left(prefix: str, folder: str = SHARED_MEMORY) -> List[str]:
    """Remove the semaphores of an ended cell, known by its prefix; return their names."""
    if not prefix:
        return []
    start = FILE + prefix.lstrip("/") + "-"
    try:
        left = sorted(name for name in os.listdir(folder) if name.startswith(start))
    except OSError:
        return []
    for name in left:
        with contextlib.suppress(OSError):
            os.unlink(os.path.join(folder, name))
    return left
