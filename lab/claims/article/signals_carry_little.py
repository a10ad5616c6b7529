"""How much data a signal carries, compared with a pipe."""

from functools import partial

from lab.claims.claim import TUTORIAL, Claim, Quantity, Ratio

trip = partial(Quantity, scenario="ipc.round_trip", operation="round_trip")
CLAIM = Claim(
    name="signals_carry_little",
    statement=(
        "On one CPU, the round trip of a signal takes at least 10/64 as long as that of a message of 64 bytes over a"
        " Pipe: for the one byte that a signal's number takes, a Pipe carries ten or more in the same time."
    ),
    source=f"{TUTORIAL}, section 3, signal and message queue",
    tests=(
        Ratio(
            top=trip(where={"mechanism": "signal", "placement": "same_cpu"}),
            bottom=trip(
                where={"mechanism": "pipe", "payload_bytes": 64, "placement": "same_cpu", "payload": "bytes"},
            ),
            holds="above",
            threshold=10 / 64,
        ),
    ),
    threshold_reason=(
        "Little means at most a tenth of what another mechanism carries in the same time: one byte where a Pipe carries"
        " ten of the 64 bytes of a message."
    ),
    exceptions=(
        "Only the times are measured. That a signal carries no more than its number follows from its definition;"
        " sigqueue() adds an integer, but Python does not offer it."
    ),
    view="ipc_mechanisms",
)
