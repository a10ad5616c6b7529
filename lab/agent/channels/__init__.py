"""The mechanisms that carry a message between two processes, behind one shape: an ``End`` for each side.

An end is picklable as an argument of ``Process`` and gives the plain functions that send and receive, so that what is
timed has nothing of the lab around it. A new mechanism is a function here or in a module beside, and one line in
``MECHANISMS``.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from multiprocessing.context import BaseContext
    from typing import Any, Callable, Dict, Tuple

    Send = Callable[[Any], Any]
    Receive = Callable[[], Any]
    Ends = Tuple["End", "End"]


class End:
    """One side of a channel: what to read from and what to write to."""

    def __init__(self, reader: Any, writer: Any) -> None:
        self.reader = reader
        self.writer = writer

    def calls(self, payload: str) -> Tuple[Send, Receive]:
        """The functions that send and receive one message of this kind of payload (``bytes`` or ``object``)."""
        raise NotImplementedError

    def close(self) -> None:
        """Release what this side holds."""


class ConnectionEnd(End):
    """A ``multiprocessing.connection.Connection`` in each direction, or one for both."""

    def calls(self, payload: str) -> Tuple[Send, Receive]:
        """``send_bytes`` and ``recv_bytes`` for bytes; ``send`` and ``recv``, which pickle, for objects."""
        if payload == "bytes":
            return self.writer.send_bytes, self.reader.recv_bytes
        return self.writer.send, self.reader.recv

    def close(self) -> None:
        """Close both directions."""
        self.reader.close()
        self.writer.close()


class QueueEnd(End):
    """A queue in each direction; what it carries is always pickled."""

    def calls(self, payload: str) -> Tuple[Send, Receive]:  # noqa: ARG002 - bytes are objects to a queue
        """``put`` and ``get``."""
        return self.writer.put, self.reader.get

    def close(self) -> None:
        """Close both queues and wait for the thread that feeds them, where there is one."""
        for queue in (self.writer, self.reader):
            queue.close()
            if hasattr(queue, "join_thread"):
                queue.join_thread()


def pipe(context: BaseContext) -> Ends:
    """Two one-way pipes: ``Pipe(duplex=False)`` is the only one that is an operating-system pipe."""
    here_reads, there_writes = context.Pipe(duplex=False)
    there_reads, here_writes = context.Pipe(duplex=False)
    return ConnectionEnd(here_reads, here_writes), ConnectionEnd(there_reads, there_writes)


def duplex_pipe(context: BaseContext) -> Ends:
    """``Pipe()``: a pair of connected sockets on Unix, a named pipe on Windows."""
    here, there = context.Pipe()
    return ConnectionEnd(here, here), ConnectionEnd(there, there)


def queue(context: BaseContext) -> Ends:
    """``Queue``: a pipe with locks, fed by a thread."""
    back, forth = context.Queue(), context.Queue()
    return QueueEnd(back, forth), QueueEnd(forth, back)


def simple_queue(context: BaseContext) -> Ends:
    """``SimpleQueue``: a pipe with locks and no thread."""
    back, forth = context.SimpleQueue(), context.SimpleQueue()
    return QueueEnd(back, forth), QueueEnd(forth, back)


MECHANISMS: Dict[str, Callable[[BaseContext], Ends]] = {
    "pipe": pipe,
    "duplex_pipe": duplex_pipe,
    "queue": queue,
    "simple_queue": simple_queue,
}

# What a mechanism carries when nothing else is said; the queues offer nothing but pickled objects.
NATURAL_PAYLOAD = {"pipe": "bytes", "duplex_pipe": "bytes", "queue": "object", "simple_queue": "object"}
