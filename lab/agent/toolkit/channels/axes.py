"""The axes that the scenarios of messages share, and which combinations of them make sense."""

from __future__ import annotations

from lab.agent.toolkit.channels import CONNECTIONS, QUEUES, natural_payload

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Optional

    Values = Dict[str, Any]

POWERS_OF_FOUR = tuple(4**exponent for exponent in range(14))  # 1 B to 64 MB
# Where `Connection.send` begins to write twice, and where a pipe's buffer ends.
EDGES = (16_383, 16_385, 65_535, 65_537)
# A named pipe of Windows is read for 128 bytes first, and again for the rest (PipeConnection._recv_bytes); elsewhere
# nothing happens there, so that these are the control.
NAMED_PIPE_EDGE = (128, 129)
SIZES = tuple(sorted(POWERS_OF_FOUR + EDGES))
FIVE_SIZES = (1, 64, 1024, 65_536, 1_048_576)

ALL_SIZES_FOR = frozenset({"pipe", "duplex_pipe", "queue", "shared_memory"})
PIPES = frozenset({"pipe", "duplex_pipe"})
OBJECTS_FOR = frozenset({"pipe", "duplex_pipe", "queue", "simple_queue"})


def offered(values: Values) -> Optional[Values]:
    """The case of these values, or None.

    Queues pickle whatever they carry: bytes are objects to them. A signal carries nothing and has no size. All sizes
    are for four mechanisms with their natural payload or the pickled one, everything else has five. The edge of named
    pipes lies in a message as it is carried: pipes with bytes alone have it.
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
    """The payload that goes without saying."""
    return natural_payload(values["mechanism"]) if axis == "payload" else None


def _compared(placement: str) -> bool:
    return placement in ("same_cpu", "cross_cpu")
