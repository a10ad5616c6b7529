"""Processes and compute-bound work."""

from lab.claims.claim import Claim, Quantity

CLAIM = Claim(
    name="processes_speed_up_compute",
    statement=(
        "On two CPUs or more, N processes do a fixed compute-bound job in pure Python at least 1.5 times as "
        "fast as one."
    ),
    source="article, section 2 and conclusion",
    quantities=(
        Quantity(scenario="pool.scaling", metric="wall_time", where={"executor": "serial", "work": "pure_python"}),
        Quantity(scenario="pool.scaling", metric="wall_time", where={"executor": "processes", "work": "pure_python"}),
    ),
    holds="above",
    threshold=1.5,
    unit="ratio",
)
