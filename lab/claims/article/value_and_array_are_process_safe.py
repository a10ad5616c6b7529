"""Increments of a shared Value or Array element by several processes."""

from lab.claims.claim import Claim, Quantity

CLAIM = Claim(
    name="value_and_array_are_process_safe",
    statement=(
        "No increment is lost when several processes on several CPUs do += 1 on a Value or an Array element "
        "without its lock."
    ),
    source="article, data sharing, section 1",
    quantities=(Quantity(scenario="state.lost_updates", metric="count", where={"operation": "lost"}),),
    holds="below",
    threshold=0.5,
    unit="count",
)
