"""Kinds of messages, and functions that send objects over a mechanism that carries bytes.

``bytes``         bytes, unchanged
``object``        the same bytes, pickled
``flat_list``     a list of floats, pickled, of about ``payload_bytes``
``nested_dict``   nested records, pickled, of about ``payload_bytes``
``oob``           the same bytes by pickle protocol 5, with their buffer sent separately instead of copied (out of band)
"""

from __future__ import annotations

import pickle

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Optional, Tuple

    from lab.agent.toolkit.channels import Receive, Send

PAYLOADS = ("bytes", "object", "flat_list", "nested_dict", "oob")
TOKEN = b"!"  # the message of a mechanism that carries no payload


# Pickled size of one element, without the frame.
FLOAT_BYTES = 9
RECORD_BYTES = 64


def message(payload: Optional[str], size: Optional[int]) -> Any:
    """A message of this kind, of about ``size`` bytes."""
    if payload is None or size is None:
        return TOKEN
    if payload == "flat_list":
        return [index / 7 for index in range(max(1, size // FLOAT_BYTES))]
    if payload == "nested_dict":
        return {"records": [record(index) for index in range(max(1, size // RECORD_BYTES))]}
    return (bytes(range(256)) * (size // 256 + 1))[:size]


def record(index: int) -> Dict[str, Any]:
    """A small nested record; pickle writes its keys only once per message."""
    return {"id": index, "name": "record %06d" % index, "at": {"x": index / 7, "y": index / 3}}


def carried_bytes(payload: Optional[str], content: Any) -> int:
    """Size in bytes of a message as it is carried."""
    return len(content) if payload in (None, "bytes", "oob") else len(pickle.dumps(content, pickle.HIGHEST_PROTOCOL))


def pickled(payload: str, send: Send, receive: Receive) -> Tuple[Send, Receive]:
    """Functions that send and receive this kind of payload by means of functions for bytes."""
    if payload == "bytes":
        return send, receive
    dumps, loads, protocol = pickle.dumps, pickle.loads, pickle.HIGHEST_PROTOCOL

    def send_object(content: Any) -> None:
        send(dumps(content, protocol))

    def receive_object() -> Any:
        return loads(receive())

    return send_object, receive_object


def out_of_band(send: Send, receive: Receive) -> Tuple[Send, Receive]:
    """Functions that send buffers separately after the pickle, whose first byte is the number of buffers."""
    dumps, loads, wrap = pickle.dumps, pickle.loads, pickle.PickleBuffer

    def send_apart(content: bytes) -> None:
        buffers: List[pickle.PickleBuffer] = []
        head = dumps(wrap(content), 5, buffer_callback=buffers.append)
        send(bytes((len(buffers),)) + head)
        for buffer in buffers:
            send(buffer.raw())

    def receive_apart() -> Any:
        head = receive()
        buffers = [receive() for _ in range(head[0])]
        return loads(memoryview(head)[1:], buffers=buffers)

    return send_apart, receive_apart
