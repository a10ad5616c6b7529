"""Columns of how jobs scale with their workers: scaling laws, speed-ups, pool sizes."""

from __future__ import annotations

from lab.tables.schema.columns import columns, with_ends

COEFFICIENTS = ("serial_fraction", "sigma", "kappa", "lambda")

SCALING = (
    *columns(
        ("target", "string", "label of the target"),
        ("work", "string", "kind of work that a task does"),
        ("executor", "string", "threads, processes or independent"),
        ("start_method", "string", "start method of the workers"),
        (
            "model",
            "string",
            "usl, amdahl, karp_flatt (at largest_workers) or shared_cores (a pool beside its CPUs' capacity), or empty",
        ),
    ),
    *columns(*((name, "float64", f"coefficient {name} of the model") for name in COEFFICIENTS)),
    *columns(
        ("r2", "float64", "goodness of fit (R squared)"),
        ("peak_workers", "float64", "number of workers at the model's peak, if the data support a peak"),
        ("best_workers_measured", "Int64", "the worker count with the shortest time among those measured"),
        ("reason", "string", "why the model or its peak is missing, and which jobs are flagged"),
    ),
    *columns(
        *(
            (f"{name}_ci_{end}", "float64", f"{end}er end of the 95% interval of {name}".replace("higher", "upper"))
            for name in COEFFICIENTS
            for end in ("low", "high")
        )
    ),
    *columns(
        (
            "best_range_low",
            "Int64",
            "the smallest measured worker count that may be within 5% of the best (see speedup.csv)",
        ),
        (
            "best_range_high",
            "Int64",
            "the largest such worker count; all measured counts between are in the range; empty below five rounds",
        ),
        ("worker_counts", "Int64", "number of worker counts that were used for the model"),
        ("largest_workers", "Int64", "the largest of these worker counts; beyond it the model is extrapolated"),
        ("rounds", "Int64", "number of rounds that were used for the model"),
        (
            "serial_throughput",
            "float64",
            "tasks per second of the serial job: the unit of lambda and the baseline of speed-ups",
        ),
    ),
)

SPEEDUP = (
    *SCALING[:4],
    *columns(
        ("workers", "Int64", "number of workers"),
        ("cpu_mode", "string", "how CPUs were limited"),
        ("cpus_observed", "float64", "number of CPUs that the target observed"),
        ("rounds", "Int64", "number of rounds that were used for job_ns"),
        ("job_ns", "float64", "time of the job in nanoseconds, geometric mean over the rounds"),
    ),
    *with_ends("speedup", "time of the serial job divided by the time of this job, paired by round"),
    *with_ends("efficiency", "speed-up divided by the number of workers"),
    *with_ends("serial_fraction", "serial fraction by Karp and Flatt; empty for one worker"),
    *with_ends("over_best", "time divided by the time of the best measured worker count, paired by round"),
    *columns(
        ("near_best", "Int64", "0 where another worker count is significantly faster by more than 5%, else 1"),
        ("cpu_ns", "float64", "CPU time per job of all processes in nanoseconds"),
        (
            "throttled_ns",
            "float64",
            "time per job in nanoseconds for which a quota throttled it: the cost of too many workers",
        ),
        (
            "reason",
            "string",
            "why the interval or the speed-up is missing, and why this job or the serial one is flagged",
        ),
    ),
)

POOL_SIZES = (
    *columns(
        ("target", "string", "label of the target"),
        ("kind", "string", "pool (multiprocessing.Pool) or executor (ProcessPoolExecutor)"),
        ("start_method", "string", "start method of the workers"),
        ("size", "string", "the requested size; default where Python chose it"),
        ("workers", "Int64", "actual number of workers"),
        ("cpu_mode", "string", "how CPUs were limited"),
        ("cpus_observed", "float64", "number of CPUs that the target observed"),
        ("rounds", "Int64", "number of rounds that were used for job_ns"),
        ("job_ns", "float64", "time of the job in nanoseconds, geometric mean over the rounds"),
    ),
    *with_ends("over_best", "time divided by the time of the fastest measured size, paired by round"),
    *columns(
        ("cpu_ns", "float64", "CPU time per job of all processes in nanoseconds"),
        ("throttled_ns", "float64", "time per job in nanoseconds for which a quota throttled it"),
        ("reason", "string", "why the interval is missing, and why this job is flagged"),
    ),
)
