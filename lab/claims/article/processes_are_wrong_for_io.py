"""Processes compared with threads for I/O-bound work."""

from functools import partial

from lab.claims.claim import TUTORIAL, Claim, Quantity, Ratio

job = partial(Quantity, scenario="model.compare")
CLAIM = Claim(
    name="processes_are_wrong_for_io",
    statement=(
        "For 16 requests on sockets, each answered after 2 ms, eight processes take at least 1.1 times as long as eight"
        " threads, both when they run already and when they are started and ended for the job."
    ),
    source=f"{TUTORIAL}, conclusion",
    tests=tuple(
        Ratio(
            top=job(operation=operation, where={"executor": "processes", "work": "io", "workers": 8}),
            bottom=job(operation=operation, where={"executor": "threads", "work": "io", "workers": 8}),
            holds="above",
            threshold=1.1,
            name=name,
        )
        for operation, name in (("job", "without their start"), ("job_with_start", "with their start"))
    ),
    threshold_reason="A tenth more time is the smallest difference that would make processes the wrong choice.",
    exceptions=(
        "What the ratio with the start exceeds the one without is the start of eight processes for 16 requests; the"
        " more requests, the less it matters. Work that computes between its waits is not I/O-bound."
    ),
    view="model_compare",
)
