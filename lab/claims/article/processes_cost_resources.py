"""Memory of a worker that does nothing."""

from lab.claims.claim import Claim, Quantity

CLAIM = Claim(
    name="processes_cost_resources",
    statement="A worker process that does nothing has a proportional set size of at least 1 MiB.",
    source="article, conclusion",
    quantities=(Quantity(scenario="process.memory", metric="pss", where={"operation": "worker_memory"}),),
    holds="above",
    threshold=1048576.0,
    unit="bytes",
)
