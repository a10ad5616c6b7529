"""How much data a signal carries, compared with a pipe."""

from functools import partial

from lab.claims.claim import TUTORIAL, Claim, Quantity, Ratio

trip = partial(Quantity, scenario="ipc.round_trip", operation="round_trip")
CLAIM = Claim(
    name="signals_carry_little",
    statement=(
        "A signal carries only its number, at most one byte. On one CPU, in the time of its round trip a Pipe carries"
        " at least ten bytes there and back, in messages of 64 bytes."
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
    exceptions="sigqueue() carries an integer, but Python does not offer it.",
    view="ipc_mechanisms",
)
