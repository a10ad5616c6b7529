"""Switching between processes against switching between threads."""

from functools import partial

from lab.claims.claim import TUTORIAL, Claim, Quantity, Ratio

handover = partial(Quantity, scenario="process.switch", operation="handover")
CLAIM = Claim(
    name="switching_processes_is_costly",
    statement=(
        "Handing over through a semaphore between two processes on one CPU takes at least 1.1 times as long as between"
        " two threads of one process."
    ),
    source=f"{TUTORIAL}, conclusion",
    tests=(
        Ratio(
            top=handover(where={"executor": "processes", "through": "semaphore"}),
            bottom=handover(where={"executor": "threads", "through": "semaphore"}),
            holds="above",
            threshold=1.1,
        ),
    ),
    threshold_reason="Costly is more than the other way of doing the same costs; a tenth is the least to speak of.",
    exceptions="Between threads the GIL changes hands as well, which may cost more than changing the process.",
)
