"""Round trip of one message between two processes, as the payload grows."""

from __future__ import annotations

import time
from itertools import repeat

from lab.agent.measuring.placement import PLACEMENTS
from lab.agent.scenario import NATURAL, Contrast, View, scenario
from lab.agent.toolkit.allocator import STATES, allocated
from lab.agent.toolkit.channels import MECHANISMS
from lab.agent.toolkit.channels.axes import NAMED_PIPE_EDGE, SIZES, natural, offered
from lab.agent.toolkit.channels.partner import echo, partner
from lab.agent.toolkit.channels.payloads import PAYLOADS, message

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Optional

    from lab.agent.case import Case


def allocatable(values: Dict[str, Any]) -> Optional[Dict[str, Any]]:
    """The case of these values, or None if it is not measured."""
    found = offered(values)
    return found and allocated(found)


@scenario(
    family="ipc",
    question="What does a round trip cost as the payload grows?",
    axes={
        "mechanism": MECHANISMS,
        "payload_bytes": tuple(sorted(SIZES + NAMED_PIPE_EDGE)),
        "placement": PLACEMENTS,
        "payload": PAYLOADS,
        "allocator": STATES,
    },
    view=(
        View(
            "lines",
            measure="Latency of one message there and back; the other side receives all of it before it answers.",
            unit="per round trip",
            where={"payload": (NATURAL, "object"), "allocator": (NATURAL,)},
            targets="largest",
            x="payload_bytes",
            names=("mechanism",),
            facets=("placement",),
            hollow=("payload", {NATURAL: "its natural payload", "object": "pickled objects instead of bytes"}),
            note="Queues pickle every message; pipes are shown with bytes (send_bytes) and pickled objects (send). "
            "os_pipe, fifo and sockets are bare system calls: one write and one read of a known size.",
            lone="ipc_mechanisms",
            crossings=True,
            place=11,
        ),
        View(
            name="ipc_mechanisms",
            title="What does a small round trip cost through each mechanism?",
            measure="Latency of one message of 64 B there and back.",
            unit="per round trip",
            where={"payload_bytes": (64,), "payload": (NATURAL,)},
            targets="largest",
            names=("mechanism",),
            facets=("placement",),
            order="value",
            note="Queues pickle every message, and the other mechanisms carry bytes; a signal carries no payload.",
            place=10,
        ),
    ),
    source="os.pipe, multiprocessing.Pipe, Queue, Manager, Listener, shared_memory; socket; mmap; signal; mq_*, msg*",
    article="3 communication: Queue and Pipe; named pipe, signal, message queue, shared memory, semaphore, socket",
    shape=allocatable,
    natural=natural,
    contrasts=(
        Contrast(
            "payload_bytes",
            "placement",
            baseline={"mechanism": ("pipe",), "payload": (NATURAL,)},
            operations=("round_trip",),
        ),
        Contrast(where={"placement": ("same_cpu", "cross_cpu"), "payload": (NATURAL,)}, questions=("ipc",)),
        Contrast(
            where={
                "mechanism": ("pipe", "queue"),
                "payload_bytes": (64, 1_048_576),
                "placement": ("same_cpu",),
                "payload": (NATURAL,),
            },
            questions=("versions",),
        ),
    ),
    estimate_s=0.2,
    profiles={
        "smoke": {
            "payload": ["bytes", "object", "flat_list", "nested_dict", "oob"],
            "only": (
                "os_pipe-64-same_cpu pipe-64-*_cpu pipe-65536-same_cpu pipe-64-same_cpu-* "
                "duplex_pipe-64-same_cpu *pipe-128-same_cpu *pipe-129-same_cpu queue-64-same_cpu "
                "simple_queue-64-same_cpu joinable_queue-64-same_cpu manager_queue-64-same_cpu fifo-64-same_cpu "
                "unix_socket-64-same_cpu tcp_socket-64-same_cpu listener_client-64-same_cpu posix_mq-64-same_cpu "
                "sysv_mq-64-same_cpu shared_memory-64-same_cpu mmap-64-same_cpu eventfd-64-same_cpu "
                "signal-same_cpu pipe-65536-same_cpu-retained"
            ),
            "windows": {"payload_bytes": [128, 129]},
        },
        "quick": {
            "payload_bytes": [64, 65_536, 1_048_576],
            "only": (
                "pipe-*-same_cpu duplex_pipe-*-same_cpu queue-*-same_cpu simple_queue-*-same_cpu "
                "pipe-64-cross_cpu duplex_pipe-64-cross_cpu queue-64-cross_cpu simple_queue-64-cross_cpu "
                "pipe-1048576-cross_cpu duplex_pipe-1048576-cross_cpu queue-1048576-cross_cpu "
                "simple_queue-1048576-cross_cpu os_pipe-64-same_cpu fifo-64-same_cpu unix_socket-64-same_cpu "
                "tcp_socket-64-same_cpu posix_mq-64-same_cpu sysv_mq-64-same_cpu shared_memory-64-same_cpu "
                "shared_memory-1048576-same_cpu manager_queue-64-same_cpu signal-same_cpu "
                "duplex_pipe-64-same_cpu-object pipe-1048576-same_cpu-retained"
            ),
            "repeat": {"only": "pipe-64-*_cpu pipe-1048576-same_cpu queue-64-same_cpu"},
            "windows": {"payload_bytes": [128, 129]},
        },
        "standard": {
            "payload": ["bytes", "object", "flat_list", "nested_dict", "oob"],
            "only": (
                "pipe-*_cpu duplex_pipe-*_cpu queue-*_cpu simple_queue-*_cpu shared_memory-*_cpu *-64-same_cpu "
                "*-65536-same_cpu *-1048576-same_cpu *-64-cross_cpu signal-* *pipe-1048576-same_cpu-* "
                "queue-1048576-same_cpu-* duplex_pipe-64-same_cpu-object pipe-*-same_cpu-retained "
                "duplex_pipe-*-same_cpu-retained"
            ),
            "windows": {"payload_bytes": [128, 129]},
        },
        "full": {
            "only": (
                "*_cpu *-free *-64-same_cpu-object *pipe-64-cross_cpu_awake *queue-64-cross_cpu_awake "
                "*pipe-*-same_cpu-object *pipe-*-same_cpu-oob *-1048576-same_cpu-* *-retained *pipe-64-smt_siblings "
                "queue-64-smt_siblings shared_memory-64-smt_siblings"
            )
        },
    },
)
def round_trip(case: Case) -> None:
    """``round_trip``: one message there and back; the other side receives the whole message before it answers.

    Through os_pipe, fifo and sockets it is a bare loop of system calls, which ``over_raw`` refers to.
    """
    content = message(case["payload"], case["payload_bytes"])
    with partner(case, echo, content=content) as (send, receive):
        send(content)
        case.verify(receive() == content, "the payload came back changed")

        def batch(loops: int) -> int:
            clock = time.perf_counter_ns
            start = clock()
            for _ in repeat(None, loops):
                send(content)
                receive()
            return clock() - start

        case.measure("round_trip", batch)
