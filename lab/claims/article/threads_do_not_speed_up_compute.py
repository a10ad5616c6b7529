"""Speed-up of compute-bound work by threads."""

from functools import partial

from lab.claims.claim import TUTORIAL, Claim, Quantity, Ratio, Workers

job = partial(Quantity, scenario="pool.scaling", operation="job")
CLAIM = Claim(
    name="threads_do_not_speed_up_compute",
    statement=(
        "On two CPUs or more, N threads do a fixed compute-bound job in pure Python at most 1.1 times as fast as one"
        " serial run."
    ),
    source=f"{TUTORIAL}, introduction",
    tests=(
        Ratio(
            top=job(where={"executor": "serial", "work": "pure_python"}),
            bottom=job(where={"executor": "threads", "work": "pure_python", "workers": Workers.CPUS}),
            holds="below",
            threshold=1.1,
        ),
    ),
    threshold_reason=(
        "A speed-up of less than a tenth is within the variation of jobs between rounds and not worth the threads."
    ),
    exceptions="Free-threaded builds have no GIL, and hashing and most of NumPy release it.",
    view="pool_scaling",
    least_cpus=2,
    cpus_reason="with one CPU, nothing can be faster than the serial run",
)
