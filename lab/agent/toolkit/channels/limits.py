"""Checks of the kernel's limits before a channel is created."""

from __future__ import annotations

import os

from lab.agent.case import Unsupported

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional


def kernel_limit(name: str) -> Optional[int]:
    """Number in ``/proc/sys/NAME``; None if there is none."""
    try:
        with open("/proc/sys/" + name, encoding="ascii") as file:
            return int(file.read())
    except (OSError, ValueError):
        return None


def require_at_most(size: int, name: str, what: str) -> None:
    """Check that a message of ``size`` bytes is within the limit ``/proc/sys/NAME``; ``what`` names the mechanism.

    Raises:
        Unsupported: the message is longer than the limit.
    """
    limit = kernel_limit(name)
    if limit is not None and size > limit:
        raise Unsupported(
            "%s: a message of %d bytes exceeds the kernel's limit %s = %d" % (what, size, name.replace("/", "."), limit)
        )


def require_room(folder: str, size: int) -> None:
    """Check that the file system of ``folder`` has ``size`` bytes free; if not, touching mapped pages kills a process.

    Raises:
        Unsupported: there is not enough space.
    """
    if not hasattr(os, "statvfs"):
        return
    try:
        found = os.statvfs(folder)
    except OSError:
        return
    free = found.f_bavail * found.f_frsize
    if size > free:
        raise Unsupported("the channel needs %d bytes in %s, which has only %d free" % (size, folder, free))
