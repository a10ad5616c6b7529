"""Shared memory with a wake-up call for the other side (a bell): a semaphore or an eventfd.

There is one place for each message that may be under way (``Needs.window``). The mechanism never blocks a sender; the
scenario's own protocol does. The module ``slots`` puts messages into their places.
"""

from __future__ import annotations

import mmap as memory_map
import os
from functools import partial

from lab.agent.case import Unsupported
from lab.agent.toolkit.channels import End
from lab.agent.toolkit.channels.limits import require_room
from lab.agent.toolkit.channels.payloads import pickled
from lab.agent.toolkit.channels.slots import LENGTH_BYTES, PAGE, receiver, sender

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, List, Tuple

    from lab.agent.toolkit.channels import Ends, Needs, Receive, Send, Wake

    Direction = Tuple[Any, Any, int, int]

LEAST_PLACE = 256  # so that an answer always fits


class SemaphoreBell:
    """A bell that is a semaphore."""

    def __init__(self, context: Any) -> None:
        self._semaphore = context.Semaphore(0)

    def ring(self) -> Wake:
        """The function that wakes the other side up."""
        release: Wake = self._semaphore.release
        return release

    def wait(self) -> Wake:
        """The function that waits for the other side's ring."""
        acquire: Wake = self._semaphore.acquire
        return acquire

    def close(self) -> None:
        """Do nothing: the semaphore has no name and vanishes with its last process."""


class EventBell:
    """A bell that is an eventfd, which counts like a semaphore."""

    def __init__(self) -> None:
        self._descriptor = os.eventfd(0, os.EFD_SEMAPHORE | os.EFD_CLOEXEC)

    def __getstate__(self) -> Dict[str, Any]:
        from multiprocessing.reduction import DupFd

        return {"_descriptor": DupFd(self._descriptor)}

    def __setstate__(self, state: Dict[str, Any]) -> None:
        self._descriptor = state["_descriptor"].detach()

    def ring(self) -> Wake:
        """The function that adds one to the eventfd."""
        return partial(os.eventfd_write, self._descriptor, 1)

    def wait(self) -> Wake:
        """The function that takes one from the eventfd, or waits until it can."""
        return partial(os.eventfd_read, self._descriptor)

    def close(self) -> None:
        """Close the descriptor, unless it is closed already."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


class MappedFile:
    """Mapped memory: anonymous if the other side is forked, else a file that is removed once both sides map it."""

    def __init__(self, size: int, *, forks: bool) -> None:
        self._size = size
        self._path = ""
        if forks:
            self.buffer: Any = memory_map.mmap(-1, size)
            return
        import tempfile

        descriptor, self._path = tempfile.mkstemp(prefix="mmap-")
        require_room(os.path.dirname(self._path), size)
        os.ftruncate(descriptor, size)
        self.buffer = memory_map.mmap(descriptor, size)
        os.close(descriptor)

    def __getstate__(self) -> Dict[str, Any]:
        return {"_size": self._size, "_path": self._path}

    def __setstate__(self, state: Dict[str, Any]) -> None:
        self._size, self._path = state["_size"], ""  # the side that created the file removes it
        with open(state["_path"], "r+b") as file:
            self.buffer = memory_map.mmap(file.fileno(), self._size)

    def unlink(self) -> None:
        """Remove the file; on Windows a mapped file cannot be removed, so the supervisor removes its folder later."""
        if self._path and os.name != "nt":
            os.unlink(self._path)
        self._path = ""

    def close(self) -> None:
        """Unmap the memory."""
        self.buffer.close()


class SharedSegment:
    """``multiprocessing.shared_memory``: a file in ``/dev/shm`` on Linux."""

    def __init__(self, size: int, *, forks: bool) -> None:
        from multiprocessing.shared_memory import SharedMemory

        require_room("/dev/shm", size)  # noqa: S108 - Linux keeps segments there
        self._memory = SharedMemory(create=True, size=size)
        self._named = True
        if forks:  # an inherited mapping needs no name
            self.unlink()

    def __getstate__(self) -> Dict[str, Any]:
        return {"_memory": self._memory, "_named": False}

    @property
    def buffer(self) -> Any:
        """The segment's memory."""
        return self._memory.buf

    def unlink(self) -> None:
        """Remove the segment's name, unless it is removed already."""
        if self._named:
            self._named = False
            self._memory.unlink()

    def close(self) -> None:
        """Unmap the segment."""
        self._memory.close()


class SegmentEnd(End):
    """An end with one direction per way: its segment, its bell, the number and size of its places (see ``slots``)."""

    def __init__(self, inward: Direction, outward: Direction) -> None:
        self._inward, self._outward = inward, outward
        self._views: List[memoryview] = []

    def __getstate__(self) -> Dict[str, Any]:
        return {**self.__dict__, "_views": []}

    def connected(self, pid: int) -> None:  # noqa: ARG002 - all ends share their parameters
        """Remove the names of the segments, which both sides have mapped."""
        self._inward[0].unlink()
        self._outward[0].unlink()

    def calls(self, payload: str) -> Tuple[Send, Receive]:
        """Functions that copy a message into its place and ring, and that wait and return a view of the message."""
        send = sender(*self._cut(self._outward), self._outward[1].ring())
        return pickled(payload, send, receiver(*self._cut(self._inward), self._inward[1].wait()))

    def _cut(self, direction: Direction) -> Tuple[memoryview, memoryview]:
        """Views of a segment's places and of the lengths of their messages."""
        segment, _, count, place_bytes = direction
        end = count * place_bytes
        with memoryview(segment.buffer) as whole:
            found = whole[:end], whole[end : end + count * LENGTH_BYTES].cast("q")
        self._views.extend(found)
        return found

    def close(self) -> None:
        """Unmap both segments; one whose message is still in use stays mapped until the process ends."""
        import contextlib

        for view in self._views:
            with contextlib.suppress(BufferError):
                view.release()
        for segment, bell, _, _ in (self._inward, self._outward):
            segment.unlink()
            with contextlib.suppress(BufferError):
                segment.close()
            bell.close()


def shared_memory(needs: Needs) -> Ends:
    """``SharedMemory`` with a pair of ``multiprocessing`` semaphores."""
    return _ends(needs, SharedSegment, lambda: SemaphoreBell(needs.context))


def mmap(needs: Needs) -> Ends:
    """``mmap.mmap`` with a pair of ``multiprocessing`` semaphores."""
    return _ends(needs, MappedFile, lambda: SemaphoreBell(needs.context))


def eventfd(needs: Needs) -> Ends:
    """``os.eventfd``, one per direction, with the payload in mapped memory."""
    if not hasattr(os, "eventfd"):
        import sys

        linux = sys.platform.startswith("linux")
        raise Unsupported("os.eventfd needs Python 3.10 or newer" if linux else "os.eventfd exists only on Linux")
    return _ends(needs, MappedFile, EventBell)


def _ends(needs: Needs, segment: Callable[..., Any], bell: Callable[[], Any]) -> Ends:
    wanted = ((1, needs.answer_bytes), (needs.window, needs.message_bytes))  # one answer at a time
    places = [(count, -(-max(size, LEAST_PLACE) // PAGE) * PAGE) for count, size in wanted]
    sizes = [count * (place_bytes + LENGTH_BYTES) for count, place_bytes in places]
    if segment is SharedSegment:
        require_room("/dev/shm", sum(sizes))  # noqa: S108 - as above, but for both directions
    back, forth = ((segment(size, forks=needs.forks), bell(), *each) for size, each in zip(sizes, places))
    return SegmentEnd(back, forth), SegmentEnd(forth, back)
