"""Order of a Queue with one producer."""

from lab.claims.claim import Claim, Quantity

CLAIM = Claim(
    name="queue_is_fifo",
    statement="Of the messages of one producer none arrives before an earlier one.",
    source="article, section 3.1",
    quantities=(
        Quantity(scenario="ipc.one_way", metric="count", where={"mechanism": "queue", "operation": "out_of_order"}),
    ),
    holds="below",
    threshold=0.5,
    unit="count",
)
