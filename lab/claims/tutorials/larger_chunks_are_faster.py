"""Effect of the chunk size on imap of a pool."""

from functools import partial

from lab.claims.claim import Claim, Quantity, Ratio, Workers

ENOUGH_CHUNKS = 4  # a worker that ends a chunk before the others idles for a fifth of the job at most
imap = partial(Quantity, scenario="pool.chunksize", operation="imap")
CLAIM = Claim(
    name="larger_chunks_are_faster",
    statement=(
        "For every measured task length whose job gives each of N workers at least four chunks of 16 tasks, imap takes"
        " longer with its default chunk size of 1 than with a chunk size of 16."
    ),
    source="Python documentation, multiprocessing.pool.Pool.imap",
    tests=(
        Ratio(
            top=imap(where={"operation": "imap", "chunksize": 1, "workers": Workers.CPUS}),
            bottom=imap(
                where={"operation": "imap", "chunksize": 16, "workers": Workers.CPUS}, chunks_per_worker=ENOUGH_CHUNKS
            ),
            same=("task_ns",),
            holds="above",
            threshold=1.0,
        ),
    ),
    threshold_reason="Any gain confirms the claim. The task length with the smallest gain decides.",
    exceptions=(
        "With fewer chunks, or with uneven tasks, a large chunk leaves workers idle at the end (pool.uneven); such jobs"
        " are not judged."
    ),
    view="pool_chunksize",
)
