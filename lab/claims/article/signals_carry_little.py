"""What a signal carries."""

from functools import partial

from lab.claims.claim import Claim, Quantity, Ratio

trip = partial(Quantity, scenario="ipc.round_trip", operation="round_trip")
CLAIM = Claim(
    name="signals_carry_little",
    statement=(
        "In the time of a signal's round trip, which carries nothing but its number, a Pipe carries 64 bytes there and"
        " back, on one CPU."
    ),
    source="article, section 3, signal and message queue",
    tests=(
        Ratio(
            top=trip(where={"mechanism": "signal", "placement": "same_cpu"}),
            bottom=trip(
                where={"mechanism": "pipe", "payload_bytes": 64, "placement": "same_cpu", "payload": "bytes"},
            ),
            holds="above",
            threshold=1.0,
        ),
    ),
    threshold_reason="Little is what another mechanism exceeds in the same time.",
    exceptions="sigqueue() carries an integer; Python does not offer it.",
    view="ipc_mechanisms",
)
