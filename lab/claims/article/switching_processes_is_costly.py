"""Cost of switching between processes, compared with threads."""

from functools import partial

from lab.claims.claim import TUTORIAL, Claim, Quantity, Ratio

handover = partial(Quantity, scenario="process.switch", operation="handover")
CLAIM = Claim(
    name="switching_processes_is_costly",
    statement=(
        "On one CPU, handing over through a semaphore between two processes takes at least 1.1 times as long as between"
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
    threshold_reason=(
        "Costly means more expensive than the alternative, threads; a tenth is the smallest relevant difference."
    ),
    exceptions="Between threads the GIL is handed over too, which may cost more than switching processes.",
)
