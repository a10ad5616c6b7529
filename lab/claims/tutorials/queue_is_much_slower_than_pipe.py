"""Queue against Pipe."""

from functools import partial

from lab.claims.claim import Claim, Quantity, Ratio, Where

trip = partial(Quantity, scenario="ipc.round_trip", operation="round_trip")
OBJECT: Where = {"payload_bytes": 64, "placement": "same_cpu", "payload": "object"}
CLAIM = Claim(
    name="queue_is_much_slower_than_pipe",
    statement=(
        "A round trip of a pickled object of 64 bytes over two Queues takes at least twice as long as over Pipe(), on"
        " one CPU."
    ),
    source="Stack Overflow 8463008, Multiprocessing: Pipe vs Queue (measured on Python 2.7)",
    tests=(
        Ratio(
            top=trip(where={"mechanism": "queue", **OBJECT}),
            bottom=trip(where={"mechanism": "duplex_pipe", **OBJECT}),
            holds="above",
            threshold=2.0,
        ),
    ),
    threshold_reason="The source says three times, of Python 2.7; double is the least that is much.",
    exceptions="Large messages, of which most is copying; across CPUs waking the other side outweighs both.",
    view="ipc_mechanisms",
)
