"""The mechanisms that carry messages between two processes, behind one interface: an ``End`` for each side.

An end is passed to its process as an argument of ``Process`` and returns the plain functions that send and receive, so
that timed loops contain no code of the lab. A new mechanism is a function ``NAME(needs)`` in a module of this folder
that returns both ends, and one line in ``MODULES``. A cell imports only the module of its own mechanism.
"""

from __future__ import annotations

import importlib

TYPE_CHECKING = False
if TYPE_CHECKING:
    from multiprocessing.context import BaseContext
    from typing import Any, Callable, Optional, Tuple

    Send = Callable[[Any], Any]
    Receive = Callable[[], Any]
    Wake = Callable[[], Any]
    Ends = Tuple["End", "End"]

# The last message of a mechanism that keeps messages apart. No payload is empty.
STOP = b""


class Ended(EOFError):
    """The other side of a stream has closed its end after a whole message."""


MODULES = {
    "os_pipe": "descriptors",
    "pipe": "connections",
    "duplex_pipe": "connections",
    "queue": "queues",
    "simple_queue": "queues",
    "joinable_queue": "queues",
    "manager_queue": "queues",
    "fifo": "descriptors",
    "unix_socket": "sockets",
    "tcp_socket": "sockets",
    "listener_client": "connections",
    "posix_mq": "posix_mq",
    "sysv_mq": "sysv_mq",
    "shared_memory": "segments",
    "mmap": "segments",
    "eventfd": "segments",
    "signal": "signals",
}
MECHANISMS = tuple(MODULES)

# Mechanisms that pickle every message. A signal carries no payload; all others carry bytes unchanged.
QUEUES = frozenset({"queue", "simple_queue", "joinable_queue", "manager_queue"})
# Mechanisms of `Connection` objects, which can pickle, and can send buffers separately from their pickle.
CONNECTIONS = frozenset({"pipe", "duplex_pipe", "listener_client"})
# Mechanisms with one place per message, which never block a sender; ``Needs.window`` is the number of places.
SEGMENTS = frozenset({"shared_memory", "mmap", "eventfd"})
# Mechanisms whose kernel buffer can be resized.
BUFFERED = frozenset({"os_pipe", "pipe", "fifo", "duplex_pipe", "unix_socket", "tcp_socket"})


class Needs:
    """Requirements of a channel.

    ``message_bytes`` is the size of every message as carried, and ``answer_bytes`` that of every message of the other
    side (None: the same). ``window`` is the number of messages that are sent before waiting for an answer,
    ``buffer_bytes`` the size of the kernel's buffer (None: the system's default).
    """

    def __init__(
        self,
        context: BaseContext,
        message_bytes: int,
        window: int = 1,
        buffer_bytes: Optional[int] = None,
        answer_bytes: Optional[int] = None,
    ) -> None:
        self.context: Any = context
        self.message_bytes = message_bytes
        self.answer_bytes = message_bytes if answer_bytes is None else answer_bytes
        self.window = window
        self.buffer_bytes = buffer_bytes

    @property
    def forks(self) -> bool:
        """Whether the other side is forked and so inherits open descriptors and mappings."""
        return bool(self.context.get_start_method() == "fork")


class End:
    """One side of a channel. It is created in the parent; its own process calls ``open``, ``calls`` and ``close``."""

    def open(self) -> None:
        """Connect to the other side, which does the same at this time; called once, in this side's process."""

    def connected(self, pid: int) -> None:
        """Handle that both sides are open, in the parent: remove unneeded names. ``pid`` is the other process."""

    def release(self) -> None:
        """Close the parent's copies of descriptors that belong to this end, the child's."""

    def calls(self, payload: str) -> Tuple[Send, Receive]:
        """The functions that send and receive one message of this kind of payload (see ``payloads``)."""
        raise NotImplementedError  # not an abc.ABC, because every fresh interpreter would have to import abc

    def stop(self, send: Send) -> None:
        """End the conversation: send the last message, or close a stream, which has no message of another size."""
        send(STOP)

    def close(self) -> None:
        """Release all resources of this side."""

    def abandon(self) -> None:
        """Release all resources without waiting for the other side, which has died."""
        self.close()


def open_channel(mechanism: str, needs: Needs) -> Ends:
    """Create a channel; return this process's end and the other process's end.

    Raises:
        Unsupported: this system does not have the mechanism, or the mechanism cannot carry such messages.
    """
    module = importlib.import_module("lab.agent.toolkit.channels." + MODULES[mechanism])
    ends: Ends = getattr(module, mechanism)(needs)
    return ends


def natural_payload(mechanism: str) -> Optional[str]:
    """Default payload of a mechanism: bytes if it can carry them, else an object; None for a signal."""
    if mechanism == "signal":
        return None
    return "object" if mechanism in QUEUES else "bytes"
