"""Memory of an idle worker process."""

from lab.claims.claim import ANY_START, TUTORIAL, Claim, Level, Quantity, Workers

CLAIM = Claim(
    name="processes_cost_resources",
    statement="Each of N idle worker processes has a proportional set size (PSS) of at least 1 MiB.",
    source=f"{TUTORIAL}, conclusion",
    tests=(
        Level(
            quantity=Quantity(
                scenario="process.memory",
                operation="worker_memory",
                metric="pss",
                where={"start_method": ANY_START, "workers": Workers.CPUS, "imports": "none"},
            ),
            holds="above",
            threshold=1048576.0,
            unit="bytes",
        ),
    ),
    threshold_reason=(
        "An idle thread uses a few pages of its stack; 1 MiB is many times that. Where fork exists it is measured,"
        " because it needs the least memory."
    ),
    view="process_memory",
)
