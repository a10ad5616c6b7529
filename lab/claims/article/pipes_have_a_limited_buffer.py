"""How many bytes a pipe buffers before its writer blocks."""

from lab.claims.claim import TUTORIAL, Claim, Count, First, Quantity

CLAIM = Claim(
    name="pipes_have_a_limited_buffer",
    statement="An os.pipe accepts less than 1 MiB before its writer blocks.",
    source=f"{TUTORIAL}, section 3, message queue",
    tests=(
        Count(
            quantity=Quantity(
                scenario="ipc.throughput",
                operation="buffered_bytes",
                metric="count",
                where={
                    "mechanism": "os_pipe",
                    "payload_bytes": 65536,
                    "placement": First(("same_cpu", "cross_cpu")),
                    "payload": "bytes",
                    "buffer_bytes": "default",
                },
            ),
            holds="below",
            threshold=1048576.0,
            unit="bytes",
        ),
    ),
    threshold_reason=(
        "1 MiB is the largest size that an unprivileged Linux process can set (pipe(7), /proc/sys/fs/pipe-max-size)."
    ),
    exceptions="F_SETPIPE_SZ enlarges the buffer, up to that size.",
)
