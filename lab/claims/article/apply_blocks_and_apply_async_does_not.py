"""What waits for a task's result."""

from lab.claims.claim import Claim, Quantity

CLAIM = Claim(
    name="apply_blocks_and_apply_async_does_not",
    statement=(
        "Of the same tasks on the same workers, each costs more through apply than through apply_async, since"
        " apply waits."
    ),
    source="article, section 2, apply",
    quantities=(
        Quantity(scenario="pool.api", metric="wall_time", where={"operation": "apply"}),
        Quantity(scenario="pool.api", metric="wall_time", where={"operation": "apply_async"}),
    ),
    holds="above",
    threshold=1.0,
    unit="ratio",
)
