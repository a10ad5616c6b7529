"""Processes and I/O-bound work."""

from lab.claims.claim import Claim, Quantity

CLAIM = Claim(
    name="processes_are_wrong_for_io",
    statement=(
        "At equal concurrency, processes take at least 1.1 times as long as threads for I/O-bound work on "
        "sockets, start included."
    ),
    source="article, conclusion",
    quantities=(
        Quantity(
            scenario="model.compare",
            metric="wall_time",
            where={"executor": "threads", "work": "io", "operation": "job_with_start"},
        ),
        Quantity(
            scenario="model.compare",
            metric="wall_time",
            where={"executor": "processes", "work": "io", "operation": "job_with_start"},
        ),
    ),
    holds="above",
    threshold=1.1,
    unit="ratio",
)
