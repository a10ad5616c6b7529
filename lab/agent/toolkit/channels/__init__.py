"""The mechanisms that carry a message between two processes, behind one shape: an ``End`` for each side.

An end goes to its process as an argument of ``Process`` and gives the plain functions that send and receive, so that
what is timed has nothing of the lab around it. A new mechanism is a function ``NAME(needs)`` in a module of this
folder that returns both ends, and one line in ``MODULES``; a cell imports the module of its own mechanism only.
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

# The last message: empty, which every mechanism can carry and no payload is.
STOP = b""

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

# These offer nothing but pickled objects; a signal carries nothing at all; the others carry bytes as they are.
QUEUES = frozenset({"queue", "simple_queue", "joinable_queue", "manager_queue"})
# `Connection` objects: they pickle by themselves, and can send buffers apart from what they belong to.
CONNECTIONS = frozenset({"pipe", "duplex_pipe", "listener_client"})
# One place a message, and nothing that makes a sender wait: whoever sends more at once says so (``Needs.window``).
SEGMENTS = frozenset({"shared_memory", "mmap", "eventfd"})
# Where the size of the kernel's buffer can be chosen.
BUFFERED = frozenset({"os_pipe", "pipe", "fifo", "duplex_pipe", "unix_socket", "tcp_socket"})


class Needs:
    """What a channel is asked for.

    ``message_bytes``: the longest message as it is carried; ``window``: how many are sent before an answer is waited
    for; ``buffer_bytes``: size of the kernel's buffer, None for the system's own choice.
    """

    def __init__(
        self, context: BaseContext, message_bytes: int, window: int = 1, buffer_bytes: Optional[int] = None
    ) -> None:
        self.context: Any = context
        self.message_bytes = message_bytes
        self.window = window
        self.buffer_bytes = buffer_bytes

    @property
    def forks(self) -> bool:
        """Whether the other side inherits what is open here."""
        return bool(self.context.get_start_method() == "fork")


class End:
    """One side of a channel. Its life: made in the parent, ``open`` in its own process, ``calls``, ``close``."""

    def open(self) -> None:
        """Connect to the other side, which does the same at this time; called once in the process of this side."""

    def met(self, pid: int) -> None:
        """Both sides are open, the other is process ``pid``: names that are no longer needed are removed (parent)."""

    def release(self) -> None:
        """Close the parent's copies of what belongs to this, the other side."""

    def calls(self, payload: str) -> Tuple[Send, Receive]:
        """The functions that send and receive one message of this kind of payload (see ``payloads``)."""
        raise NotImplementedError  # abstract: `abc` would cost every fresh interpreter an import

    def close(self) -> None:
        """Release what this side holds."""

    def abandon(self) -> None:
        """The same where the other side has died: wait for nothing."""
        self.close()


def open_channel(mechanism: str, needs: Needs) -> Ends:
    """Both ends of a new channel, that of this process first.

    Raises:
        Unsupported: this system does not have the mechanism, or not for such messages.
    """
    module = importlib.import_module("lab.agent.toolkit.channels." + MODULES[mechanism])
    ends: Ends = getattr(module, mechanism)(needs)
    return ends


def natural_payload(mechanism: str) -> Optional[str]:
    """What a mechanism carries when nothing else is said: bytes where it can; None for a signal."""
    if mechanism == "signal":
        return None
    return "object" if mechanism in QUEUES else "bytes"
