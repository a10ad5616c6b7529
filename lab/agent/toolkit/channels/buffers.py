"""The size of the kernel's buffer behind a pipe or a socket, set and read back."""

from __future__ import annotations

import sys

from lab.agent.case import Unsupported
from lab.agent.toolkit.channels.limits import kernel_limit

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket

F_SETPIPE_SZ, F_GETPIPE_SZ = 1031, 1032  # linux/fcntl.h; the module fcntl names them from Python 3.10 on


def set_pipe_buffer(descriptor: int, wanted: int) -> None:
    """Give a pipe a buffer of ``wanted`` bytes (the kernel takes the next power of two, a page at least).

    Raises:
        Unsupported: not Linux, or beyond what a user may ask for.
    """
    if not sys.platform.startswith("linux"):
        raise Unsupported("only Linux lets the size of a pipe's buffer be chosen (F_SETPIPE_SZ)")
    import fcntl

    try:
        fcntl.fcntl(descriptor, F_SETPIPE_SZ, wanted)
    except OSError as error:
        most = kernel_limit("fs/pipe-max-size")
        raise Unsupported(
            "a pipe's buffer of %d bytes is refused (%s); fs.pipe-max-size is %s" % (wanted, error.strerror, most)
        ) from None
    found = fcntl.fcntl(descriptor, F_GETPIPE_SZ)
    if found < wanted:
        raise Unsupported("a pipe's buffer of %d bytes was asked for, the kernel gives %d" % (wanted, found))


def set_socket_buffers(descriptor: int, wanted: int) -> None:
    """The same for a connected socket of which only the descriptor is known."""
    if sys.platform == "win32":
        raise Unsupported("Pipe() is a named pipe on Windows; the size of its buffer cannot be chosen")
    import os
    import socket

    with socket.socket(fileno=os.dup(descriptor)) as copy:
        set_buffers_of(copy, wanted)


def set_buffers_of(found: socket.socket, wanted: int) -> None:
    """Give a socket buffers of ``wanted`` bytes for sending and receiving.

    Raises:
        Unsupported: the system's limit is lower.
    """
    import socket

    for option, limit in ((socket.SO_SNDBUF, "wmem_max"), (socket.SO_RCVBUF, "rmem_max")):
        found.setsockopt(socket.SOL_SOCKET, option, wanted)
        given = found.getsockopt(socket.SOL_SOCKET, option)
        if sys.platform.startswith("linux"):
            given //= 2  # Linux doubles it for its own bookkeeping, socket(7)
        # Linux has a least size, which may be larger than what was asked for; less is its limit.
        if given < wanted:
            raise Unsupported(
                "a socket buffer of %d bytes was asked for, the system gives %d; net.core.%s is %s"
                % (wanted, given, limit, kernel_limit("net/core/" + limit))
            )
