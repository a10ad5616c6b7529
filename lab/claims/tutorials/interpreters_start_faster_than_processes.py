"""Start of a pool of interpreters against a pool of processes."""

from functools import partial

from lab.claims.claim import Claim, Quantity, Ratio, Workers

start = partial(Quantity, scenario="pool.start", operation="start_ready")
INTERPRETERS = start(where={"executor": "interpreters", "workers": Workers.CPUS})
CLAIM = Claim(
    name="interpreters_start_faster_than_processes",
    statement=(
        "A pool of N interpreters is ready sooner than a pool of N processes, started by the default method as well as"
        " by fork."
    ),
    source="PEP 734, Multiple Interpreters in the Stdlib, and talks about it: interpreters are cheaper than processes",
    tests=(
        Ratio(
            top=INTERPRETERS,
            bottom=start(where={"executor": "processes", "start_method": "default", "workers": Workers.CPUS}),
            holds="below",
            threshold=1.0,
            name="default method",
        ),
        Ratio(
            top=INTERPRETERS,
            bottom=start(where={"executor": "processes", "start_method": "fork", "workers": Workers.CPUS}),
            holds="below",
            threshold=1.0,
            name="fork",
        ),
    ),
    threshold_reason="Any difference decides which of the two starts faster, whatever its size.",
    exceptions="The program imports next to nothing; heavy imports are repeated in each interpreter.",
    view="pool_start",
    since=(3, 14),
)
