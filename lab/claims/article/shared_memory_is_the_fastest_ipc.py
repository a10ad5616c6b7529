"""Shared memory against every other mechanism."""

from lab.claims.claim import Claim, Quantity

CLAIM = Claim(
    name="shared_memory_is_the_fastest_ipc",
    statement=(
        "At every payload size the round trip of the fastest other mechanism takes longer than that of shared memory."
    ),
    source="article, section 3, shared memory",
    quantities=(
        Quantity(scenario="ipc.round_trip", metric="wall_time", where={"mechanism": "shared_memory"}),
        Quantity(scenario="ipc.round_trip", metric="wall_time", where={"mechanism": "pipe"}),
        Quantity(scenario="ipc.round_trip", metric="wall_time", where={"mechanism": "unix_socket"}),
    ),
    holds="above",
    threshold=1.0,
    unit="ratio",
)
