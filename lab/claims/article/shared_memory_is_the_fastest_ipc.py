"""Shared memory against every other mechanism."""

from functools import partial

from lab.claims.claim import TUTORIAL, Claim, Quantity, Ratio

trip = partial(Quantity, scenario="ipc.round_trip", operation="round_trip")
CLAIM = Claim(
    name="shared_memory_is_the_fastest_ipc",
    statement=(
        "Of bytes at every payload size measured, on one CPU, the round trip of every other mechanism takes longer"
        " than that of shared memory."
    ),
    source=f"{TUTORIAL}, section 3, shared memory",
    tests=(
        Ratio(
            top=trip(
                where={"placement": "same_cpu", "payload": ("bytes", "object")},
                excluding={"mechanism": ("shared_memory", "mmap", "eventfd", "signal")},
            ),
            bottom=trip(where={"mechanism": "shared_memory", "placement": "same_cpu", "payload": "bytes"}),
            same=("payload_bytes",),
            holds="above",
            threshold=1.0,
        ),
    ),
    threshold_reason="The fastest is faster than each other; the worst pair of mechanism and size decides.",
    exceptions=(
        "Small messages, of which most is waking the other side, whatever carries them. mmap and eventfd are left out,"
        " for their payload lies in shared memory, too, and a signal, for it has none. Queues carry no bare bytes:"
        " what they pickle is held against it."
    ),
    view="ipc_round_trip",
)
