"""Limits of the kernel that decide whether a mechanism can carry a message."""

from __future__ import annotations

import os

from lab.agent.case import Unsupported

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional


def kernel_limit(name: str) -> Optional[int]:
    """The number in ``/proc/sys/NAME``; None where there is none."""
    try:
        with open("/proc/sys/" + name, encoding="ascii") as file:
            return int(file.read())
    except (OSError, ValueError):
        return None


def require_at_most(size: int, name: str, what: str) -> None:
    """``Unsupported`` unless a message of ``size`` bytes is within the kernel's limit."""
    limit = kernel_limit(name)
    if limit is not None and size > limit:
        raise Unsupported(
            "%s: a message of %d bytes is beyond the kernel's limit %s = %d"
            % (what, size, name.replace("/", "."), limit)
        )


def require_room(folder: str, size: int) -> None:
    """``Unsupported`` unless the file system of ``folder`` has ``size`` bytes free: without, the first touch kills."""
    if not hasattr(os, "statvfs"):
        return
    try:
        found = os.statvfs(folder)
    except OSError:
        return
    free = found.f_bavail * found.f_frsize
    if size > free:
        raise Unsupported("needs %d bytes in %s, which has %d free" % (size, folder, free))
