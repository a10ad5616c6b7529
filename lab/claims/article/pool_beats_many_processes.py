"""A pool against a process a task."""

from lab.claims.claim import ANY_START, TUTORIAL, Claim, Quantity, Ratio, Workers

CLAIM = Claim(
    name="pool_beats_many_processes",
    statement=(
        "Starting and joining a process takes at least twice as long as apply takes for a task of a pool that is there."
    ),
    source=f"{TUTORIAL}, section 2, first sentence",
    tests=(
        Ratio(
            top=Quantity(
                scenario="process.start",
                operation="start_join",
                where={
                    "start_method": ANY_START,
                    "placement": "same_cpu",
                    "imports": "none",
                    "bytecode": "compiled",
                },
            ),
            bottom=Quantity(
                scenario="pool.api",
                operation="apply",
                where={"operation": "apply", "start_method": ANY_START, "workers": Workers.CPUS},
            ),
            same=("start_method",),
            holds="above",
            threshold=2.0,
        ),
    ),
    threshold_reason="At double, a pool has paid for the start of its workers after two tasks of each.",
    exceptions="A few long tasks, to which neither start nor dispatch matters.",
    view="process_start",
)
