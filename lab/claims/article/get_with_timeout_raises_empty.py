"""Whether get with a timeout on an empty Queue raises Empty in time."""

from lab.claims.claim import TUTORIAL, Claim, Count, Quantity, Ratio, Where

WHERE: Where = {"mechanism": "queue", "payload_bytes": 64, "placement": "same_cpu", "payload": "object"}
CLAIM = Claim(
    name="get_with_timeout_raises_empty",
    statement=(
        "get(timeout) on an empty Queue raises Empty, not before the timeout and after at most 1.1 times the timeout."
    ),
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
        "A tenth of the timeout of 50 ms is 5 ms, longer than a time slice of the scheduler. Each count is 1 for yes"
        " and 0 for no; up to 1% before the timeout counts as rounding."
    ),
    exceptions="On a busy machine the waiting process may get a CPU late.",
)
