"""One message in one direction: from before it is sent until the other process has received it.

Both moments are read from one clock, because all processes of a system share that of ``time.perf_counter``
(CLOCK_MONOTONIC on Linux). The other side's answer holds its moment and is not timed. ``Queue.put`` returns before the
message is sent, so only put and get together show the cost.
"""

from __future__ import annotations

import time
from itertools import repeat

from lab.agent.measuring.placement import PLACEMENTS
from lab.agent.scenario import NATURAL, Contrast, View, scenario
from lab.agent.toolkit.channels import MECHANISMS, SEGMENTS
from lab.agent.toolkit.channels.axes import FIVE_SIZES, natural, offered
from lab.agent.toolkit.channels.partner import partner, stamp
from lab.agent.toolkit.channels.payloads import message

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Optional

    from lab.agent.case import Case

BURST = 1000  # messages sent without waiting, to check their order
TIMEOUT_S = 0.05
TIMEOUTS = 3
NOT_EARLY = 0.99  # share of the timeout; clocks and poll() round
WITH_TIMEOUT = ("queue", "joinable_queue")  # SimpleQueue.get takes none


def carrying(values: Dict[str, Any]) -> Optional[Dict[str, Any]]:
    """The case of these values, or None for a signal, which cannot carry the answer."""
    return None if values["mechanism"] == "signal" else offered(values)


@scenario(
    family="ipc",
    question="How long does one message take, and do messages keep their order?",
    axes={
        "mechanism": tuple(name for name in MECHANISMS if name != "signal"),
        "payload_bytes": FIVE_SIZES,
        "placement": PLACEMENTS,
        "payload": ("bytes", "object"),
    },
    view=View(
        "lines",
        measure="Time from sending a message until it has been received.",
        unit="per message",
        operations=("one_way",),
        where={"payload": (NATURAL,)},
        targets="largest",
        x="payload_bytes",
        names=("mechanism",),
        facets=("placement",),
        place=12,
    ),
    source="as ipc.round_trip; queue.Empty",
    article="3 Queue: FIFO, get(timeout) and Empty; Pipe",
    shape=carrying,
    natural=natural,
    contrasts=(Contrast("payload_bytes", "placement", baseline={"mechanism": ("pipe",)}, operations=("one_way",)),),
    estimate_s=0.25,
    profiles={
        "smoke": {"only": "pipe-64-same_cpu queue-64-same_cpu shared_memory-64-same_cpu"},
        "quick": {"only": "queue-64-same_cpu"},
        "standard": {
            "payload_bytes": [64, 65_536],
            "payload": ["bytes"],
            "only": "*queue-* *pipe-64-* shared_memory-64-*",
        },
        "full": {"payload_bytes": [64, 65_536], "payload": ["bytes"], "placement": ["same_cpu", "cross_cpu"]},
    },
)
def one_way(case: Case) -> None:
    """``one_way``: time of a message; ``out_of_order``: messages of a burst of 1000 that overtook an earlier one.

    For get(timeout) on an empty queue: ``empty_raised`` (whether it raised Empty), ``empty_waited_out`` (whether it
    waited for the whole timeout), ``empty_timeout`` (how long it took), ``empty_timeout_asked`` (the timeout).
    """
    content = message(case["payload"], case["payload_bytes"])
    burst = 0 if case["mechanism"] in SEGMENTS else BURST
    with partner(case, stamp, burst, content=content) as (send, receive):
        numbers = [int.from_bytes(receive(), "little") for _ in range(burst)]
        case.verify(sorted(numbers) == list(range(burst)), "not every one of %d messages arrived exactly once" % burst)

        def batch(loops: int) -> int:
            clock, total = time.perf_counter_ns, 0
            for _ in repeat(None, loops):
                start = clock()
                send(content)
                total += int.from_bytes(receive(), "little") - start
            return total

        before = time.perf_counter_ns()
        under_way = batch(1)
        case.verify(0 < under_way < time.perf_counter_ns() - before, "the clocks of the two processes differ")
        case.measure("one_way", batch, takes_turns=True)
    if burst:
        inversions = sum(later < earlier for earlier, later in zip(numbers, numbers[1:]))
        case.record("out_of_order", "count", inversions)
    if case["mechanism"] in WITH_TIMEOUT:
        record_empty_timeouts(case)


def record_empty_timeouts(case: Case) -> None:
    """Record what ``get(timeout)`` does on a queue that stays empty: it should raise Empty soon after the timeout."""
    import queue

    context: Any = case.context()
    empty = context.Queue() if case["mechanism"] == "queue" else context.JoinableQueue()
    for index in range(TIMEOUTS):
        raised = 0
        start = time.perf_counter_ns()
        try:
            empty.get(timeout=TIMEOUT_S)
        except queue.Empty:
            raised = 1
        elapsed_ns = time.perf_counter_ns() - start
        case.record("empty_raised", "count", raised, index=index)
        case.record("empty_waited_out", "count", int(elapsed_ns >= NOT_EARLY * TIMEOUT_S * 1e9), index=index)
        case.record_time("empty_timeout", elapsed_ns, index=index)
        case.record_time("empty_timeout_asked", round(TIMEOUT_S * 1e9), index=index)
    empty.close()
    empty.join_thread()
