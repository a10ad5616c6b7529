"""Whether the default size of Pool() suits a CPU limit."""

from functools import partial

from lab.claims.claim import TUTORIAL, Claim, Quantity, Ratio

job = partial(Quantity, scenario="pool.defaults", operation="job")
CLAIM = Claim(
    name="pool_default_fits_the_container",
    statement=(
        "Under a cpuset, an affinity mask or a CPU quota, Pool() is at most 5% slower than the fastest measured pool of"
        " another size."
    ),
    source=f"{TUTORIAL}, section 2, Pool(), applied to containers",
    tests=(
        Ratio(
            top=job(where={"kind": "pool", "size": "default"}),
            bottom=job(where={"kind": "pool"}, excluding={"size": ("default",)}),
            different=("workers",),
            holds="below",
            threshold=1.05,
        ),
    ),
    threshold_reason=(
        "A pool of the wrong size costs far more than 5%, or nothing. A pool of a good size may vary by 5%."
    ),
    exceptions=(
        "Before Python 3.13 Pool() starts one worker per CPU of the machine and ignores the cpuset; every version"
        " ignores quotas."
    ),
    view="quota_cost",
    scope="limited",
)
