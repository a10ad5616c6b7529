"""Order of a Queue with one producer."""

from lab.claims.claim import TUTORIAL, Claim, Count, Quantity

CLAIM = Claim(
    name="queue_is_fifo",
    statement="Of 1000 messages that one producer puts into a Queue none arrives before an earlier one.",
    source=f"{TUTORIAL}, section 3.1",
    tests=(
        Count(
            quantity=Quantity(
                scenario="ipc.one_way",
                operation="out_of_order",
                metric="count",
                where={"mechanism": "queue", "payload_bytes": 64, "placement": "same_cpu", "payload": "object"},
            ),
            holds="below",
            threshold=0.5,
        ),
    ),
    threshold_reason="One that overtakes is enough.",
    exceptions="Several producers: each has a feeder thread of its own, and order holds within each alone.",
)
