"""Round trip of one message between two processes, as the payload grows."""

from __future__ import annotations

import contextlib
import time
from itertools import repeat

from lab.agent import placement
from lab.agent.case import Case, observe
from lab.agent.channels import MECHANISMS, NATURAL_PAYLOAD, End
from lab.agent.scenario import scenario

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Optional

SIZES = (64, 256, 1024, 4096, 16_384, 65_536, 262_144, 1_048_576)
STOP = b""
JOIN_S = 10.0


def offered(values: Dict[str, Any]) -> Dict[str, Any]:
    """Queues pickle whatever they carry: whichever payload is chosen, they have the one case."""
    natural = NATURAL_PAYLOAD[values["mechanism"]]
    return values if natural == "bytes" else {**values, "payload": natural}


def echo(end: End, payload: str, cpus: Optional[List[int]]) -> None:
    """The other side: says what it is, then sends back what it receives until the empty message."""
    placement.pin(cpus)
    send, receive = end.calls(payload)
    send(repr(observe()).encode())
    message = receive()
    while message != STOP:
        send(message)
        message = receive()
    end.close()


@scenario(
    family="ipc",
    question="What does a round trip cost as the payload grows?",
    axes={
        "mechanism": tuple(MECHANISMS),
        "payload_bytes": SIZES,
        "placement": placement.PLACEMENTS,
        "payload": ("bytes", "object"),
    },
    view="ipc_cost",
    source="multiprocessing.Pipe, multiprocessing.Queue",
    article="3 communication: Queue and Pipe",
    shape=offered,
    natural=lambda axis, values: NATURAL_PAYLOAD[values["mechanism"]] if axis == "payload" else None,
    estimate_s=0.25,
)
def round_trip(case: Case) -> None:
    """One message there and back; the other side received it whole before it answers."""
    message = bytes(range(256)) * (case["payload_bytes"] // 256) + bytes(range(case["payload_bytes"] % 256))
    my_cpus, their_cpus = case.sides()
    context = case.context()
    here, there = MECHANISMS[case["mechanism"]](context)
    placement.pin(my_cpus)
    other = context.Process(target=echo, args=(there, case["payload"], their_cpus), daemon=True)  # type: ignore[attr-defined]
    other.start()
    send, receive = here.calls(case["payload"])
    observed = literal(receive())
    case.verify_workers([observed], parent=observe()["pid"])
    case.verify(their_cpus is None or observed["cpus"] == their_cpus, "the other side runs on %s" % observed["cpus"])
    send(message)
    case.verify(receive() == message, "the payload came back changed")

    def batch(loops: int) -> int:
        clock = time.perf_counter_ns
        start = clock()
        for _ in repeat(None, loops):
            send(message)
            receive()
        return clock() - start

    with kept_awake(case, my_cpus, their_cpus):
        case.measure("round_trip", batch)
    send(STOP)
    other.join(JOIN_S)
    case.verify(other.exitcode == 0, "the other side ended with code %s" % other.exitcode)
    here.close()


def kept_awake(case: Case, mine: Optional[List[int]], theirs: Optional[List[int]]) -> Any:
    """Spinners on both sides' CPUs for the diagnostic placement, else nothing."""
    if case["placement"] == "cross_cpu_awake":
        return placement.KeptAwake([*(mine or []), *(theirs or [])])
    return contextlib.nullcontext()


def literal(text: bytes) -> Dict[str, Any]:
    """The observation out of its text: bytes, for every mechanism and kind of payload carries those."""
    import ast

    found: Dict[str, Any] = ast.literal_eval(text.decode())
    return found
