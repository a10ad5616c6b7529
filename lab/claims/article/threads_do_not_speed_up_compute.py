"""Threads and compute-bound work."""

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
    threshold_reason="Less than a tenth is within what jobs scatter between rounds, and not worth a thread.",
    exceptions="Free-threaded builds; work that releases the GIL, as hashing and most of NumPy do.",
    view="pool_scaling",
    least_cpus=2,
    cpus_reason="on one nothing can be faster than serial",
)
