"""Python 3.14's default start method."""

from lab.claims.claim import Claim, Quantity

CLAIM = Claim(
    name="forkserver_default_makes_pools_slower",
    statement=(
        "On Linux, a Pool of N starts at least twice as slowly by Python 3.14's default start method as by "
        "3.13's, builds being of one class."
    ),
    source="What's New in Python 3.14, multiprocessing; cpython#139881",
    quantities=(
        Quantity(
            scenario="pool.start", metric="wall_time", where={"start_method": "default", "operation": "start_ready"}
        ),
    ),
    holds="above",
    threshold=2.0,
    unit="ratio",
)
