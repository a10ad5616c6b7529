"""A pool of twice as many workers as CPUs."""

from functools import partial

from lab.claims.claim import ANY_START, Claim, Quantity, Ratio, Where, Workers

job = partial(Quantity, scenario="pool.scaling", operation="job")
PROCESSES: Where = {"executor": "processes", "work": "pure_python", "start_method": ANY_START}
CLAIM = Claim(
    name="more_workers_than_cpus_hurt",
    statement="A compute-bound job takes at least 1.05 times as long on 2N workers as on N, on N CPUs.",
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
    threshold_reason="Less than 5 % would hurt nobody.",
    exceptions=(
        "Work that waits gains from more workers. Under a quota more of them spend it earlier (see the quota's figure)."
    ),
    view="pool_scaling",
    least_cpus=1,
    cpus_reason="less than one CPU has no number of workers that fits",
)
