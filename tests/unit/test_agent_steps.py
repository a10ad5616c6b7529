"""What is timed is the operation: no more steps of the interpreter around it than a loop written by hand has."""

from __future__ import annotations

import ctypes
import importlib
import multiprocessing
import os
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import lab
from lab.agent.scenarios.pool.api import TASKS, pool_call
from lab.agent.toolkit import shares
from lab.agent.toolkit.channels import Ended, Needs, open_channel
from lab.agent.toolkit.channels.descriptors import WHOLE_BYTES, transfers
from lab.agent.toolkit.channels.slots import PAGE, receiver, sender, touch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SIXTY_FOUR = bytes(range(64))
needs_pipes = pytest.mark.skipif(os.name == "nt", reason="os.readv is not on Windows, and neither are these channels")


def steps_of(run: Callable[[], object]) -> int:
    """How many instructions of Python's own the interpreter goes through in ``run``."""
    count = 0

    def each(frame: Any, event: str, _arg: object) -> Any:
        nonlocal count
        frame.f_trace_opcodes = True
        count += event == "opcode"
        return each

    before = sys.gettrace()
    sys.settrace(each)
    try:
        run()
    finally:
        sys.settrace(before)
    return count


def there_and_back(send: Callable[[bytes], object], receive: Callable[[], object]) -> Callable[[], None]:
    def run() -> None:
        send(SIXTY_FOUR)
        assert receive() == SIXTY_FOUR

    return run


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(Path(lab.__file__).parent / "validation" / "selfcheck" / "bare"))
    return importlib.import_module("round_trips")


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    reader, writer = os.pipe()
    yield reader, writer
    os.close(reader)
    os.close(writer)


@needs_pipes
def test_a_message_takes_the_steps_of_a_bare_loop(bare: Any, pipe: tuple[int, int]) -> None:
    ours = there_and_back(*transfers(*pipe, incoming=64, outgoing=64))
    assert steps_of(ours) <= steps_of(there_and_back(*bare.over_descriptors(*pipe, 64)))


@needs_pipes
def test_a_message_over_a_socket_takes_the_steps_of_a_bare_loop(bare: Any) -> None:
    import socket

    from lab.agent.toolkit.channels import sockets

    here, there = socket.socketpair()
    with here, there:
        send, receive = sockets.transfers(here, 64)[0], sockets.transfers(there, 64)[1]
        bare_send, bare_receive = bare.over_socket(here, 64)[0], bare.over_socket(there, 64)[1]
        assert steps_of(there_and_back(send, receive)) <= steps_of(there_and_back(bare_send, bare_receive))


class Calls:
    """The module os, whose reads and writes are counted and give or take at most ``most`` bytes."""

    def __init__(self, patch: pytest.MonkeyPatch, most: int = 1 << 30) -> None:
        self.made: list[str] = []
        os_read, os_readv, os_write = os.read, os.readv, os.write

        def read(file: int, size: int) -> bytes:
            self.made.append("read")
            return os_read(file, min(most, size))

        def readv(file: int, buffers: tuple[Any]) -> int:
            self.made.append("read")
            return os_readv(file, [memoryview(buffers[0])[:most]])

        def write(file: int, message: bytes) -> int:
            self.made.append("write")
            return os_write(file, message[:most])

        for call in (read, readv, write):
            patch.setattr(os, call.__name__, call)


@needs_pipes
@pytest.mark.parametrize("size", [1, 64, WHOLE_BYTES])
def test_a_message_is_one_write_and_one_read(monkeypatch: pytest.MonkeyPatch, pipe: tuple[int, int], size: int) -> None:
    calls = Calls(monkeypatch)
    send, receive = transfers(*pipe, incoming=size, outgoing=size)
    for turn in range(2):
        send(bytes([turn]) * size)
        assert receive() == bytes([turn]) * size
    assert calls.made == ["write", "read"] * 2


@needs_pipes
@pytest.mark.parametrize("size", [64, WHOLE_BYTES + 1])
def test_a_message_that_goes_in_parts_is_put_together(
    monkeypatch: pytest.MonkeyPatch, pipe: tuple[int, int], size: int
) -> None:
    content = (SIXTY_FOUR * (size // 64 + 1))[:size]
    calls = Calls(monkeypatch, most=size // 2 + 1)
    send, receive = transfers(*pipe, incoming=size, outgoing=size)
    send(content)
    assert receive() == content
    assert calls.made == ["write", "write", "read", "read"]


@needs_pipes
@pytest.mark.parametrize("size", [64, WHOLE_BYTES + 1])
def test_the_end_in_the_middle_of_a_message_is_not_the_end_after_one(size: int) -> None:
    for sent, error in ((b"half", EOFError), (b"", Ended)):
        reader, writer = os.pipe()
        os.write(writer, sent)
        os.close(writer)
        try:
            with pytest.raises(error) as caught:
                transfers(reader, -1, size, size)[1]()
            assert isinstance(caught.value, Ended) == (not sent)
        finally:
            os.close(reader)


def placed(count: int) -> Callable[[], None]:
    """A message into the first of so many places and out of it."""
    places, lengths = memoryview(bytearray(count * PAGE)), memoryview(bytearray(count * 8)).cast("q")
    return there_and_back(sender(places, lengths, int), receiver(places, lengths, int))


def test_a_single_place_is_not_counted() -> None:
    assert steps_of(placed(1)) < steps_of(placed(2)) - 15


@pytest.mark.parametrize("window", [1, 3])
@pytest.mark.parametrize("size", [1, PAGE, 16_385, 65_536])
def test_every_page_of_a_message_in_shared_memory_is_touched(window: int, size: int) -> None:
    needs = Needs(multiprocessing.get_context("spawn"), size, window)
    with ExitStack() as around:
        here, there = open_channel("mmap", needs)
        around.callback(here.close)
        around.callback(there.close)
        send, receive = here.calls("bytes")[0], there.calls("bytes")[1]
        for turn in range(2 * window):
            content = bytes([turn + 1]) * size
            send(content)
            message = receive()
            assert message == content
            # It begins where a page does, so that every 4096th byte of it lies on a page of its own, and the last too.
            assert ctypes.addressof(ctypes.c_char.from_buffer(message)) % PAGE == 0
            assert len(touch(message)) == -(-size // PAGE)
            message.release()


class Open:
    """A lock that lets everybody pass."""

    def acquire(self) -> None: ...

    def release(self) -> None: ...


@pytest.mark.parametrize("index", [0, 1])
def test_handing_a_lock_over_takes_the_steps_of_taking_one(index: int) -> None:
    one, other, loops = Open(), Open(), 50
    handed = steps_of(lambda: shares.hand_over_lock(loops, index, one, other))
    taken = steps_of(lambda: shares.acquire_release(loops, index, one))
    assert handed - taken < loops  # a few to choose the side, none in each loop


def test_the_arguments_of_starmap_are_not_made_in_the_timed_call() -> None:
    seen: list[list[tuple[int]]] = []

    class Pool:
        def starmap(self, _task: object, arguments: list[tuple[int]]) -> list[int]:
            seen.append(arguments)
            return [argument for (argument,) in arguments]

    call = pool_call("starmap", Pool())  # type: ignore[arg-type]
    assert call(range(TASKS)) == call(range(TASKS)) == list(range(TASKS))
    assert seen[0] is seen[1]
