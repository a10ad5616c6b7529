"""Reading of the kernel's files: ``/proc``, ``/sys`` and control groups."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional


def read_text(path: str) -> Optional[str]:
    """Text of a file without surrounding blanks; None if it cannot be read."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read().strip()
    except OSError:
        return None


def last_level_cache_bytes(root: str = os.sep) -> Optional[int]:
    """Size in bytes of the largest cache of the first CPU; None if the kernel does not report it.

    Source: Documentation/ABI/testing/sysfs-devices-system-cpu, ``cache/index*/size``, in KiB with the letter K.
    """
    folder = os.path.join(root, "sys/devices/system/cpu/cpu0/cache")
    sizes = [read_text(os.path.join(folder, "index%d" % index, "size")) or "" for index in range(8)]
    found = [int(size[:-1]) * {"K": 1024, "M": 1_048_576}[size[-1]] for size in sizes if size[-1:] in ("K", "M")]
    return max(found) if found else None
