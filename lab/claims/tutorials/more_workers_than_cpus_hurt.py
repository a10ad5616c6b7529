"""Cost of twice as many workers as CPUs."""

from functools import partial

from lab.claims.claim import ANY_START, Claim, Quantity, Ratio, Where, Workers

job = partial(Quantity, scenario="pool.scaling", operation="job")
PROCESSES: Where = {"executor": "processes", "work": "pure_python", "start_method": ANY_START}
CLAIM = Claim(
    name="more_workers_than_cpus_hurt",
    statement="On N CPUs, a compute-bound job takes at least 1.05 times as long with 2N workers as with N workers.",
    source="SuperFastPython, Multiprocessing Pool: The Complete Guide",
    tests=(
        Ratio(
            top=job(where={**PROCESSES, "workers": Workers.TWICE_CPUS}),
            bottom=job(where={**PROCESSES, "workers": Workers.CPUS}),
            same=("start_method",),
            holds="above",
            threshold=1.05,
        ),
    ),
    threshold_reason="A slowdown of less than 5% would hardly matter to anybody.",
    exceptions=(
        "Work that waits gains from more workers. Under a quota more workers exhaust it earlier (see the figure about"
        " quotas)."
    ),
    view="pool_scaling",
    least_cpus=1,
    cpus_reason="with less than one CPU, no number of workers equals the CPUs",
)
