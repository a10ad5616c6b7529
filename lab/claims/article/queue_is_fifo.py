"""Order of a Queue with one producer."""

from lab.claims.claim import TUTORIAL, Claim, Count, Quantity

CLAIM = Claim(
    name="queue_is_fifo",
    statement=(
        "None of 1000 messages that one producer puts into a Queue arrives before a message that was put earlier."
    ),
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
            trials=1000,
        ),
    ),
    threshold_reason="One message that arrives out of order refutes the claim.",
    exceptions="With several producers each has its own feeder thread, and the order holds only within each producer.",
)
