"""Mechanisms of ``multiprocessing.connection``: Pipe, and Listener with Client."""

from __future__ import annotations

from lab.agent.toolkit.channels import End
from lab.agent.toolkit.channels.buffers import set_pipe_buffer, set_socket_buffers
from lab.agent.toolkit.channels.payloads import out_of_band

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Tuple

    from lab.agent.toolkit.channels import Ends, Needs, Receive, Send


class ConnectionEnd(End):
    """An end with one ``Connection`` per direction, or one for both."""

    def __init__(self, reader: Any, writer: Any) -> None:
        self.reader = reader
        self.writer = writer

    def calls(self, payload: str) -> Tuple[Send, Receive]:
        """``send_bytes`` and ``recv_bytes`` for bytes; ``send`` and ``recv``, which pickle, for objects."""
        if payload == "bytes":
            return self.writer.send_bytes, self.reader.recv_bytes
        if payload == "oob":
            return out_of_band(self.writer.send_bytes, self.reader.recv_bytes)
        return self.writer.send, self.reader.recv

    def release(self) -> None:
        """Close the parent's copies, so that reads end when the child does."""
        self.close()

    def close(self) -> None:
        """Close both directions."""
        for connection in (self.reader, self.writer):
            if connection is not None and not connection.closed:
                connection.close()


class ListenerEnd(ConnectionEnd):
    """The side that listens, in the system's default family: a UNIX socket, or a named pipe on Windows."""

    def __init__(self) -> None:
        from multiprocessing.connection import Listener

        super().__init__(None, None)
        self._listener = Listener()
        self.address = self._listener.address

    def open(self) -> None:
        """Accept the other side."""
        self.reader = self.writer = self._listener.accept()

    def connected(self, pid: int) -> None:  # noqa: ARG002 - all ends share their parameters
        """Stop listening, which removes the socket's file."""
        self._listener.close()


class ClientEnd(ConnectionEnd):
    """The side that connects."""

    def __init__(self, address: Any) -> None:
        super().__init__(None, None)
        self._address = address

    def open(self) -> None:
        """Connect to the listener."""
        from multiprocessing.connection import Client

        self.reader = self.writer = Client(self._address)


def pipe(needs: Needs) -> Ends:
    """Two one-way pipes; only ``Pipe(duplex=False)`` is a pipe of the operating system."""
    here_reads, there_writes = needs.context.Pipe(duplex=False)
    there_reads, here_writes = needs.context.Pipe(duplex=False)
    if needs.buffer_bytes:
        for writer in (here_writes, there_writes):
            set_pipe_buffer(writer.fileno(), needs.buffer_bytes)
    return ConnectionEnd(here_reads, here_writes), ConnectionEnd(there_reads, there_writes)


def duplex_pipe(needs: Needs) -> Ends:
    """``Pipe()``: a pair of connected sockets on Unix, a named pipe on Windows."""
    here, there = needs.context.Pipe()
    if needs.buffer_bytes:
        for end in (here, there):
            set_socket_buffers(end.fileno(), needs.buffer_bytes)
    return ConnectionEnd(here, here), ConnectionEnd(there, there)


def listener_client(needs: Needs) -> Ends:  # noqa: ARG001 - all factories share their parameters
    """``Listener`` and ``Client`` without a key: the same ``Connection`` as of ``Pipe()``, found by an address."""
    here = ListenerEnd()
    return here, ClientEnd(here.address)
