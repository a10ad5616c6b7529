"""Whether the default size of Pool() suits a machine without a CPU limit."""

from functools import partial

from lab.claims.claim import TUTORIAL, Claim, Quantity, Ratio

job = partial(Quantity, scenario="pool.defaults", operation="job")
CLAIM = Claim(
    name="pool_default_fits_the_machine",
    statement=(
        "With all CPUs of the machine, Pool() is at most 5% slower than the fastest measured pool of another size."
    ),
    source=f"{TUTORIAL}, section 2, Pool()",
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
    exceptions="Work that waits, or that competes for memory or caches, has a different best size.",
    view="",
    scope="unlimited",
)
