"""Set the size of the kernel's buffer of a pipe or a socket, and read it back."""

from __future__ import annotations

import sys

from lab.agent.case import Unsupported
from lab.agent.toolkit.channels.limits import kernel_limit

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket

F_SETPIPE_SZ, F_GETPIPE_SZ = 1031, 1032  # linux/fcntl.h; the module fcntl defines them from Python 3.10 on


def set_pipe_buffer(descriptor: int, wanted: int) -> None:
    """Set a pipe's buffer to ``wanted`` bytes (the kernel takes the next power of two, at least a page).

    Raises:
        Unsupported: the system is not Linux, or refuses the size.
    """
    if not sys.platform.startswith("linux"):
        raise Unsupported("the size of a pipe's buffer can be set only on Linux (F_SETPIPE_SZ)")
    import fcntl

    try:
        fcntl.fcntl(descriptor, F_SETPIPE_SZ, wanted)
    except OSError as error:
        most = kernel_limit("fs/pipe-max-size")
        raise Unsupported(
            "the kernel refused a pipe buffer of %d bytes (%s); fs.pipe-max-size is %s" % (wanted, error.strerror, most)
        ) from None
    found = fcntl.fcntl(descriptor, F_GETPIPE_SZ)
    if found < wanted:
        raise Unsupported("a pipe buffer of %d bytes was requested, but the kernel set %d" % (wanted, found))


def set_socket_buffers(descriptor: int, wanted: int) -> None:
    """Set the buffers of a connected socket, given by its descriptor, to ``wanted`` bytes.

    Raises:
        Unsupported: the system is Windows, or its limit is lower.
    """
    if sys.platform == "win32":
        raise Unsupported("Pipe() is a named pipe on Windows, and the size of its buffer cannot be set")
    import os
    import socket

    with socket.socket(fileno=os.dup(descriptor)) as copy:
        set_buffers_of(copy, wanted)


def set_buffers_of(found: socket.socket, wanted: int) -> None:
    """Set a socket's buffers for sending and for receiving to ``wanted`` bytes each.

    Raises:
        Unsupported: the system's limit is lower.
    """
    import socket

    for option, limit in ((socket.SO_SNDBUF, "wmem_max"), (socket.SO_RCVBUF, "rmem_max")):
        found.setsockopt(socket.SOL_SOCKET, option, wanted)
        given = found.getsockopt(socket.SOL_SOCKET, option)
        if sys.platform.startswith("linux"):
            given //= 2  # Linux doubles the size for its own bookkeeping, socket(7)
        # A larger size than requested is Linux's minimum, a smaller one its limit.
        if given < wanted:
            raise Unsupported(
                "a socket buffer of %d bytes was requested, but the system set %d; net.core.%s is %s"
                % (wanted, given, limit, kernel_limit("net/core/" + limit))
            )
