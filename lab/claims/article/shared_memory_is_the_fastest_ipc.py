"""Shared memory compared with every other mechanism."""

from functools import partial

from lab.claims.claim import TUTORIAL, Claim, Quantity, Ratio

trip = partial(Quantity, scenario="ipc.round_trip", operation="round_trip")
CLAIM = Claim(
    name="shared_memory_is_the_fastest_ipc",
    statement=(
        "On one CPU, for bytes of every measured payload size, a round trip by every other mechanism takes longer than"
        " a round trip by shared memory."
    ),
    source=f"{TUTORIAL}, section 3, shared memory",
    tests=(
        Ratio(
            top=trip(
                where={"placement": "same_cpu", "payload": ("bytes", "object")},
                excluding={"mechanism": ("shared_memory", "mmap", "eventfd", "signal"), "allocator": ("retained",)},
            ),
            bottom=trip(
                where={"mechanism": "shared_memory", "placement": "same_cpu", "payload": "bytes"},
                excluding={"allocator": ("retained",)},
            ),
            same=("payload_bytes",),
            holds="above",
            threshold=1.0,
        ),
    ),
    threshold_reason=(
        "The fastest mechanism is faster than every other. The least favourable pair of mechanism and size decides."
    ),
    exceptions=(
        "Most of the time of a small message is spent waking the receiver, whatever the mechanism. Three mechanisms are"
        " excluded: mmap and eventfd, because their payload lies in shared memory too, and signals, because they carry"
        " no payload. Queues cannot carry plain bytes, so their pickled objects are compared."
    ),
    view="ipc_round_trip",
)
