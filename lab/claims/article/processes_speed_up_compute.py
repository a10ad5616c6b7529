"""Speed-up of compute-bound work by processes."""

from functools import partial

from lab.claims.claim import ANY_START, TUTORIAL, Claim, Quantity, Ratio, Workers

job = partial(Quantity, scenario="pool.scaling", operation="job")
CLAIM = Claim(
    name="processes_speed_up_compute",
    statement=(
        "On two CPUs or more, a pool of N processes does a fixed compute-bound job in pure Python at least 1.5 times as"
        " fast as one serial run."
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
        "1.5 is half of the speed-up that a second CPU can add. With many CPUs that is little, and the figure shows the"
        " whole speed-up."
    ),
    exceptions=(
        "Two virtual CPUs may be one core and then give less than twice the speed. Very short tasks cost more to hand"
        " over than to compute."
    ),
    view="pool_scaling",
    least_cpus=2,
    cpus_reason="with one CPU, nothing can be faster than the serial run",
)
