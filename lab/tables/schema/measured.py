"""Columns of what was measured: samples, what went on around each batch, canaries."""

from __future__ import annotations

from lab.tables.schema.columns import columns

IDENTITY = columns(
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
    *columns(
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

CONDITIONS = columns(
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

CANARIES = columns(
    ("target", "string", "label of the target"),
    ("round", "Int64", "round, from 0"),
    ("block", "Int64", "start of the target in the round, from 0"),
    ("when", "string", "before the block's first cell, or after its last"),
    ("loops", "Int64", "passes of the fixed loop"),
    ("elapsed_ns", "Int64", "what it took"),
    ("cpu_ns", "Int64", "CPU time of it"),
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
