"""Throughput in one direction, one window of messages at a time, by the size of the kernel's buffer."""

from __future__ import annotations

import time
from itertools import repeat

from lab.agent.facts.kernel import last_level_cache_bytes
from lab.agent.measuring.placement import PLACEMENTS
from lab.agent.scenario import NATURAL, Contrast, View, scenario
from lab.agent.toolkit.channels import BUFFERED, MECHANISMS, SEGMENTS, Needs
from lab.agent.toolkit.channels.axes import SIZES, offered
from lab.agent.toolkit.channels.axes import natural as natural_value
from lab.agent.toolkit.channels.partner import copying_sink, partner, sink, touching_sink
from lab.agent.toolkit.channels.payloads import carried_bytes, message
from lab.agent.toolkit.channels.slots import PAGE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Optional

    from lab.agent.case import Case

MOST_MESSAGES = 64  # per window
MOST_BYTES = 4_194_304
CACHES = 2  # sizes of the last-level cache that a window fills in shared memory
UNKNOWN_CACHE_BYTES = 67_108_864
MOST_SHARED_BYTES = 201_326_592  # leaves room in the containers' /dev/shm of 256 MiB
READINGS = {None: sink, "touched": touching_sink, "copied": copying_sink}
DEFAULT = "default"


def carrying(values: Dict[str, Any]) -> Optional[Dict[str, Any]]:
    """The case of these values, or None: signals carry no payload, and only pipes and sockets have a buffer to set."""
    if values["mechanism"] == "signal" or (values["payload"] == "object" and values["buffer_bytes"] != DEFAULT):
        return None
    if values["buffer_bytes"] != DEFAULT and values["mechanism"] not in BUFFERED:
        return None
    in_place = values["mechanism"] in SEGMENTS and values["payload"] == "bytes"  # a pickle is read as a whole
    return offered(values if in_place else {**values, "reading": None})


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
        "reading": ("touched", "copied"),
    },
    view=View(
        "lines",
        measure="Payload received per second from one other process, with default kernel buffers; in shared memory the "
        "receiver reads every cache line of buffers larger than the caches.",
        better="higher",
        unit="",
        metrics=("throughput",),
        operations=("transfer",),
        where={"payload": (NATURAL, "object"), "buffer_bytes": (NATURAL,), "reading": ("touched",)},
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
    estimate_s=0.15,
    profiles={
        "smoke": {
            "buffer_bytes": ["default", 65_536],
            "only": (
                "os_pipe-65536-same_cpu pipe-65536-same_cpu-65536 queue-64-same_cpu tcp_socket-65536-same_cpu "
                "shared_memory-65536-same_cpu-*"
            ),
        },
        "quick": {"buffer_bytes": ["default"], "only": "os_pipe-65536-same_cpu"},
        "standard": {
            "payload_bytes": [64, 65_536],
            "payload": ["bytes"],
            "placement": ["cross_cpu"],
            "only": "*_cpu *_cpu-touched os_pipe-65536-* pipe-65536-* unix_socket-65536-* shared_memory-65536-*",
        },
        "full": {
            "payload_bytes": [64, 1024, 65_536, 1_048_576],
            "payload": ["bytes"],
            "placement": ["same_cpu", "cross_cpu"],
            "only": "*_cpu *_cpu-touched *-65536-cross_cpu-*",
        },
    },
)
def throughput(case: Case) -> None:
    """``transfer``: time per message in windows of up to 64 messages (4 MB), of which the last is answered.

    In shared memory a window has as many messages as fill twice the last-level cache, each in a place of its own, and
    the receiver reads every cache line (``touched``) or copies the message (``copied``). What it does not read costs
    nothing, and what stays in a cache was never moved: a rate of either kind says nothing of memory. ``window_bytes``:
    payload in flight, which is the row's ``tasks`` (messages of a window) times its ``payload_bytes``.

    ``buffered_bytes``: the number of bytes that an ``os.pipe`` accepts while nobody reads.
    """
    content = message(case["payload"], case["payload_bytes"])
    window = window_of(case["mechanism"], case["payload_bytes"])
    buffer_bytes = None if case["buffer_bytes"] == DEFAULT else case["buffer_bytes"]
    case.describe(tasks=window)
    role = READINGS[case.values.get("reading")]
    with partner(case, role, window, content, content=content, window=window, buffer_bytes=buffer_bytes) as ours:
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
    case.record("window_bytes", "count", window * case["payload_bytes"], unit="bytes")
    if case["mechanism"] == "os_pipe":
        from lab.agent.toolkit.channels.descriptors import buffered_bytes

        needs = Needs(case.context(), carried_bytes(case["payload"], content), window, buffer_bytes)
        case.record("buffered_bytes", "count", buffered_bytes(needs))


def window_of(mechanism: str, payload_bytes: int) -> int:
    """Number of messages in a window. Places in shared memory begin on a page, so short messages take a page each."""
    if mechanism not in SEGMENTS:
        return max(1, min(MOST_MESSAGES, MOST_BYTES // payload_bytes))
    place_bytes = -(-payload_bytes // PAGE) * PAGE
    wanted = min(MOST_SHARED_BYTES, CACHES * (last_level_cache_bytes() or UNKNOWN_CACHE_BYTES))
    return max(1, -(-wanted // place_bytes))
