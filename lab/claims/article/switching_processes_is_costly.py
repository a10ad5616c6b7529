"""Switching between processes against switching between threads."""

from lab.claims.claim import Claim, Quantity

CLAIM = Claim(
    name="switching_processes_is_costly",
    statement=("Handing over between two processes takes at least 1.1 times as long as between two threads of one."),
    source="article, conclusion",
    quantities=(
        Quantity(
            scenario="process.switch", metric="wall_time", where={"operation": "handover", "executor": "processes"}
        ),
        Quantity(scenario="process.switch", metric="wall_time", where={"operation": "handover", "executor": "threads"}),
    ),
    holds="above",
    threshold=1.1,
    unit="ratio",
)
