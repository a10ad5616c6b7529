"""Stream sockets: UNIX sockets and TCP on loopback, one ``sendall`` and one ``recv`` per message.

As in ``descriptors`` all messages of a direction have one known size, and the lab's own code is the check of the length
and the continuation of a message that comes in parts, or that is longer than ``WHOLE_BYTES`` and needs a buffer.
"""

from __future__ import annotations

import os
import socket

from lab.agent.case import Unsupported
from lab.agent.toolkit.channels import End
from lab.agent.toolkit.channels.buffers import set_buffers_of
from lab.agent.toolkit.channels.descriptors import receiver
from lab.agent.toolkit.channels.payloads import pickled

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional, Tuple

    from lab.agent.toolkit.channels import Ends, Needs, Receive, Send

LONGEST_PATH = 107  # sun_path has 108 bytes on Linux (104 on macOS), including the final zero


class SocketEnd(End):
    """An end with one socket, which connects to the other side."""

    def __init__(self, family: int, address: Any, needs: Needs, incoming: int) -> None:
        self._family = family
        self.address = address
        self._incoming = incoming
        self._buffer_bytes = needs.buffer_bytes
        self._socket: Optional[socket.socket] = None

    def new(self) -> socket.socket:
        """Create a socket with its buffers set, because TCP negotiates its window when it connects."""
        found = socket.socket(self._family, socket.SOCK_STREAM)
        if self._buffer_bytes:
            set_buffers_of(found, self._buffer_bytes)
        return found

    def open(self) -> None:
        """Connect to the other side."""
        found = self.new()
        found.connect(self.address)
        self.take(found)

    def take(self, found: socket.socket) -> None:
        """Keep the connected socket; TCP must send at once (TCP_NODELAY)."""
        if self._family == socket.AF_INET:
            found.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket = found

    def calls(self, payload: str) -> Tuple[Send, Receive]:
        """Functions that send and receive messages of the declared sizes, of bytes or of pickled objects."""
        assert self._socket is not None
        return pickled(payload, *transfers(self._socket, self._incoming))

    def stop(self, send: Send) -> None:  # noqa: ARG002 - all ends share their parameters
        """Close the direction to the other side, whose next read ends."""
        assert self._socket is not None
        self._socket.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """Close the connection."""
        if self._socket is not None:
            self._socket.close()


class AcceptingEnd(SocketEnd):
    """The side that listens."""

    def __init__(self, family: int, address: Any, needs: Needs) -> None:
        super().__init__(family, address, needs, needs.answer_bytes)
        self._listening = self.new()
        self._listening.bind(address)
        self._listening.listen(1)
        self.address = self._listening.getsockname()

    def open(self) -> None:
        """Accept the other side."""
        self.take(self._listening.accept()[0])

    def connected(self, pid: int) -> None:  # noqa: ARG002 - all ends share their parameters
        """Stop listening, and remove the socket's file if it has one."""
        self._listening.close()
        if self._family != socket.AF_INET:
            os.unlink(self.address)


def transfers(connected: socket.socket, incoming: int) -> Tuple[Send, Receive]:
    """Functions that send a message and receive one of ``incoming`` bytes; see ``descriptors``."""
    return connected.sendall, receiver(incoming, connected.recv, connected.recv_into)


def unix_socket(needs: Needs) -> Ends:
    """A UNIX stream socket, whose file is in the cell's temporary folder until both sides are connected."""
    if not hasattr(socket, "AF_UNIX"):
        raise Unsupported("Python has no UNIX sockets on this system (no socket.AF_UNIX)")
    import tempfile

    path = os.path.join(tempfile.mkdtemp(prefix="u"), "s")
    if len(os.fsencode(path)) > LONGEST_PATH:
        raise Unsupported(
            "the path %s is too long for a UNIX socket (at most %d bytes); set TMPDIR to a shorter path"
            % (path, LONGEST_PATH)
        )
    return _connected(socket.AF_UNIX, path, needs)


def tcp_socket(needs: Needs) -> Ends:
    """TCP to 127.0.0.1, with TCP_NODELAY."""
    return _connected(socket.AF_INET, ("127.0.0.1", 0), needs)


def _connected(family: int, address: Any, needs: Needs) -> Ends:
    here = AcceptingEnd(family, address, needs)
    return here, SocketEnd(family, here.address, needs, needs.message_bytes)
