"""A proxy against shared memory."""

from lab.claims.claim import Claim, Quantity

CLAIM = Claim(
    name="manager_is_slower_than_shared_memory",
    statement="Setting a Manager's Value takes at least twice as long as setting a Value in shared memory.",
    source="article, data sharing, section 2",
    quantities=(
        Quantity(
            scenario="state.manager",
            metric="wall_time",
            where={"operation": "set", "placement": "same_cpu", "variant": '{"container": "value"}'},
        ),
        Quantity(
            scenario="state.update",
            metric="wall_time",
            where={"operation": "write", "workers": "1", "variant": '{"container": "value"}'},
        ),
    ),
    holds="above",
    threshold=2.0,
    unit="ratio",
)
