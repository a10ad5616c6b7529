"""Chunk size of a pool's imap."""

from functools import partial

from lab.claims.claim import Claim, Quantity, Ratio, Workers

imap = partial(Quantity, scenario="pool.chunksize", operation="imap")
CLAIM = Claim(
    name="larger_chunks_are_faster",
    statement="At every task length measured imap takes longer with its default chunk of 1 than with chunks of 16.",
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
    threshold_reason="Faster is faster; the task length at which it helps least decides.",
    exceptions="Long or uneven tasks, where a large chunk leaves workers idle at the end (pool.uneven).",
    view="pool_chunksize",
)
