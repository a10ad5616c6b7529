"""Percentiles of round trips that are timed one by one."""

from __future__ import annotations

import time

from lab.agent.measuring.placement import PLACEMENTS
from lab.agent.scenario import NATURAL, Contrast, View, scenario
from lab.agent.toolkit.channels import MECHANISMS
from lab.agent.toolkit.channels.axes import FIVE_SIZES, natural, offered
from lab.agent.toolkit.channels.partner import echo, partner
from lab.agent.toolkit.channels.payloads import message

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, List

    from lab.agent.case import Case

WARM_UP = 200
MOST = 10_000  # so that ten round trips lie beyond the 99.9th percentile
LEAST = 100
PASS_S = 3.0  # slow mechanisms make fewer round trips, and get no percentile that these do not support


@scenario(
    family="ipc",
    question="How long do the slowest round trips take?",
    axes={
        "mechanism": MECHANISMS,
        "payload_bytes": FIVE_SIZES,
        "placement": PLACEMENTS,
        "payload": ("bytes", "object"),
    },
    view=View(
        measure="Times of single round trips of 64 B; the distance between the two values matters.",
        unit="per round trip",
        metrics=("latency_p50", "latency_p999"),
        operations=("round_trip",),
        where={"payload_bytes": (64,), "payload": (NATURAL,)},
        targets="largest",
        names=("mechanism",),
        facets=("placement",),
        hollow=(
            "metric",
            {"latency_p50": "median", "latency_p999": "99.9th percentile: one in a thousand takes longer"},
        ),
        order="value",
        note="Each operation is timed alone, so its time includes the cost of the clock (the table's row clock).",
        place=21,
    ),
    source="as ipc.round_trip",
    article="3 communication: Queue and Pipe; signal",
    shape=offered,
    natural=natural,
    contrasts=(Contrast("payload_bytes", "placement", baseline={"mechanism": ("pipe",)}),),
    estimate_s=0.2,
    profiles={
        "smoke": {"only": "pipe-64-same_cpu signal-same_cpu"},
        "quick": {"only": "pipe-64-same_cpu"},
        "standard": {
            "payload_bytes": [64],
            "payload": ["bytes"],
            "only": "*-same_cpu *pipe-64-cross_cpu queue-64-cross_cpu",
        },
        "full": {"payload_bytes": [64, 65_536], "payload": ["bytes"], "placement": ["same_cpu", "cross_cpu", "free"]},
    },
)
def latency(case: Case) -> None:
    """``round_trip``: p50, p99 and p99.9 of single round trips; ``clock``: cost of the clock readings in each time."""
    content = message(case["payload"], case["payload_bytes"])
    with partner(case, echo, content=content) as (send, receive):
        send(content)
        case.verify(receive() == content, "the payload came back changed")

        def there_and_back() -> None:
            send(content)
            receive()

        warm_ns = sum(singles(there_and_back, WARM_UP))
        count = max(LEAST, min(MOST, int(PASS_S * 1e9 * WARM_UP / max(1, warm_ns))))
        case.record_latencies("round_trip", singles(there_and_back, count))
    empty = singles(lambda: None, MOST)
    case.record_time("clock", sum(empty), loops=len(empty))


def singles(operation: Callable[[], None], count: int) -> List[int]:
    """Time each of ``count`` operations, in nanoseconds."""
    clock = time.perf_counter_ns
    times = [0] * count
    for index in range(count):
        start = clock()
        operation()
        times[index] = clock() - start
    return times
