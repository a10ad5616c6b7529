"""Columns of the cost of messages: a line over all sizes, each single size, and crossings of two mechanisms."""

from __future__ import annotations

from lab.tables.schema.columns import columns, with_ends

_MESSAGES = columns(
    ("target", "string", "label of the target"),
    ("operation", "string", "round_trip (one message is half of it) or one_way"),
    ("payload", "string", "kind of content, for example bytes or object"),
    ("placement", "string", "where the processes run: same_cpu, cross_cpu, free, cross_cpu_awake, or smt_siblings"),
)

IPC_COST = (
    *_MESSAGES,
    *columns(
        ("mechanism", "string", "the mechanism that carries the message"),
        ("sizes", "Int64", "number of measured sizes"),
        ("smallest_bytes", "Int64", "the smallest measured size; below it the line is extrapolated"),
        ("largest_bytes", "Int64", "the largest measured size; above it the line is extrapolated"),
        ("rounds", "Int64", "number of rounds whose lines were used"),
    ),
    *with_ends("startup_ns", "fixed cost of a message in nanoseconds"),
    *with_ends(
        "bandwidth",
        "bytes per second, the inverse slope of the line; empty where the slope is not distinguishable from 0",
    ),
    *columns(
        ("r2", "float64", "goodness of fit (R squared) of the logarithms"),
        ("worst_deviation", "float64", "largest relative deviation of the line from a measured size"),
        ("worst_payload_bytes", "Int64", "the size with the largest deviation"),
        ("reason", "string", "why the line or its interval is missing, or where the line does not describe the data"),
    ),
)

IPC_SIZES = (
    *_MESSAGES,
    *columns(
        ("mechanism", "string", "the mechanism that carries the message"),
        ("payload_bytes", "Int64", "size of the message in bytes"),
        ("rounds", "Int64", "number of rounds that were used for message_ns"),
    ),
    *with_ends("message_ns", "time per message in nanoseconds"),
    *with_ends("cpu_ns", "CPU time per message of all processes in nanoseconds; one_way includes its untimed answer"),
    *with_ends("over_fastest", "time divided by the time of the fastest mechanism, paired by round"),
    *columns(
        (
            "over_fastest_q",
            "float64",
            "q-value (false discovery rate) among all pairs of the table that over_fastest differs from 1",
        ),
        ("verdict", "string", "wins, slower, inconclusive, or alone (without a rival)"),
        (
            "raw_mechanism",
            "string",
            "the mechanism of the operating system that it is built on, measured with bytes in the same rounds",
        ),
    ),
    *with_ends(
        "over_raw",
        "time divided by that of a bare system call loop, paired by round: one call to write and one to read a message "
        "of bytes of known size through raw_mechanism",
    ),
    *columns(
        (
            "reason",
            "string",
            "why the interval is missing, or what disturbed this cell or the fastest one and so prevents a verdict",
        )
    ),
)

IPC_CROSSINGS = (
    *_MESSAGES,
    *columns(
        ("faster_below", "string", "the mechanism that is faster at below_bytes"),
        ("faster_above", "string", "the mechanism that is faster at above_bytes"),
        ("below_bytes", "Int64", "the last measured size at which faster_below is faster"),
        ("above_bytes", "Int64", "the first measured size at which faster_above is faster"),
        (
            "undecided_between",
            "Int64",
            "number of measured sizes between the two without a significant difference, disturbed ones included",
        ),
    ),
    *with_ends("ratio_below", "time of faster_below divided by that of faster_above at below_bytes, paired by round"),
    *with_ends("ratio_above", "time of faster_below divided by that of faster_above at above_bytes, paired by round"),
    *columns(
        ("q_below", "float64", "q-value (false discovery rate) among all pairs that ratio_below differs from 1"),
        ("q_above", "float64", "q-value (false discovery rate) among all pairs that ratio_above differs from 1"),
    ),
)
