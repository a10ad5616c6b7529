"""Throughput in one direction, one window of messages at a time, by the size of the kernel's buffer."""

from __future__ import annotations

import time
from itertools import repeat

from lab.agent.measuring.placement import PLACEMENTS
from lab.agent.scenario import NATURAL, Contrast, View, scenario
from lab.agent.toolkit.channels import BUFFERED, MECHANISMS, Needs
from lab.agent.toolkit.channels.axes import SIZES, offered
from lab.agent.toolkit.channels.axes import natural as natural_value
from lab.agent.toolkit.channels.partner import partner, sink
from lab.agent.toolkit.channels.payloads import carried_bytes, message

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Optional

    from lab.agent.case import Case

MOST_MESSAGES = 64  # per window
MOST_BYTES = 4_194_304
DEFAULT = "default"


def carrying(values: Dict[str, Any]) -> Optional[Dict[str, Any]]:
    """The case of these values, or None: signals carry no payload, and only pipes and sockets have a buffer to set."""
    if values["mechanism"] == "signal" or (values["payload"] == "object" and values["buffer_bytes"] != DEFAULT):
        return None
    if values["buffer_bytes"] != DEFAULT and values["mechanism"] not in BUFFERED:
        return None
    return offered(values)


def natural(axis: str, values: Dict[str, Any]) -> Optional[str]:
    """The default value of an axis: the system's own buffer size, and the mechanism's natural payload."""
    return DEFAULT if axis == "buffer_bytes" else natural_value(axis, values)


@scenario(
    family="ipc",
    question="How many bytes per second go one way, and does the size of the kernel's buffer matter?",
    axes={
        "mechanism": tuple(name for name in MECHANISMS if name != "signal"),
        "payload_bytes": SIZES,
        "placement": PLACEMENTS,
        "payload": ("bytes", "object"),
        "buffer_bytes": (DEFAULT, 4096, 65_536, 1_048_576),
    },
    view=View(
        "lines",
        measure="Payload received per second from one other process, with default kernel buffers.",
        better="higher",
        unit="",
        metrics=("throughput",),
        operations=("transfer",),
        where={"payload": (NATURAL, "object"), "buffer_bytes": (NATURAL,)},
        targets="largest",
        x="payload_bytes",
        names=("mechanism",),
        facets=("placement",),
        hollow=("payload", {NATURAL: "its natural payload", "object": "pickled objects instead of bytes"}),
        crossings=True,
        place=20,
    ),
    source="as ipc.round_trip; F_SETPIPE_SZ, SO_SNDBUF, SO_RCVBUF",
    article="3 communication: Pipe, message queue (limited buffer), socket",
    shape=carrying,
    natural=natural,
    contrasts=(Contrast("payload_bytes", "placement", baseline={"mechanism": ("pipe",)}, operations=("transfer",)),),
    estimate_s=0.3,
    profiles={
        "smoke": {
            "buffer_bytes": ["default", 65_536],
            "only": ("os_pipe-65536-same_cpu pipe-65536-same_cpu-65536 queue-64-same_cpu tcp_socket-65536-same_cpu"),
        },
        "quick": {"buffer_bytes": ["default"], "only": "os_pipe-65536-same_cpu"},
        "standard": {
            "payload_bytes": [64, 65_536],
            "payload": ["bytes"],
            "placement": ["cross_cpu"],
            "only": "*_cpu os_pipe-65536-* pipe-65536-* unix_socket-65536-*",
        },
        "full": {
            "payload_bytes": [64, 1024, 65_536, 1_048_576],
            "payload": ["bytes"],
            "placement": ["same_cpu", "cross_cpu"],
            "only": "*_cpu *-65536-cross_cpu-*",
        },
    },
)
def throughput(case: Case) -> None:
    """``transfer``: time per message in windows of up to 64 messages (4 MB), of which the last is answered.

    ``buffered_bytes``: the number of bytes that an ``os.pipe`` accepts while nobody reads.
    """
    content = message(case["payload"], case["payload_bytes"])
    window = max(1, min(MOST_MESSAGES, MOST_BYTES // case["payload_bytes"]))
    buffer_bytes = None if case["buffer_bytes"] == DEFAULT else case["buffer_bytes"]
    case.describe(tasks=window)
    with partner(case, sink, window, content, content=content, window=window, buffer_bytes=buffer_bytes) as ours:
        send, receive = ours

        def batch(loops: int) -> int:
            clock = time.perf_counter_ns
            start = clock()
            for _ in repeat(None, loops // window):
                for _ in repeat(None, window):
                    send(content)
                receive()
            return clock() - start

        for _ in range(window):
            send(content)
        case.verify(receive() == b"1", "the payload did not arrive unchanged")
        case.measure("transfer", batch, step=window, bytes_each=case["payload_bytes"], takes_turns=True)
    if case["mechanism"] == "os_pipe":
        from lab.agent.toolkit.channels.descriptors import buffered_bytes

        needs = Needs(case.context(), carried_bytes(case["payload"], content), window, buffer_bytes)
        case.record("buffered_bytes", "count", buffered_bytes(needs))
