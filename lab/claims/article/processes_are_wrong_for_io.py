"""Processes compared with threads for I/O-bound work."""

from functools import partial

from lab.claims.claim import TUTORIAL, Claim, Quantity, Ratio

job = partial(Quantity, scenario="model.compare", operation="job_with_start")
CLAIM = Claim(
    name="processes_are_wrong_for_io",
    statement=(
        "Eight processes take at least 1.1 times as long as eight threads for I/O-bound work on sockets, including the"
        " time to start and to end them."
    ),
    source=f"{TUTORIAL}, conclusion",
    tests=(
        Ratio(
            top=job(where={"executor": "processes", "work": "io", "workers": 8}),
            bottom=job(where={"executor": "threads", "work": "io", "workers": 8}),
            holds="above",
            threshold=1.1,
        ),
    ),
    threshold_reason="A tenth more time is the smallest difference that would make processes the wrong choice.",
    exceptions=(
        "In a long job the start of the processes is negligible. Work that computes between its waits is not I/O-bound."
    ),
    view="model_compare",
)
