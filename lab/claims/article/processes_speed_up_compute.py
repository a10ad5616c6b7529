"""Processes and compute-bound work."""

from functools import partial

from lab.claims.claim import ANY_START, TUTORIAL, Claim, Quantity, Ratio, Workers

job = partial(Quantity, scenario="pool.scaling", operation="job")
CLAIM = Claim(
    name="processes_speed_up_compute",
    statement=(
        "On two CPUs or more, a pool of N processes does a fixed compute-bound job in pure Python at least 1.5 times"
        " as fast as one serial run."
    ),
    source=f"{TUTORIAL}, section 2 and conclusion",
    tests=(
        Ratio(
            top=job(where={"executor": "serial", "work": "pure_python"}),
            bottom=job(
                where={
                    "executor": "processes",
                    "work": "pure_python",
                    "start_method": ANY_START,
                    "workers": Workers.CPUS,
                },
            ),
            holds="above",
            threshold=1.5,
        ),
    ),
    threshold_reason=(
        "Half of what a second CPU could add; with many CPUs that is little, and the figure shows the rest."
    ),
    exceptions=(
        "Two virtual CPUs may be one core, and together give less than two; tasks so short that handing them over"
        " costs more."
    ),
    view="pool_scaling",
    least_cpus=2,
    cpus_reason="on one nothing can be faster than serial",
)
