"""Bare descriptors: ``os.pipe`` and named pipes, read and written by ``os``, with a length before each message."""

from __future__ import annotations

import os
from functools import partial

from lab.agent.case import Unsupported
from lab.agent.toolkit.channels import End
from lab.agent.toolkit.channels.buffers import set_pipe_buffer
from lab.agent.toolkit.channels.payloads import pickled

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, Optional, Tuple

    from lab.agent.toolkit.channels import Ends, Needs, Receive, Send

HEADER_BYTES = 4
JOINED_BYTES = 16_384  # up to this size header and message are joined for one write, as in `Connection`


class DescriptorEnd(End):
    """A descriptor per direction, for messages of at most ``longest`` bytes; a spawned side gets duplicates."""

    def __init__(self, reader: int, writer: int, longest: int) -> None:
        self.reader = reader
        self.writer = writer
        self.longest = longest

    def __getstate__(self) -> Dict[str, Any]:
        from multiprocessing.reduction import DupFd

        state = dict(self.__dict__)
        state.update(reader=DupFd(self.reader), writer=DupFd(self.writer))
        return state

    def __setstate__(self, state: Dict[str, Any]) -> None:
        self.__dict__.update(state)
        self.reader, self.writer = state["reader"].detach(), state["writer"].detach()

    def calls(self, payload: str) -> Tuple[Send, Receive]:
        """Functions that send and receive framed messages, of bytes or of pickled objects."""
        return pickled(payload, *framed(self.reader, self.writer, self.longest))

    def release(self) -> None:
        """Close the parent's copies, so that reads end when the child does."""
        self.close()

    def close(self) -> None:
        """Close both descriptors, unless they are closed already."""
        for descriptor in {self.reader, self.writer} - {-1}:
            os.close(descriptor)
        self.reader = self.writer = -1


class NamedEnd(DescriptorEnd):
    """Two named pipes. ``first`` is the role to open first: each opening waits for the other side's."""

    def __init__(self, read_path: str, write_path: str, first: str, needs: Needs) -> None:
        super().__init__(-1, -1, needs.message_bytes)
        self._paths = {"reader": read_path, "writer": write_path}
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


def framed(reader: int, writer: int, longest: int) -> Tuple[Send, Receive]:
    """Functions that send and receive one message: its length in four bytes, then all its bytes.

    If a message of ``longest`` bytes can be joined with its length, these functions never check the size, and
    incomplete reads and writes are left to other functions, to keep the usual path short. Otherwise see ``apart``.
    """
    read, write = os.read, os.write

    def send(message: Any) -> None:
        frame = len(message).to_bytes(HEADER_BYTES, "little") + message
        sent = write(writer, frame)
        if sent < len(frame):
            write_all(writer, memoryview(frame)[sent:])

    def receive() -> Any:
        header = read(reader, HEADER_BYTES)
        if len(header) < HEADER_BYTES:
            header = completed(header, HEADER_BYTES, partial(read, reader))
        size = int.from_bytes(header, "little")
        message = read(reader, size)
        if len(message) < size:
            return completed(message, size, partial(read, reader))
        return message

    return (send, receive) if longest <= JOINED_BYTES else apart(reader, writer, send)


def apart(reader: int, writer: int, send_joined: Send) -> Tuple[Send, Receive]:
    """The functions of ``framed`` for long messages, which are sent after their length, without a copy."""
    read, readv, write = os.read, os.readv, os.write

    def send(message: Any) -> None:
        if len(message) <= JOINED_BYTES:  # an answer
            send_joined(message)
            return
        write(writer, len(message).to_bytes(HEADER_BYTES, "little"))
        write_all(writer, memoryview(message))

    def receive() -> Any:
        header = read(reader, HEADER_BYTES)
        if len(header) < HEADER_BYTES:
            header = completed(header, HEADER_BYTES, partial(read, reader))
        whole = bytearray(int.from_bytes(header, "little"))
        rest = memoryview(whole)
        while rest:
            rest = rest[more(readv(reader, (rest,))) :]
        return whole

    return send, receive


def write_all(writer: int, rest: memoryview) -> None:
    """Write all of ``rest``, in as many writes as it takes."""
    while rest:
        rest = rest[os.write(writer, rest) :]


def completed(found: bytes, size: int, read: Callable[[int], bytes]) -> bytes:
    """Read until ``found`` has ``size`` bytes; return all of them.

    Raises:
        EOFError: the other side closed its end before.
    """
    while len(found) < size:
        found += more(read(size - len(found)))
    return found


def more(found: Any) -> Any:
    """Return the result of a read (bytes or their number) if it is not empty.

    Raises:
        EOFError: it is empty, because the other side has closed its end.
    """
    if not found:
        raise EOFError("the other side closed its end in the middle of a message")
    return found


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
    longest = needs.message_bytes
    return DescriptorEnd(here_reads, here_writes, longest), DescriptorEnd(there_reads, there_writes, longest)


def fifo(needs: Needs) -> Ends:
    """Two named pipes in the cell's temporary folder, whose names are removed once both sides have opened them."""
    if not hasattr(os, "mkfifo"):
        raise Unsupported("this system has no named pipes in its file system (os.mkfifo)")
    import tempfile

    folder = tempfile.mkdtemp(prefix="fifo-")
    forth, back = os.path.join(folder, "forth"), os.path.join(folder, "back")
    for path in (forth, back):
        os.mkfifo(path, 0o600)
    return NamedEnd(back, forth, "writer", needs), NamedEnd(forth, back, "reader", needs)


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
