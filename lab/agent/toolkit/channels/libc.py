"""Functions of the C library that the standard library does not offer."""

from __future__ import annotations

import ctypes
import errno
import os

from lab.agent.case import Unsupported

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, List


def functions(names: List[str], what: str) -> List[Any]:
    """The functions by their names, all of which return -1 and set errno on failure.

    Raises:
        Unsupported: this system does not have them.
    """
    if os.name == "nt":
        raise Unsupported("Windows has no %s" % what)
    for library in (None, "librt.so.1"):  # before glibc 2.34 the queues stood in a library of their own
        try:
            found = ctypes.CDLL(library, use_errno=True)
            return [getattr(found, name) for name in names]
        except (OSError, AttributeError):
            continue
    raise Unsupported("this system has no %s" % what)


def complain(call: str) -> None:
    """Raise what errno says; nothing where a signal came between: the caller tries again, after its handler has run."""
    number = ctypes.get_errno()
    if number != errno.EINTR:
        raise OSError(number, "%s: %s" % (call, os.strerror(number)))
