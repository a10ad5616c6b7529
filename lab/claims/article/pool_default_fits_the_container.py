"""What Pool() picks inside a limit."""

from functools import partial

from lab.claims.claim import TUTORIAL, Claim, Quantity, Ratio

job = partial(Quantity, scenario="pool.defaults", operation="job")
CLAIM = Claim(
    name="pool_default_fits_the_container",
    statement=(
        "Under a cpuset, an affinity or a quota, Pool() is at most 5 % slower than the best pool of another size that"
        " was measured."
    ),
    source=f"{TUTORIAL}, section 2, Pool(); asked for containers",
    tests=(
        Ratio(
            top=job(where={"kind": "pool", "size": "default"}),
            bottom=job(where={"kind": "pool"}, excluding={"size": ("default",)}),
            different=("workers",),
            holds="below",
            threshold=1.05,
        ),
    ),
    threshold_reason="A pool of the wrong size costs far more or nothing; 5 % is what a size that fits may scatter.",
    exceptions=(
        "Before Python 3.13 Pool() starts a worker for each CPU of the machine, whatever the cpuset; no version looks"
        " at quotas."
    ),
    view="quota_cost",
    scope="limited",
)
