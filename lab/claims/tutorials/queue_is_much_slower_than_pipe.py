"""Round trip over Queues, compared with a Pipe."""

from functools import partial

from lab.claims.claim import Claim, Quantity, Ratio, Where

trip = partial(Quantity, scenario="ipc.round_trip", operation="round_trip")
OBJECT: Where = {"payload_bytes": 64, "placement": "same_cpu", "payload": "object"}
CLAIM = Claim(
    name="queue_is_much_slower_than_pipe",
    statement=(
        "On one CPU, a round trip of a pickled object of 64 bytes over two Queues takes at least twice as long as over"
        " one Pipe()."
    ),
    source="Stack Overflow question 8463008, Multiprocessing: Pipe vs Queue (measured on Python 2.7)",
    tests=(
        Ratio(
            top=trip(where={"mechanism": "queue", **OBJECT}),
            bottom=trip(where={"mechanism": "duplex_pipe", **OBJECT}),
            holds="above",
            threshold=2.0,
        ),
    ),
    threshold_reason=(
        "The source reports a factor of three on Python 2.7. A factor of two is the least that deserves the word"
        ' "much".'
    ),
    exceptions="With large messages copying dominates, and across CPUs waking the receiver dominates.",
    view="ipc_mechanisms",
)
