"""A pool against a process a task."""

from lab.claims.claim import Claim, Quantity

CLAIM = Claim(
    name="pool_beats_many_processes",
    statement=(
        "Starting and joining a process takes at least twice as long as apply takes for one task of a pool "
        "that is there."
    ),
    source="article, section 2, first sentence",
    quantities=(
        Quantity(scenario="process.start", metric="wall_time", where={"operation": "start_join"}),
        Quantity(scenario="pool.api", metric="wall_time", where={"operation": "apply"}),
    ),
    holds="above",
    threshold=2.0,
    unit="ratio",
)
