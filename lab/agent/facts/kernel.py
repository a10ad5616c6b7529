"""Reading of the kernel's files: ``/proc``, ``/sys`` and control groups."""

from __future__ import annotations

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
