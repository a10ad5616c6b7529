"""Access to functions of the C library that Python's standard library does not offer."""

from __future__ import annotations

import ctypes
import errno
import os

from lab.agent.case import Unsupported

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, List


def functions(names: List[str], what: str) -> List[Any]:
    """C functions by their names, which must return -1 and set errno on failure; ``what`` describes them in errors.

    Raises:
        Unsupported: this system does not have them.
    """
    if os.name == "nt":
        raise Unsupported("Windows has no %s" % what)
    for library in (None, "librt.so.1"):  # before glibc 2.34 message queues were in librt
        try:
            found = ctypes.CDLL(library, use_errno=True)
            return [getattr(found, name) for name in names]
        except (OSError, AttributeError):
            continue
    raise Unsupported("this system has no %s" % what)


def complain(call: str) -> None:
    """Raise the error of errno, unless a signal interrupted the ``call``: then its handler runs and the caller retries.

    Raises:
        OSError: the call failed.
    """
    number = ctypes.get_errno()
    if number != errno.EINTR:
        raise OSError(number, "%s: %s" % (call, os.strerror(number)))
