"""Columns of how jobs grow with their workers: laws, speed-ups, sizes of pools."""

from __future__ import annotations

from lab.tables.schema.columns import columns, with_ends

COEFFICIENTS = ("serial_fraction", "sigma", "kappa", "lambda")

SCALING = (
    *columns(
        ("target", "string", "label of the target"),
        ("work", "string", "what a task does"),
        ("executor", "string", "threads, processes or independent"),
        ("start_method", "string", "how the workers were started"),
        ("model", "string", "usl, amdahl or karp_flatt (at largest_workers); empty where none is fitted"),
    ),
    *columns(*((name, "float64", f"coefficient {name} of the model") for name in COEFFICIENTS)),
    *columns(
        ("r2", "float64", "goodness of fit"),
        ("peak_workers", "float64", "workers at the model's peak, where the data support one"),
        ("best_workers_measured", "Int64", "the worker count with the shortest time among those measured"),
        ("reason", "string", "why there is no model, or no peak, and which jobs are in doubt"),
    ),
    *columns(
        *(
            (f"{name}_ci_{end}", "float64", f"{end}er end of the 95 % interval of {name}".replace("higher", "upper"))
            for name in COEFFICIENTS
            for end in ("low", "high")
        )
    ),
    *columns(
        (
            "best_range_low",
            "Int64",
            "the smallest measured worker count that may be within 5 % of the best (speedup.csv)",
        ),
        ("best_range_high", "Int64", "the largest, every measured one between them included; empty below five rounds"),
        ("worker_counts", "Int64", "worker counts that entered the model"),
        ("largest_workers", "Int64", "the largest of them; beyond it the model is extrapolated"),
        ("rounds", "Int64", "rounds that entered the model"),
        (
            "serial_throughput",
            "float64",
            "tasks/s of the serial job: lambda's unit, and what a speed-up is held against",
        ),
    ),
)

SPEEDUP = (
    *SCALING[:4],
    *columns(
        ("workers", "Int64", "number of workers"),
        ("cpu_mode", "string", "how CPUs were limited"),
        ("cpus_observed", "float64", "CPUs read back inside the target"),
        ("rounds", "Int64", "rounds that entered job_ns"),
        ("job_ns", "float64", "time of the job in ns, geometric mean over the rounds"),
    ),
    *with_ends("speedup", "serial time over the job's, paired by round"),
    *with_ends("efficiency", "speed-up a worker"),
    *with_ends("serial_fraction", "Karp and Flatt's serial fraction; empty for one worker"),
    *with_ends("over_best", "time over that of the best measured worker count, paired by round"),
    *columns(
        ("near_best", "Int64", "0 where another count is faster by more than 5 %, for certain; 1 where none is"),
        ("cpu_ns", "float64", "CPU time a job in ns, all processes"),
        ("throttled_ns", "float64", "time a job in ns for which a quota held the group; the price of too many workers"),
        ("reason", "string", "why there is no interval or no speed-up, and why its job or the serial one is in doubt"),
    ),
)

POOL_SIZES = (
    *columns(
        ("target", "string", "label of the target"),
        ("kind", "string", "pool (multiprocessing.Pool) or executor (ProcessPoolExecutor)"),
        ("start_method", "string", "how the workers were started"),
        ("size", "string", "the size asked for; default where it was left to Python"),
        ("workers", "Int64", "workers that there were"),
        ("cpu_mode", "string", "how CPUs were limited"),
        ("cpus_observed", "float64", "CPUs read back inside the target"),
        ("rounds", "Int64", "rounds that entered job_ns"),
        ("job_ns", "float64", "time of the job in ns, geometric mean over the rounds"),
    ),
    *with_ends("over_best", "time over that of the fastest measured size, paired by round"),
    *columns(
        ("cpu_ns", "float64", "CPU time a job in ns, all processes"),
        ("throttled_ns", "float64", "time a job in ns for which a quota held the group"),
        ("reason", "string", "why there is no interval, and why its job is in doubt"),
    ),
)
