"""What Pool() picks without a limit."""

from functools import partial

from lab.claims.claim import TUTORIAL, Claim, Quantity, Ratio

job = partial(Quantity, scenario="pool.defaults", operation="job")
CLAIM = Claim(
    name="pool_default_fits_the_machine",
    statement=(
        "With all of the machine's CPUs, Pool() is at most 5 % slower than the best pool of another size that was"
        " measured."
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
    threshold_reason="A pool of the wrong size costs far more or nothing; 5 % is what a size that fits may scatter.",
    exceptions="Work that waits, or that competes for memory or caches, has another best size.",
    view="",
    scope="unlimited",
)
