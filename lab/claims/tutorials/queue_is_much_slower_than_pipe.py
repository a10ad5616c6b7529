"""Queue against Pipe."""

from lab.claims.claim import Claim, Quantity

CLAIM = Claim(
    name="queue_is_much_slower_than_pipe",
    statement="A round trip of 64 bytes over two Queues takes at least twice as long as over Pipe().",
    source="Stack Overflow 8463008, Multiprocessing: Pipe vs Queue (measured on Python 2.7)",
    quantities=(
        Quantity(scenario="ipc.round_trip", metric="wall_time", where={"mechanism": "queue", "payload_bytes": "64"}),
        Quantity(
            scenario="ipc.round_trip", metric="wall_time", where={"mechanism": "duplex_pipe", "payload_bytes": "64"}
        ),
    ),
    holds="above",
    threshold=2.0,
    unit="ratio",
)
