"""Effect of the chunk size on imap of a pool."""

from functools import partial

from lab.claims.claim import Claim, Quantity, Ratio, Workers

imap = partial(Quantity, scenario="pool.chunksize", operation="imap")
CLAIM = Claim(
    name="larger_chunks_are_faster",
    statement=(
        "For every measured task length, imap takes longer with its default chunk size of 1 than with a chunk size of"
        " 16."
    ),
    source="Python documentation, multiprocessing.pool.Pool.imap",
    tests=(
        Ratio(
            top=imap(where={"operation": "imap", "chunksize": 1, "workers": Workers.CPUS}),
            bottom=imap(where={"operation": "imap", "chunksize": 16, "workers": Workers.CPUS}),
            same=("task_ns",),
            holds="above",
            threshold=1.0,
        ),
    ),
    threshold_reason="Any gain confirms the claim. The task length with the smallest gain decides.",
    exceptions="With long or uneven tasks a large chunk leaves workers idle at the end (pool.uneven).",
    view="pool_chunksize",
)
