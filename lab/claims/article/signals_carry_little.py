"""What a signal carries."""

from lab.claims.claim import Claim, Quantity

CLAIM = Claim(
    name="signals_carry_little",
    statement=("The round trip of a signal, which carries no payload, takes longer than a pipe's with 64 bytes."),
    source="article, section 3, signal and message queue",
    quantities=(
        Quantity(scenario="ipc.round_trip", metric="wall_time", where={"mechanism": "signal"}),
        Quantity(scenario="ipc.round_trip", metric="wall_time", where={"mechanism": "pipe", "payload_bytes": "64"}),
    ),
    holds="above",
    threshold=1.0,
    unit="ratio",
)
