"""Round trip of one message between two processes, as the payload grows."""

from __future__ import annotations

import time
from itertools import repeat

from lab.agent.measuring.placement import PLACEMENTS
from lab.agent.scenario import NATURAL, View, scenario
from lab.agent.toolkit.channels import MECHANISMS
from lab.agent.toolkit.channels.axes import NAMED_PIPE_EDGE, SIZES, natural, offered
from lab.agent.toolkit.channels.partner import echo, partner
from lab.agent.toolkit.channels.payloads import PAYLOADS, message

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lab.agent.case import Case


@scenario(
    family="ipc",
    question="What does a round trip cost as the payload grows?",
    axes={
        "mechanism": MECHANISMS,
        "payload_bytes": tuple(sorted(SIZES + NAMED_PIPE_EDGE)),
        "placement": PLACEMENTS,
        "payload": PAYLOADS,
    },
    view=(
        View(
            "lines",
            measure="Latency of one message there and back; the other side has received it whole before it answers.",
            unit="per round trip",
            where={"payload": (NATURAL, "object")},
            targets="largest",
            x="payload_bytes",
            names=("mechanism",),
            facets=("placement",),
            hollow=("payload", {NATURAL: "its natural payload", "object": "pickled objects where bytes would do"}),
            note="Queues pickle all they carry; pipes are shown with bytes (send_bytes) and pickled objects (send).",
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
            note="The queues pickle what they carry, the others carry bytes; a signal carries nothing.",
            place=10,
        ),
    ),
    source="os.pipe, multiprocessing.Pipe, Queue, Manager, Listener, shared_memory; socket; mmap; signal; mq_*, msg*",
    article="3 communication: Queue and Pipe; named pipe, signal, message queue, shared memory, semaphore, socket",
    shape=offered,
    natural=natural,
    estimate_s=0.25,
)
def round_trip(case: Case) -> None:
    """One message there and back; the other side received it whole before it answers."""
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
