"""Removal of semaphores that a killed process left in ``/dev/shm``.

With fork, CPython unlinks a semaphore's name right after creating it (``SemLock``). A process that is killed between
the two calls leaves the file behind: no resource tracker knows the name, and no process has the file mapped.
"""

from __future__ import annotations

import contextlib
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import List, Set

SHARED_MEMORY = os.path.abspath("/dev/shm")  # noqa: S108 - Linux keeps them there; Windows has no such folder
PREFIX = "sem.mp-"


def semaphores(folder: str = SHARED_MEMORY) -> Set[str]:
    """File names of multiprocessing's semaphores; empty where the system keeps semaphores elsewhere."""
    try:
        return {name for name in os.listdir(folder) if name.startswith(PREFIX)}
    except OSError:
        return set()


def remove_orphans(before: Set[str], folder: str = SHARED_MEMORY) -> List[str]:
    """Remove semaphores that are new since ``before`` and mapped by no process; return their names.

    A living process maps its semaphore before the file gets this name, so another program's semaphore is never removed.
    """
    new = semaphores(folder) - before
    orphans = sorted(new - mapped(new, folder)) if new else []
    for name in orphans:
        with contextlib.suppress(OSError):
            os.unlink(os.path.join(folder, name))
    return orphans


def mapped(names: Set[str], folder: str = SHARED_MEMORY) -> Set[str]:
    """Those of the ``names`` in ``folder`` that a living process has mapped.

    Files are compared by device and inode: glibc creates a semaphore under a temporary name, maps it, and links the
    final name to it (``sem_open``), so the maps of its creator show the temporary name, marked as deleted.
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
    """Device and inode in the format of ``/proc/PID/maps``, see proc(5); empty if the file has vanished meanwhile."""
    try:
        status = os.stat(path)
    except OSError:
        return []
    return [" %02x:%02x %d " % (os.major(status.st_dev), os.minor(status.st_dev), status.st_ino)]
