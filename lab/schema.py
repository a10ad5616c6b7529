"""The columns of every CSV of a run folder: name, dtype, meaning. The data dictionary is generated from here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

SCHEMA_VERSION = 1

Dtype = Literal["string", "Int64", "float64"]


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column: ``dtype`` is the pandas dtype it is read with; empty cells are not applicable or not measured."""

    name: str
    dtype: Dtype
    meaning: str


def _columns(*rows: tuple[str, Dtype, str]) -> tuple[Column, ...]:
    return tuple(Column(name=name, dtype=dtype, meaning=meaning) for name, dtype, meaning in rows)


IDENTITY = _columns(
    ("run_id", "string", "the run that the row was measured in"),
    ("target", "string", "label of the target: interpreter, system and limit; never to be parsed"),
    ("engine", "string", "docker, podman or none (native)"),
    ("os", "string", "linux, macos or windows, as seen inside the target"),
    ("arch", "string", "machine architecture, as seen inside the target"),
    ("implementation", "string", "CPython or another implementation"),
    ("python", "string", "full version of the interpreter"),
    ("build", "string", "gil or free-threaded"),
    ("cpu_mode", "string", "how CPUs were limited: cpuset, quota, affinity or none"),
    ("cpus_requested", "float64", "CPUs asked for; a quota may be a fraction"),
    ("cpus_observed", "float64", "CPUs read back inside the target, in the terms of what was asked for"),
    ("family", "string", "family of the scenario: process, pool, ipc, state, …"),
    ("scenario", "string", "family.name"),
    ("case", "string", "label of the case: its axis values; never to be parsed"),
    ("start_method", "string", "fork, forkserver, spawn, or default where the choice is the interpreter's"),
    ("mechanism", "string", "what carries the message"),
    (
        "executor",
        "string",
        "serial, threads, processes, asyncio, interpreters, or independent (measured capacity: no pool, a CPU each)",
    ),
    ("work", "string", "what a task does"),
    ("workers", "Int64", "number of workers"),
    ("payload_bytes", "Int64", "size of one message in bytes"),
    ("chunksize", "Int64", "tasks handed to a worker at a time"),
    ("tasks", "Int64", "tasks of one job, increments of one batch, or items of one call"),
    ("placement", "string", "same_cpu, cross_cpu, free, or cross_cpu_awake"),
    ("operation", "string", "what one operation is"),
    ("variant", "string", "the remaining axes as a JSON object, keys sorted"),
    ("task_ns", "Int64", "length of one task in nanoseconds, where it is an axis"),
    ("parent_bytes", "Int64", "size of the parent in bytes, where it is an axis"),
    ("host", "string", "label of the machine"),
    (
        "metric",
        "string",
        "what the value is: wall_time, cpu_time, context_switches, throttled_time, pss, uss, count, …",
    ),
    ("unit", "string", "ns, bytes, bytes/s, ops/s, or count"),
)

SAMPLES = (
    *IDENTITY,
    *_columns(
        ("value", "float64", "per operation: elapsed_ns / loops, never rounded"),
        ("loops", "Int64", "operations timed as one batch"),
        ("round", "Int64", "round, from 0; the replicate"),
        ("process", "Int64", "fresh process of this case in the round, from 0"),
        ("sample", "Int64", "batch in the process, from 0"),
        ("warmup", "Int64", "1 for a warm-up batch, which no estimate uses"),
        ("status", "string", "ok, failed, timeout, unsupported or skipped"),
        ("reason", "string", "why the status is not ok"),
    ),
)

SUMMARY = (
    *IDENTITY,
    *_columns(
        ("n", "Int64", "batches that entered the estimate"),
        ("rounds", "Int64", "rounds that entered the estimate"),
        (
            "estimate",
            "float64",
            "geometric mean over the rounds' medians (under a quota: means); counts: arithmetic; bimodal: median",
        ),
        ("ci_low", "float64", "lower end of the 95 % interval over rounds; empty below five rounds"),
        ("ci_high", "float64", "upper end"),
        ("batch_p95", "float64", "95th percentile of the batches' values; not a latency percentile"),
        ("cv", "float64", "coefficient of variation of the rounds' values"),
        ("stable", "string", "stable, noisy or bimodal; empty below five rounds (too few)"),
        ("status", "string", "ok, failed, timeout, unsupported or skipped"),
        ("reason", "string", "why the status is not ok, why there is no interval, or the likely cause of noise"),
    ),
)

CLAIMS = _columns(
    ("target", "string", "label of the target; empty where no target has measured it"),
    ("claim", "string", "name of the claim"),
    ("source", "string", "who says so"),
    ("verdict", "string", "holds, fails, undecided or not measured"),
    ("value", "float64", "the quantity that decides; of several pairs the one most adverse to the claim"),
    (
        "ci_low",
        "float64",
        "lower end of its 95 % interval (of an exact count: of the range of all rounds); empty where it has none",
    ),
    ("ci_high", "float64", "upper end"),
    ("threshold", "float64", "what the interval is held against"),
    ("unit", "string", "unit of value and threshold; ratio where it is one"),
    ("reason", "string", "why the verdict is what it is"),
    (
        "q_value",
        "float64",
        "smallest false discovery rate at which the verdict stands among all of the run; empty where undecided",
    ),
)

CONDITIONS = _columns(
    ("target", "string", "label of the target"),
    ("cpu_mode", "string", "how CPUs were limited: cpuset, quota, affinity or none"),
    ("scenario", "string", "family.name"),
    ("case", "string", "label of the case"),
    ("operation", "string", "what one operation of the batch is"),
    ("round", "Int64", "round, from 0"),
    ("sample", "Int64", "batch in the process, from 0"),
    ("warmup", "Int64", "1 for a warm-up batch"),
    ("window_ns", "Int64", "from the reading before the batch to the one after it"),
    ("cpus_used", "Int64", "CPUs that the cell's processes may use"),
    ("idle_ns", "Int64", "idle time of these CPUs, summed; /proc/stat counts in ticks of 10 ms"),
    ("steal_ns", "Int64", "time that the hypervisor gave to other machines, summed over these CPUs"),
    ("own_cpu_ns", "Int64", "CPU time of the cell's own processes"),
    ("others_ns", "Int64", "CPU time of all others on these CPUs: neither idle, nor stolen, nor own"),
    ("throttled_ns", "Int64", "time in which the control group was stopped for its quota"),
    ("pressure_cpu_some_ns", "Int64", "time in which some task of the machine waited for a CPU"),
    ("pressure_cpu_full_ns", "Int64", "time in which all did"),
    ("pressure_memory_some_ns", "Int64", "time in which some task of the machine waited for memory"),
    ("pressure_memory_full_ns", "Int64", "time in which all did"),
    ("pressure_io_some_ns", "Int64", "time in which some task of the machine waited for input or output"),
    ("pressure_io_full_ns", "Int64", "time in which all did"),
    ("migrations", "Int64", "moves of the cell's processes between CPUs"),
    ("moved_processes", "Int64", "processes of the cell that were on another CPU after the batch than before it"),
    ("major_faults", "Int64", "page faults of the cell's processes that went to a disk"),
    ("frequency_khz", "Int64", "lowest frequency of these CPUs after the batch"),
)

CANARIES = _columns(
    ("target", "string", "label of the target"),
    ("round", "Int64", "round, from 0"),
    ("block", "Int64", "start of the target in the round, from 0"),
    ("when", "string", "before the block's first cell, or after its last"),
    ("loops", "Int64", "passes of the fixed loop"),
    ("elapsed_ns", "Int64", "what it took"),
    ("cpu_ns", "Int64", "CPU time of it"),
)

COEFFICIENTS = ("serial_fraction", "sigma", "kappa", "lambda")

SCALING = (
    *_columns(
        ("target", "string", "label of the target"),
        ("work", "string", "what a task does"),
        ("executor", "string", "threads, processes or independent"),
        ("start_method", "string", "how the workers were started"),
        ("model", "string", "usl, amdahl or karp_flatt (at largest_workers); empty where none is fitted"),
    ),
    *_columns(*((name, "float64", f"coefficient {name} of the model") for name in COEFFICIENTS)),
    *_columns(
        ("r2", "float64", "goodness of fit"),
        ("peak_workers", "float64", "workers at the model's peak, where the data support one"),
        ("best_workers_measured", "Int64", "the worker count with the shortest time among those measured"),
        ("reason", "string", "why there is no model, or no peak, and which jobs are in doubt"),
    ),
    *_columns(
        *(
            (f"{name}_ci_{end}", "float64", f"{end}er end of the 95 % interval of {name}".replace("higher", "upper"))
            for name in COEFFICIENTS
            for end in ("low", "high")
        )
    ),
    *_columns(
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


def _with_ends(name: str, meaning: str) -> tuple[Column, ...]:
    """A quantity and the ends of its 95 % interval over rounds."""
    ends = "end of its 95 % interval; empty below five rounds"
    return _columns(
        (name, "float64", meaning),
        (f"{name}_ci_low", "float64", f"lower {ends}"),
        (f"{name}_ci_high", "float64", f"upper {ends}"),
    )


SPEEDUP = (
    *SCALING[:4],
    *_columns(
        ("workers", "Int64", "number of workers"),
        ("cpu_mode", "string", "how CPUs were limited"),
        ("cpus_observed", "float64", "CPUs read back inside the target"),
        ("rounds", "Int64", "rounds that entered job_ns"),
        ("job_ns", "float64", "time of the job in ns, geometric mean over the rounds"),
    ),
    *_with_ends("speedup", "serial time over the job's, paired by round"),
    *_with_ends("efficiency", "speed-up a worker"),
    *_with_ends("serial_fraction", "Karp and Flatt's serial fraction; empty for one worker"),
    *_with_ends("over_best", "time over that of the best measured worker count, paired by round"),
    *_columns(
        ("near_best", "Int64", "0 where another count is faster by more than 5 %, for certain; 1 where none is"),
        ("cpu_ns", "float64", "CPU time a job in ns, all processes"),
        ("throttled_ns", "float64", "time a job in ns for which a quota held the group; the price of too many workers"),
        ("reason", "string", "why there is no interval or no speed-up, and why its job or the serial one is in doubt"),
    ),
)

POOL_SIZES = (
    *_columns(
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
    *_with_ends("over_best", "time over that of the fastest measured size, paired by round"),
    *_columns(
        ("cpu_ns", "float64", "CPU time a job in ns, all processes"),
        ("throttled_ns", "float64", "time a job in ns for which a quota held the group"),
        ("reason", "string", "why there is no interval, and why its job is in doubt"),
    ),
)

_MESSAGES = _columns(
    ("target", "string", "label of the target"),
    ("operation", "string", "round_trip, of which a message is half, or one_way"),
    ("payload", "string", "bytes, object, or another kind of content"),
    ("placement", "string", "same_cpu, cross_cpu, free, or cross_cpu_awake"),
)

IPC_COST = (
    *_MESSAGES,
    *_columns(
        ("mechanism", "string", "what carries the message"),
        ("sizes", "Int64", "sizes that were measured"),
        ("smallest_bytes", "Int64", "the smallest of them; outside of them the line is extrapolated"),
        ("largest_bytes", "Int64", "the largest"),
        ("rounds", "Int64", "rounds whose lines entered"),
    ),
    *_with_ends("startup_ns", "fixed cost of a message in ns"),
    *_with_ends("bandwidth", "bytes/s that the cost grows by; empty where no growth is told from none"),
    *_columns(
        ("r2", "float64", "goodness of fit, on the logarithms"),
        ("worst_deviation", "float64", "how far the line is off, relative, where it is farthest"),
        ("worst_payload_bytes", "Int64", "the size at which that is"),
        ("reason", "string", "why there is no line or no interval, or where the line does not describe the data"),
    ),
)

IPC_SIZES = (
    *_MESSAGES,
    *_columns(
        ("mechanism", "string", "what carries the message"),
        ("payload_bytes", "Int64", "size of the message in bytes"),
        ("rounds", "Int64", "rounds that entered message_ns"),
    ),
    *_with_ends("message_ns", "time a message in ns"),
    *_with_ends("cpu_ns", "CPU time a message in ns, all processes; of one_way with its untimed answer"),
    *_with_ends("over_fastest", "time over that of the mechanism with the shortest, paired by round"),
    *_columns(
        (
            "over_fastest_q",
            "float64",
            "how surely it differs from 1 among all pairs of the table (false discovery rate)",
        ),
        ("verdict", "string", "wins, slower, cannot tell, or alone (nothing else was measured there)"),
        ("raw_mechanism", "string", "the system call beneath it, measured with bytes in the same rounds"),
    ),
    *_with_ends("over_raw", "time over that of the raw mechanism, paired by round: what Python adds"),
    *_columns(
        (
            "reason",
            "string",
            "why there is no interval, or by what the cell or the fastest one was disturbed, which leaves no verdict",
        )
    ),
)

IPC_CROSSINGS = (
    *_MESSAGES,
    *_columns(
        ("faster_below", "string", "the mechanism that is faster at the smaller size"),
        ("faster_above", "string", "the one that is faster at the larger"),
        ("below_bytes", "Int64", "the last measured size at which the former is faster"),
        ("above_bytes", "Int64", "the first at which the latter is"),
        ("undecided_between", "Int64", "measured sizes between the two that cannot tell, disturbed ones among them"),
    ),
    *_with_ends("ratio_below", "time of faster_below over that of faster_above at below_bytes, paired by round"),
    *_with_ends("ratio_above", "the same at above_bytes"),
    *_columns(
        ("q_below", "float64", "how surely ratio_below differs from 1 among all pairs (false discovery rate)"),
        ("q_above", "float64", "the same of ratio_above"),
    ),
)

COMPARE = _columns(
    (
        "id",
        "string",
        "label of the row: case, operation and metric; the pair of targets behind @ where there are several",
    ),
    ("base_target", "string", "label of the target that is compared with"),
    ("new_target", "string", "label of the target that is judged"),
    ("scenario", "string", "family.name"),
    ("case", "string", "label of the case: its axis values; never to be parsed"),
    ("operation", "string", "what one operation is"),
    ("metric", "string", "what the values are"),
    ("unit", "string", "unit of base and new"),
    ("base", "float64", "geometric mean of base over the rounds that enter the ratio"),
    ("new", "float64", "the same of new"),
    ("ratio", "float64", "cost of new over cost of base: above 1 is worse; of rates base over new"),
    ("ci_low", "float64", "lower end of its 95 % interval over rounds; empty below five rounds"),
    ("ci_high", "float64", "upper end"),
    ("rounds", "Int64", "rounds that enter the ratio; where they are apart, the smaller number"),
    ("pairing", "string", "paired (by round, measured together) or apart (Welch's test)"),
    ("p_value", "float64", "p of the hypothesis that the true ratio is within the threshold"),
    ("q_value", "float64", "the same held against the number of comparisons (false discovery rate)"),
    ("verdict", "string", "slower, faster, same, cannot tell or not measured"),
    ("reason", "string", "why it cannot be told, or was not measured"),
)

_RATIO: tuple[tuple[str, Dtype, str], ...] = (
    ("ratio", "float64", "time of the case over time of the reference"),
    ("ci_low", "float64", "lower end of its 95 % interval over rounds; empty below five rounds"),
    ("ci_high", "float64", "upper end"),
    ("rounds", "Int64", "rounds that enter the ratio"),
)
MACHINES = _columns(
    ("scenario", "string", "family.name"),
    ("operation", "string", "what one operation is"),
    ("case", "string", "label of the case"),
    ("reference", "string", "label of the case that it is held against, on the same machine"),
    ("base_target", "string", "label of the target on the one machine"),
    ("new_target", "string", "label of the target on the other machine"),
    *(
        (f"{side}_{name}", dtype, f"of {side}_target: {meaning}")
        for side in ("base", "new")
        for name, dtype, meaning in _RATIO
    ),
)

UNITS = {
    "wall_time": "ns",
    "cpu_time": "ns",
    "throttled_time": "ns",
    "context_switches": "count",
    "count": "count",
    "pss": "bytes",
    "uss": "bytes",
    "throughput": "ops/s",
    "latency_p50": "ns",
    "latency_p99": "ns",
    "latency_p999": "ns",
}

# Columns that an axis of the same name fills; every other axis goes into `variant`.
AXIS_COLUMNS = frozenset(
    {
        "start_method",
        "mechanism",
        "executor",
        "work",
        "workers",
        "payload_bytes",
        "chunksize",
        "tasks",
        "placement",
        "operation",
        "task_ns",
        "parent_bytes",
    }
)


def names(columns: tuple[Column, ...]) -> list[str]:
    """The columns' names in their order."""
    return [column.name for column in columns]
