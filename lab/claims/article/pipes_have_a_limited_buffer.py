"""What a pipe takes before its writer blocks."""

from lab.claims.claim import Claim, Quantity

CLAIM = Claim(
    name="pipes_have_a_limited_buffer",
    statement="A pipe takes less than 1 MiB before its writer blocks.",
    source="article, section 3, message queue",
    quantities=(
        Quantity(
            scenario="ipc.throughput", metric="count", where={"mechanism": "os_pipe", "operation": "buffered_bytes"}
        ),
    ),
    holds="below",
    threshold=1048576.0,
    unit="bytes",
)
