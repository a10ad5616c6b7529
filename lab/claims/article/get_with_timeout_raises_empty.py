"""An empty Queue and a timeout."""

from lab.claims.claim import Claim, Quantity

CLAIM = Claim(
    name="get_with_timeout_raises_empty",
    statement="get(timeout) on an empty Queue raises Empty, at most 1.1 times the timeout later.",
    source="article, section 3.1, get(timeout)",
    quantities=(
        Quantity(
            scenario="ipc.one_way", metric="wall_time", where={"mechanism": "queue", "operation": "empty_timeout"}
        ),
        Quantity(
            scenario="ipc.one_way",
            metric="wall_time",
            where={"mechanism": "queue", "operation": "empty_timeout_asked"},
        ),
        Quantity(scenario="ipc.one_way", metric="count", where={"mechanism": "queue", "operation": "empty_raised"}),
    ),
    holds="below",
    threshold=1.1,
    unit="ratio",
)
