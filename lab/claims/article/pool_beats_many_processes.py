"""Cost of one task in a pool, compared with starting a process for it."""

from lab.claims.claim import ANY_START, TUTORIAL, Claim, Quantity, Ratio, Workers

CLAIM = Claim(
    name="pool_beats_many_processes",
    statement=(
        "Starting and joining a process takes at least twice as long as apply takes for one task in a pool that has"
        " already started."
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
    threshold_reason="With a factor of two, a pool has recovered the start of its workers after two tasks per worker.",
    exceptions="For a few long tasks neither the start nor the dispatch matters.",
    view="process_start",
)
