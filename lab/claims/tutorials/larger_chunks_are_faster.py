"""Chunk size of a pool's map."""

from lab.claims.claim import Claim, Quantity

CLAIM = Claim(
    name="larger_chunks_are_faster",
    statement="The default chunk of 1 of imap takes longer at every task length than a chunk of 16.",
    source="Python documentation, multiprocessing.pool.Pool.imap",
    quantities=(
        Quantity(scenario="pool.chunksize", metric="wall_time", where={"operation": "imap", "chunksize": "1"}),
        Quantity(scenario="pool.chunksize", metric="wall_time", where={"operation": "imap", "chunksize": "16"}),
    ),
    holds="above",
    threshold=1.0,
    unit="ratio",
)
