"""Semaphores that a killed process left in ``/dev/shm``.

By fork CPython unlinks the name of a semaphore at once after making it (``SemLock``), but a process can be killed
between the two calls, and no resource tracker knows of that name. Its file is then mapped by nobody.
"""

from __future__ import annotations

import contextlib
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import List, Set

SHARED_MEMORY = os.path.abspath("/dev/shm")  # noqa: S108 - where Linux keeps them; on Windows there is no such folder
PREFIX = "sem.mp-"


def semaphores(folder: str = SHARED_MEMORY) -> Set[str]:
    """Names of multiprocessing's semaphores that have a file; none where the system keeps them elsewhere."""
    try:
        return {name for name in os.listdir(folder) if name.startswith(PREFIX)}
    except OSError:
        return set()


def remove_orphans(before: Set[str], folder: str = SHARED_MEMORY) -> List[str]:
    """Remove those that are new since ``before`` and that no process has mapped; their names.

    Whoever makes one has it mapped before its file has that name, so that another program's is never taken for ours.
    """
    new = semaphores(folder) - before
    orphans = sorted(new - mapped(new, folder)) if new else []
    for name in orphans:
        with contextlib.suppress(OSError):
            os.unlink(os.path.join(folder, name))
    return orphans


def mapped(names: Set[str], folder: str = SHARED_MEMORY) -> Set[str]:
    """Those among the files of ``folder`` that a living process has mapped.

    By device and inode: glibc makes a semaphore under a passing name, maps it, and links the lasting name to it
    (``sem_open``), so that the map of the process that made it shows the other name, as deleted.
    """
    found: Set[str] = set()
    marks = {name: mark for name in names for mark in _marks(os.path.join(folder, name))}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open("/proc/%s/maps" % pid, encoding="utf-8", errors="replace") as file:
                text = file.read()
        except OSError:
            continue
        found |= {name for name, mark in marks.items() if mark in text}
    return found


def _marks(path: str) -> List[str]:
    """Device and inode as they stand in ``/proc/PID/maps``, see proc(5); empty where the file has gone meanwhile."""
    try:
        status = os.stat(path)
    except OSError:
        return []
    return [" %02x:%02x %d " % (os.major(status.st_dev), os.minor(status.st_dev), status.st_ino)]
