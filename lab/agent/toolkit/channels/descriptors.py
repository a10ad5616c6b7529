"""``os.pipe`` and named pipes, written by ``os.write`` and read by ``os.read``, one call of each per message.

All messages of a direction have one size that both sides know (``Needs``), so messages need no framing, and these
mechanisms are the bare system calls that others are compared with (``over_raw``). The lab's own code compares the
number of bytes written or read with the size, and continues a transfer that was cut short. A message longer than
``WHOLE_BYTES`` is read into a new ``bytearray``, in as many reads as the pipe needs to pass it on. The conversation
ends with the pipe.
"""

from __future__ import annotations

import os
from functools import partial

from lab.agent.case import Unsupported
from lab.agent.toolkit.channels import End, Ended
from lab.agent.toolkit.channels.buffers import set_pipe_buffer
from lab.agent.toolkit.channels.payloads import pickled

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, Optional, Tuple

    from lab.agent.toolkit.channels import Ends, Needs, Receive, Send

WHOLE_BYTES = 16_384  # up to this size a message usually arrives whole, and reading it needs no buffer of its own


class DescriptorEnd(End):
    """A descriptor per direction; a spawned side gets duplicates."""

    def __init__(self, reader: int, writer: int) -> None:
        self.reader = reader
        self.writer = writer

    def __getstate__(self) -> Dict[str, Any]:
        from multiprocessing.reduction import DupFd

        state = dict(self.__dict__)
        state.update(reader=DupFd(self.reader), writer=DupFd(self.writer))
        return state

    def __setstate__(self, state: Dict[str, Any]) -> None:
        self.__dict__.update(state)
        self.reader, self.writer = state["reader"].detach(), state["writer"].detach()

    def release(self) -> None:
        """Close the parent's copies, so that reads end when the child does."""
        self.close()

    def close(self) -> None:
        """Close both descriptors, unless they are closed already."""
        for descriptor in {self.reader, self.writer} - {-1}:
            os.close(descriptor)
        self.reader = self.writer = -1


class PipeEnd(DescriptorEnd):
    """An end with one pipe per direction. ``sizes`` are those of the messages to read and to write, in bytes."""

    def __init__(self, reader: int, writer: int, sizes: Tuple[int, int]) -> None:
        super().__init__(reader, writer)
        self._sizes = sizes

    def calls(self, payload: str) -> Tuple[Send, Receive]:
        """Functions that send and receive messages of the declared sizes, of bytes or of pickled objects."""
        return pickled(payload, *transfers(self.reader, self.writer, *self._sizes))

    def stop(self, send: Send) -> None:  # noqa: ARG002 - all ends share their parameters
        """Close the pipe to the other side, whose next read ends."""
        os.close(self.writer)
        self.writer = -1


class InheritedEnd(PipeEnd):
    """The other side's end of ``os.pipe``. ``copies`` are this side's descriptors, which a forked process inherits."""

    def __init__(self, reader: int, writer: int, sizes: Tuple[int, int], copies: Tuple[int, int]) -> None:
        super().__init__(reader, writer, sizes)
        self._copies = copies
        self._created_by = os.getpid()

    def __getstate__(self) -> Dict[str, Any]:
        return {**super().__getstate__(), "_copies": ()}

    def open(self) -> None:
        """Close the inherited copies; with an open copy of its writer, a pipe has no end."""
        if os.getpid() != self._created_by:
            for descriptor in self._copies:
                os.close(descriptor)


class NamedEnd(PipeEnd):
    """Two named pipes. ``first`` is the role to open first: each opening waits for the other side's."""

    def __init__(self, paths: Tuple[str, str], first: str, sizes: Tuple[int, int], needs: Needs) -> None:
        super().__init__(-1, -1, sizes)
        self._paths = dict(zip(("reader", "writer"), paths))
        self._order = (first, "reader" if first == "writer" else "writer")
        self._buffer_bytes: Optional[int] = needs.buffer_bytes

    def __getstate__(self) -> Dict[str, Any]:
        return dict(self.__dict__)

    def __setstate__(self, state: Dict[str, Any]) -> None:
        self.__dict__.update(state)

    def open(self) -> None:
        """Open both pipes, in this side's order."""
        for role in self._order:
            flags = os.O_WRONLY if role == "writer" else os.O_RDONLY
            setattr(self, role, os.open(self._paths[role], flags | os.O_CLOEXEC))
        if self._buffer_bytes:
            set_pipe_buffer(self.writer, self._buffer_bytes)

    def connected(self, pid: int) -> None:  # noqa: ARG002 - all ends share their parameters
        """Remove the names of the pipes."""
        for path in self._paths.values():
            os.unlink(path)


def transfers(reader: int, writer: int, incoming: int, outgoing: int) -> Tuple[Send, Receive]:
    """Functions that send a message of ``outgoing`` bytes and receive one of ``incoming`` bytes."""
    write, readv = os.write, os.readv

    def send(message: Any) -> None:
        sent = write(writer, message)
        if sent < outgoing:
            rest = memoryview(message)[sent:]
            while rest:
                rest = rest[write(writer, rest) :]

    return send, receiver(incoming, partial(os.read, reader), lambda buffer: readv(reader, (buffer,)))


def receiver(size: int, read: Callable[[int], bytes], read_into: Callable[[Any], int]) -> Receive:
    """A function that receives a message of ``size`` bytes by one ``read``, or more where it comes in parts.

    It raises ``Ended`` or ``EOFError`` as in ``filled``.
    """
    read_message = partial(read, size)

    def receive() -> Any:
        message = read_message()
        if len(message) < size:
            whole = bytearray(size)
            whole[: len(message)] = message
            return bytes(filled(whole, len(message), read_into))
        return message

    def receive_long() -> Any:
        whole = bytearray(size)
        count = read_into(whole)
        return whole if count == size else filled(whole, count, read_into)

    return receive if size <= WHOLE_BYTES else receive_long


def filled(whole: bytearray, count: int, read_into: Callable[[Any], int]) -> bytearray:
    """Read the rest of a message, of which the first ``count`` bytes are there; return all of it.

    Raises:
        Ended: nothing is there, because the other side has closed its end.
        EOFError: the other side has closed its end in the middle of the message.
    """
    if not count:
        raise Ended("the other side closed its end")
    rest = memoryview(whole)[count:]
    while rest:
        count = read_into(rest)
        if not count:
            raise EOFError("the other side closed its end in the middle of a message")
        rest = rest[count:]
    return whole


def os_pipe(needs: Needs) -> Ends:
    """``os.pipe``, one for each direction."""
    if os.name == "nt":
        raise Unsupported(
            "processes on Windows do not inherit descriptors of os.pipe; see the mechanism pipe, which is Pipe() there"
        )
    here_reads, there_writes = os.pipe()
    there_reads, here_writes = os.pipe()
    if needs.buffer_bytes:
        for writer in (here_writes, there_writes):
            set_pipe_buffer(writer, needs.buffer_bytes)
    forth, back = needs.message_bytes, needs.answer_bytes
    here = PipeEnd(here_reads, here_writes, (back, forth))
    return here, InheritedEnd(there_reads, there_writes, (forth, back), (here_reads, here_writes))


def fifo(needs: Needs) -> Ends:
    """Two named pipes in the cell's temporary folder, whose names are removed once both sides have opened them."""
    if not hasattr(os, "mkfifo"):
        raise Unsupported("this system has no named pipes in its file system (os.mkfifo)")
    import tempfile

    folder = tempfile.mkdtemp(prefix="fifo-")
    forth, back = os.path.join(folder, "forth"), os.path.join(folder, "back")
    for path in (forth, back):
        os.mkfifo(path, 0o600)
    sizes = needs.answer_bytes, needs.message_bytes
    return NamedEnd((back, forth), "writer", sizes, needs), NamedEnd((forth, back), "reader", sizes[::-1], needs)


def buffered_bytes(needs: Needs) -> int:
    """Number of bytes that an ``os.pipe`` accepts, while nobody reads, before its writer would block."""
    reader, writer = os.pipe()
    try:
        if needs.buffer_bytes:
            set_pipe_buffer(writer, needs.buffer_bytes)
        os.set_blocking(writer, False)
        page, total = bytes(4096), 0
        while True:
            try:
                total += os.write(writer, page)
            except BlockingIOError:
                return total
    finally:
        os.close(reader)
        os.close(writer)
