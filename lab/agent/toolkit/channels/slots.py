"""Places for messages in shared memory: functions that put a message into its place, and that read it there.

``places`` is one view, divided into as many equal places as there are ``lengths`` (a view of 64-bit integers). A place,
and so its message, begins on a page boundary, so that every ``PAGE``-th byte of a message lies on another page. The
sender copies its message into the place. The receiver copies nothing and touches every page.
"""

from __future__ import annotations

import mmap as memory_map

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from lab.agent.toolkit.channels import Receive, Send, Wake

LENGTH_BYTES = 8
PAGE = memory_map.PAGESIZE


def sender(places: memoryview, lengths: memoryview, ring: Wake) -> Send:
    """A function that copies a message into its place and rings; several places are used in turn."""
    if len(lengths) > 1:
        return sender_in_turn(places, lengths, ring)

    def send(message: Any) -> None:
        size = len(message)
        places[:size] = message
        lengths[0] = size
        ring()

    return send


def receiver(places: memoryview, lengths: memoryview, wait: Wake) -> Receive:
    """A function that waits and returns a view of the message; several places are used in turn."""
    if len(lengths) > 1:
        return receiver_in_turn(places, lengths, wait)

    def receive() -> Any:
        wait()
        message = places[: lengths[0]]
        touch(message) if len(message) > PAGE else places[0]
        return message

    return receive


def sender_in_turn(places: memoryview, lengths: memoryview, ring: Wake) -> Send:
    """The function of ``sender`` for several places."""
    count, sent = len(lengths), 0
    place_bytes = len(places) // count

    def send(message: Any) -> None:
        nonlocal sent
        place, size = sent % count, len(message)
        start = place * place_bytes
        places[start : start + size] = message
        lengths[place] = size
        sent += 1
        ring()

    return send


def receiver_in_turn(places: memoryview, lengths: memoryview, wait: Wake) -> Receive:
    """The function of ``receiver`` for several places."""
    count, received = len(lengths), 0
    place_bytes = len(places) // count

    def receive() -> Any:
        nonlocal received
        wait()
        place = received % count
        start = place * place_bytes
        message = places[start : start + lengths[place]]
        touch(message) if len(message) > PAGE else places[start]
        received += 1
        return message

    return receive


def touch(message: memoryview) -> bytes:
    """Read one byte of every page of a message; return these bytes."""
    return message[::PAGE].tobytes()
