"""Task N + 1 on N workers."""

from lab.claims.claim import Claim, Quantity

CLAIM = Claim(
    name="task_beyond_the_workers_waits",
    statement=("Task N+1 of a pool of N workers starts only after a task has ended, in at least 99 of 100 cases."),
    source="article, section 2, cpu_count() + 1 tasks",
    quantities=(Quantity(scenario="pool.overflow", metric="count", where={"operation": "waited"}),),
    holds="above",
    threshold=0.99,
    unit="ratio",
)
