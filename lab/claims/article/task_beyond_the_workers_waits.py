"""Task N + 1 on N workers."""

from lab.claims.claim import ANY_START, TUTORIAL, Claim, Count, Quantity, Workers

CLAIM = Claim(
    name="task_beyond_the_workers_waits",
    statement="Task N+1 of a pool of N workers starts only after one of the first N has ended.",
    source=f"{TUTORIAL}, section 2, cpu_count() + 1 tasks",
    tests=(
        Count(
            quantity=Quantity(
                scenario="pool.overflow",
                operation="waited",
                metric="count",
                where={"start_method": ANY_START, "workers": Workers.CPUS},
            ),
            holds="above",
            threshold=0.5,
        ),
    ),
    threshold_reason="1 is yes and 0 is no, read from the workers' own clocks.",
)
