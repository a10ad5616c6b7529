"""What the kernel says in its files: ``/proc``, ``/sys`` and control groups."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional


def told(path: str) -> Optional[str]:
    """The text of one of its files, without the blanks about it; None where there is no such file."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read().strip()
    except OSError:
        return None
