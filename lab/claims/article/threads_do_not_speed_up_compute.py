"""Threads and compute-bound work."""

from lab.claims.claim import Claim, Quantity

CLAIM = Claim(
    name="threads_do_not_speed_up_compute",
    statement="N threads do a fixed compute-bound job in pure Python at most 1.1 times as fast as one.",
    source="article, introduction",
    quantities=(
        Quantity(scenario="pool.scaling", metric="wall_time", where={"executor": "serial", "work": "pure_python"}),
        Quantity(scenario="pool.scaling", metric="wall_time", where={"executor": "threads", "work": "pure_python"}),
    ),
    holds="below",
    threshold=1.1,
    unit="ratio",
)
