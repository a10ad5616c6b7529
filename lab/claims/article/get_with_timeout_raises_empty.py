"""An empty Queue and a timeout."""

from lab.claims.claim import TUTORIAL, Claim, Count, Quantity, Ratio, Where

WHERE: Where = {"mechanism": "queue", "payload_bytes": 64, "placement": "same_cpu", "payload": "object"}
CLAIM = Claim(
    name="get_with_timeout_raises_empty",
    statement="get(timeout) on an empty Queue raises Empty, not before the timeout and at most 1.1 times as late.",
    source=f"{TUTORIAL}, section 3.1, get(timeout)",
    tests=(
        Ratio(
            top=Quantity(scenario="ipc.one_way", operation="empty_timeout", where=WHERE),
            bottom=Quantity(scenario="ipc.one_way", operation="empty_timeout_asked", where=WHERE),
            holds="below",
            threshold=1.1,
        ),
        *(
            Count(
                quantity=Quantity(scenario="ipc.one_way", operation=operation, metric="count", where=WHERE),
                holds="above",
                threshold=0.5,
            )
            for operation in ("empty_raised", "empty_waited_out")
        ),
    ),
    threshold_reason=(
        "Of a timeout of 50 ms a tenth is 5 ms, longer than a scheduler's turn."
        " Yes is 1 and no is 0; 1 % early is rounding."
    ),
    exceptions="A busy machine, on which the waiting process gets its CPU late.",
)
