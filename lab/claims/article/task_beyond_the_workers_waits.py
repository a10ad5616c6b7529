"""Whether task N+1 waits for one of N workers."""

from lab.claims.claim import ANY_START, TUTORIAL, Claim, Count, Quantity, Workers

CLAIM = Claim(
    name="task_beyond_the_workers_waits",
    statement="Task N+1 in a pool of N workers starts only after one of the first N tasks has ended.",
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
    threshold_reason="The count is 1 for yes and 0 for no. The workers record the times of starts and ends.",
)
