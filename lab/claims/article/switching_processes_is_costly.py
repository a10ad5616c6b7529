"""Cost of switching between processes, compared with threads."""

from functools import partial

from lab.claims.claim import TUTORIAL, Claim, Quantity, Ratio

handover = partial(Quantity, scenario="process.switch", operation="handover")
CLAIM = Claim(
    name="switching_processes_is_costly",
    statement=(
        "On one CPU, handing over between two processes takes at least 1.1 times as long as between two threads of one"
        " process, through a pipe and through a semaphore alike."
    ),
    source=f"{TUTORIAL}, conclusion",
    tests=tuple(
        Ratio(
            top=handover(where={"executor": "processes", "through": through}),
            bottom=handover(where={"executor": "threads", "through": through}),
            holds="above",
            threshold=1.1,
            name=f"through a {through}",
        )
        for through in ("pipe", "semaphore")
    ),
    threshold_reason=(
        "Costly means more expensive than the alternative, threads; a tenth is the smallest relevant difference."
    ),
    exceptions=(
        "Between threads of a build with a GIL, the GIL changes hands as well. Releasing a semaphore keeps the GIL, so"
        " the thread that is woken finds it taken and waits a second time, until the first one waits itself: two to"
        " three context switches per handover instead of one. Reading from a pipe and writing to it release the GIL"
        " before the other side is woken. A free-threaded target shows what is left without a GIL."
    ),
)
