"""Stream sockets: UNIX sockets and TCP on loopback, with a length before each message."""

from __future__ import annotations

import os
import socket

from lab.agent.case import Unsupported
from lab.agent.toolkit.channels import End
from lab.agent.toolkit.channels.buffers import set_buffers_of
from lab.agent.toolkit.channels.descriptors import HEADER_BYTES, JOINED_BYTES, completed, more
from lab.agent.toolkit.channels.payloads import pickled

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional, Tuple

    from lab.agent.toolkit.channels import Ends, Needs, Receive, Send

LONGEST_PATH = 107  # sun_path has 108 bytes on Linux (104 on macOS), including the final zero


class SocketEnd(End):
    """An end with one socket, which connects to the other side."""

    def __init__(self, family: int, address: Any, needs: Needs) -> None:
        self._family = family
        self.address = address
        self._longest = needs.message_bytes
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
        """Functions that send and receive framed messages, of bytes or of pickled objects."""
        assert self._socket is not None
        return pickled(payload, *framed(self._socket, self._longest))

    def close(self) -> None:
        """Close the connection."""
        if self._socket is not None:
            self._socket.close()


class AcceptingEnd(SocketEnd):
    """The side that listens."""

    def __init__(self, family: int, address: Any, needs: Needs) -> None:
        super().__init__(family, address, needs)
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


def framed(connected: socket.socket, longest: int) -> Tuple[Send, Receive]:
    """Functions that send and receive one message with its length; see ``descriptors.framed``."""
    sendall, recv = connected.sendall, connected.recv

    def send(message: Any) -> None:
        sendall(len(message).to_bytes(HEADER_BYTES, "little") + message)

    def receive() -> Any:
        header = recv(HEADER_BYTES)
        if len(header) < HEADER_BYTES:
            header = completed(header, HEADER_BYTES, recv)
        size = int.from_bytes(header, "little")
        message = recv(size)
        if len(message) < size:
            return completed(message, size, recv)
        return message

    return (send, receive) if longest <= JOINED_BYTES else apart(connected, send)


def apart(connected: socket.socket, send_joined: Send) -> Tuple[Send, Receive]:
    """The functions of ``framed`` for long messages, which are sent after their length, without a copy."""
    sendall, recv, recv_into = connected.sendall, connected.recv, connected.recv_into

    def send(message: Any) -> None:
        if len(message) <= JOINED_BYTES:  # an answer
            send_joined(message)
            return
        sendall(len(message).to_bytes(HEADER_BYTES, "little"))
        sendall(message)

    def receive() -> Any:
        header = recv(HEADER_BYTES)
        if len(header) < HEADER_BYTES:
            header = completed(header, HEADER_BYTES, recv)
        whole = bytearray(int.from_bytes(header, "little"))
        rest = memoryview(whole)
        while rest:
            rest = rest[more(recv_into(rest)) :]
        return whole

    return send, receive


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
    return here, SocketEnd(family, here.address, needs)
