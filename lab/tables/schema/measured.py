"""Columns of the measurements: samples, conditions during each batch, canaries."""

from __future__ import annotations

from lab.tables.schema.columns import columns

IDENTITY = columns(
    ("run_id", "string", "identifier of the run that measured the row"),
    ("target", "string", "label of the target, made of interpreter, system and limit; do not parse it"),
    ("engine", "string", "docker, podman, or none for native targets"),
    ("os", "string", "operating system inside the target: linux, macos or windows"),
    ("arch", "string", "machine architecture inside the target"),
    ("implementation", "string", "implementation of Python, for example CPython"),
    ("python", "string", "full version of the interpreter"),
    ("build", "string", "gil or free-threaded"),
    ("cpu_mode", "string", "how CPUs were limited: cpuset, quota, affinity or none"),
    ("cpus_requested", "float64", "number of CPUs that the plan requests; may be a fraction under a quota"),
    ("cpus_observed", "float64", "number of CPUs that the target observed, counted as cpus_requested is"),
    ("family", "string", "family of the scenario, for example process, pool, ipc or state"),
    ("scenario", "string", "name of the scenario, as family.name"),
    ("case", "string", "label of the case, made of its axis values; do not parse it"),
    ("start_method", "string", "fork, forkserver, spawn, or default where the interpreter chooses"),
    ("mechanism", "string", "the mechanism that carries the message, for example pipe or queue"),
    (
        "executor",
        "string",
        "serial, threads, processes, asyncio, interpreters, or independent (one process per CPU without a pool)",
    ),
    ("work", "string", "kind of work that a task does"),
    ("workers", "Int64", "number of workers"),
    ("payload_bytes", "Int64", "size of one message in bytes"),
    ("chunksize", "Int64", "number of tasks that a worker receives at a time"),
    ("tasks", "Int64", "number of tasks of one job, of increments of one batch, or of items of one call"),
    ("placement", "string", "where the processes run: same_cpu, cross_cpu, free, cross_cpu_awake, or smt_siblings"),
    ("operation", "string", "name of the operation that is timed"),
    ("variant", "string", "the remaining axes as a JSON object with sorted keys"),
    ("task_ns", "Int64", "length of one task in nanoseconds, if it is an axis"),
    ("parent_bytes", "Int64", "size of the parent process in bytes, if it is an axis"),
    ("host", "string", "label of the machine"),
    (
        "metric",
        "string",
        "what the value measures, for example wall_time, cpu_time, context_switches, throttled_time, minor_faults, pss",
    ),
    ("unit", "string", "ns, bytes, bytes/s, ops/s, or count"),
)

SAMPLES = (
    *IDENTITY,
    *columns(
        ("value", "float64", "value per operation; for times elapsed_ns / loops, not rounded"),
        ("loops", "Int64", "number of operations that were timed as one batch"),
        ("round", "Int64", "number of the round, from 0; rounds are the replicates"),
        ("process", "Int64", "number of the fresh process of this case in the round, from 0"),
        ("block", "Int64", "number of the block of the round, in which compared cells are close in time, from 0"),
        ("sample", "Int64", "number of the batch in the process, from 0"),
        ("warmup", "Int64", "1 for a warm-up batch, which no estimate includes, else 0"),
        ("status", "string", "ok, failed, timeout, unsupported or skipped"),
        ("reason", "string", "why the status is not ok"),
    ),
)

CONDITIONS = columns(
    ("target", "string", "label of the target"),
    ("cpu_mode", "string", "how CPUs were limited: cpuset, quota, affinity or none"),
    ("scenario", "string", "name of the scenario, as family.name"),
    ("case", "string", "label of the case"),
    ("operation", "string", "name of the operation that is timed"),
    ("round", "Int64", "number of the round, from 0"),
    ("process", "Int64", "number of the fresh process of this case in the round, from 0"),
    ("sample", "Int64", "number of the batch in the process, from 0"),
    ("warmup", "Int64", "1 for a warm-up batch, else 0"),
    ("window_ns", "Int64", "time from the reading before the batch to the reading after it"),
    ("cpus_used", "Int64", "number of CPUs that the cell's processes may use"),
    ("idle_ns", "Int64", "idle time of these CPUs, summed; /proc/stat counts in ticks of 10 ms"),
    ("steal_ns", "Int64", "time that the hypervisor gave to other virtual machines, summed over these CPUs"),
    ("own_cpu_ns", "Int64", "CPU time of the cell's own processes"),
    ("others_ns", "Int64", "CPU time of all other processes on these CPUs: the time that is not idle, stolen or own"),
    ("throttled_ns", "Int64", "time for which the control group was throttled by its quota"),
    ("pressure_cpu_some_ns", "Int64", "time during which at least one task of the machine waited for a CPU"),
    ("pressure_cpu_full_ns", "Int64", "time during which all tasks waited for a CPU"),
    ("pressure_memory_some_ns", "Int64", "time during which at least one task of the machine waited for memory"),
    ("pressure_memory_full_ns", "Int64", "time during which all tasks waited for memory"),
    ("pressure_io_some_ns", "Int64", "time during which at least one task of the machine waited for input or output"),
    ("pressure_io_full_ns", "Int64", "time during which all tasks waited for input or output"),
    ("migrations", "Int64", "number of moves of the cell's processes between CPUs"),
    ("moved_processes", "Int64", "number of the cell's processes that were on another CPU after the batch than before"),
    ("major_faults", "Int64", "number of page faults of the cell's processes that read from a disk"),
    ("frequency_khz", "Int64", "lowest frequency of these CPUs after the batch, in kHz"),
)

CANARIES = columns(
    ("target", "string", "label of the target"),
    ("round", "Int64", "number of the round, from 0"),
    ("block", "Int64", "number of the target's start in the round, from 0"),
    ("when", "string", "before the first cell of the block, or after its last cell"),
    ("loops", "Int64", "number of passes of the fixed loop"),
    ("elapsed_ns", "Int64", "wall time of the loop in nanoseconds"),
    ("cpu_ns", "Int64", "CPU time of the loop in nanoseconds"),
)

UNITS = {
    "wall_time": "ns",
    "cpu_time": "ns",
    "throttled_time": "ns",
    "context_switches": "count",
    "minor_faults": "count",
    "count": "count",
    "pss": "bytes",
    "uss": "bytes",
    "throughput": "ops/s",
    "latency_p50": "ns",
    "latency_p99": "ns",
    "latency_p999": "ns",
}

# The columns for axes of the same name; every other axis is part of `variant`.
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
