"""Command lines of further interpreters, isolated from packages that a base image has installed.

Whatever starts an interpreter uses ``command``. Processes of multiprocessing inherit the flags without it.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, List, Tuple


def command(*arguments: Any) -> List[str]:
    """Command line of a fresh interpreter that is as isolated as this one, with these ``arguments``.

    It uses this target's own interpreter, because a packed image has no other program.
    """
    flags = ["-I"]
    if sys.flags.no_site:
        flags.append("-S")
    if sys.flags.optimize:
        flags.append("-" + "O" * sys.flags.optimize)
    return [sys.executable, *flags, *map(str, arguments)]


def path() -> str:
    """The path of this target's interpreter, for messages."""
    return sys.executable


def in_users_environment(*arguments: Any) -> List[str]:
    """Command line of a fresh interpreter that finds the packages which the user's own code needs."""
    return [path(), *map(str, arguments)]


def isolation() -> Tuple[int, int, int]:
    """Flags of this process that decide what it imports: isolated (-I), no_site (-S), optimize (-O)."""
    return sys.flags.isolated, sys.flags.no_site, sys.flags.optimize
