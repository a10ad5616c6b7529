"""A pool of twice as many workers as CPUs."""

from lab.claims.claim import Claim, Quantity

CLAIM = Claim(
    name="more_workers_than_cpus_hurt",
    statement="A compute-bound job takes at least 1.05 times as long on 2N workers as on N, on N CPUs.",
    source="SuperFastPython, Multiprocessing Pool: The Complete Guide",
    quantities=(
        Quantity(scenario="pool.scaling", metric="wall_time", where={"executor": "processes", "work": "pure_python"}),
    ),
    holds="above",
    threshold=1.05,
    unit="ratio",
)
