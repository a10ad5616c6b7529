"""Processes and I/O-bound work."""

from functools import partial

from lab.claims.claim import TUTORIAL, Claim, Quantity, Ratio

job = partial(Quantity, scenario="model.compare", operation="job_with_start")
CLAIM = Claim(
    name="processes_are_wrong_for_io",
    statement=(
        "With eight at once, processes take at least 1.1 times as long as threads for I/O-bound work on sockets, their"
        " start and end included."
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
    threshold_reason="A tenth of the time is the least that would make processes wrong.",
    exceptions="A job so long that starting does not count; work that computes between its waits.",
    view="model_compare",
)
