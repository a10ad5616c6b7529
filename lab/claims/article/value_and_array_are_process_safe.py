"""Increments of a shared Value or Array element by several processes."""

from functools import partial

from lab.claims.claim import TUTORIAL, Claim, Count, Guard, Quantity

losses = partial(Quantity, scenario="state.lost_updates", metric="count")
CLAIM = Claim(
    name="value_and_array_are_process_safe",
    statement=(
        "No increment is lost when two processes on two CPUs or more do += 1 on a Value or an Array element without"
        " taking its lock."
    ),
    source=f"{TUTORIAL}, data sharing, section 1",
    tests=tuple(
        Count(
            quantity=losses(operation="lost", where={"container": container, "locking": "no_lock", "workers": 2}),
            holds="below",
            threshold=0.5,
        )
        for container in ("value", "array")
    ),
    threshold_reason="One lost increment is one too many; the round's worst batch counts.",
    exceptions="Under get_lock() none is lost: each read and each write is safe, what lies between them is not.",
    view="lost_updates",
    guards=tuple(
        Guard(
            quantity=losses(
                operation="writers_at_once",
                where={"container": container, "locking": "no_lock", "workers": 2},
            ),
            at_least=1.2,
            otherwise="the writers hardly ran at once, so that no loss proves nothing",
        )
        for container in ("value", "array")
    ),
    least_cpus=2,
    cpus_reason="on one a process is seldom interrupted between reading and writing, and no loss proves nothing",
)
