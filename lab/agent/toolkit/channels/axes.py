"""Axes that the scenarios of messages share, and the combinations of their values that are measured."""

from __future__ import annotations

from lab.agent.toolkit import allocator
from lab.agent.toolkit.channels import CONNECTIONS, QUEUES, natural_payload

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Optional

    Values = Dict[str, Any]

POWERS_OF_FOUR = tuple(4**exponent for exponent in range(14))  # 1 B to 64 MB
# Above 16 KiB `Connection.send` writes twice; 64 KiB is the size of a pipe's buffer.
EDGES = (16_383, 16_385, 65_535, 65_537)
# On Windows a named pipe is read for 128 bytes first, and again for the rest (PipeConnection._recv_bytes). Other
# systems have no such edge and serve as the control.
NAMED_PIPE_EDGE = (128, 129)
SIZES = tuple(sorted(POWERS_OF_FOUR + EDGES))
FIVE_SIZES = (1, 64, 1024, 65_536, 1_048_576)

ALL_SIZES_FOR = frozenset({"pipe", "duplex_pipe", "queue", "shared_memory"})
PIPES = frozenset({"pipe", "duplex_pipe"})
OBJECTS_FOR = frozenset({"pipe", "duplex_pipe", "queue", "simple_queue"})


def offered(values: Values) -> Optional[Values]:
    """The case of these values, or None if it is not measured.

    Queues pickle every message, so bytes count as objects there. A signal carries no payload and has no size. Four
    mechanisms are measured at all sizes, with bytes or pickled objects; everything else at five. The edge of named
    pipes depends on the size as carried, so only pipes with bytes are measured there.
    """
    mechanism, payload = values["mechanism"], values["payload"]
    if values["payload_bytes"] in NAMED_PIPE_EDGE and mechanism != "signal":
        return values if mechanism in PIPES and payload == "bytes" and _compared(values["placement"]) else None
    if mechanism == "signal":
        return {**values, "payload_bytes": None, "payload": None}
    if mechanism in QUEUES and payload == "bytes":
        return offered({**values, "payload": "object"})
    if payload == "oob" and mechanism not in CONNECTIONS:
        return None
    if payload in ("flat_list", "nested_dict") and mechanism not in OBJECTS_FOR:
        return None
    every_size = mechanism in ALL_SIZES_FOR and payload in ("bytes", "object") and _compared(values["placement"])
    return values if every_size or values["payload_bytes"] in FIVE_SIZES else None


def natural(axis: str, values: Values) -> Optional[str]:
    """The default value of the axes ``payload`` and ``allocator``; None for other axes."""
    if axis == "allocator":
        return allocator.FRESH
    return natural_payload(values["mechanism"]) if axis == "payload" else None


def _compared(placement: str) -> bool:
    return placement in ("same_cpu", "cross_cpu")
