"""Starting another interpreter: the one way, so that nothing that is measured sees what a base image has installed.

What multiprocessing starts has these flags by itself.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, List, Tuple


def command(*arguments: Any) -> List[str]:
    """The command line of a fresh interpreter as isolated as this one, with these ``arguments``.

    It is the interpreter of this target: a packed image has no other program.
    """
    flags = ["-I"]
    if sys.flags.no_site:
        flags.append("-S")
    if sys.flags.optimize:
        flags.append("-" + "O" * sys.flags.optimize)
    return [sys.executable, *flags, *map(str, arguments)]


def isolation() -> Tuple[int, int, int]:
    """The flags of this process that decide what it imports: isolated, without site, optimised."""
    return sys.flags.isolated, sys.flags.no_site, sys.flags.optimize
