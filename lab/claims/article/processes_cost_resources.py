"""Memory of a worker that does nothing."""

from lab.claims.claim import ANY_START, TUTORIAL, Claim, Level, Quantity, Workers

CLAIM = Claim(
    name="processes_cost_resources",
    statement="Each of N worker processes that do nothing has a proportional set size (PSS) of at least 1 MiB.",
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
        "An idle thread touches some pages of its stack; 1 MiB is many times that. Fork is taken where it is: the"
        " cheapest."
    ),
    view="process_memory",
)
