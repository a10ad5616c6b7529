"""Places for messages in memory that both sides see: how one is put into a place, and how it is looked at.

``places`` is one long view, cut into as many places as there are ``lengths`` (a view of 64-bit integers). A message
begins where its place does, on a page of its own, so that every ``PAGE``-th byte is one of each page. The sender copies
its message in; the receiver copies nothing and touches every page.
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
    """Put a message in, and ring; one place after the other where there are several."""
    if len(lengths) > 1:
        return sender_in_turn(places, lengths, ring)

    def send(message: Any) -> None:
        size = len(message)
        places[:size] = message
        lengths[0] = size
        ring()

    return send


def receiver(places: memoryview, lengths: memoryview, wait: Wake) -> Receive:
    """Wait, and give a view of the message."""
    if len(lengths) > 1:
        return receiver_in_turn(places, lengths, wait)

    def receive() -> Any:
        wait()
        message = places[: lengths[0]]
        touch(message) if len(message) > PAGE else places[0]
        return message

    return receive


def sender_in_turn(places: memoryview, lengths: memoryview, ring: Wake) -> Send:
    """The same, with several places."""
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
    """The same, with several places."""
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
    """One byte of every page."""
    return message[::PAGE].tobytes()
