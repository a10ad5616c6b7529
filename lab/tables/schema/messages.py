"""Columns of what messages cost: lines over sizes, each size, where one mechanism overtakes another."""

from __future__ import annotations

from lab.tables.schema.columns import columns, with_ends

_MESSAGES = columns(
    ("target", "string", "label of the target"),
    ("operation", "string", "round_trip, of which a message is half, or one_way"),
    ("payload", "string", "bytes, object, or another kind of content"),
    ("placement", "string", "same_cpu, cross_cpu, free, or cross_cpu_awake"),
)

IPC_COST = (
    *_MESSAGES,
    *columns(
        ("mechanism", "string", "what carries the message"),
        ("sizes", "Int64", "sizes that were measured"),
        ("smallest_bytes", "Int64", "the smallest of them; outside of them the line is extrapolated"),
        ("largest_bytes", "Int64", "the largest"),
        ("rounds", "Int64", "rounds whose lines entered"),
    ),
    *with_ends("startup_ns", "fixed cost of a message in ns"),
    *with_ends("bandwidth", "bytes/s that the cost grows by; empty where no growth is told from none"),
    *columns(
        ("r2", "float64", "goodness of fit, on the logarithms"),
        ("worst_deviation", "float64", "how far the line is off, relative, where it is farthest"),
        ("worst_payload_bytes", "Int64", "the size at which that is"),
        ("reason", "string", "why there is no line or no interval, or where the line does not describe the data"),
    ),
)

IPC_SIZES = (
    *_MESSAGES,
    *columns(
        ("mechanism", "string", "what carries the message"),
        ("payload_bytes", "Int64", "size of the message in bytes"),
        ("rounds", "Int64", "rounds that entered message_ns"),
    ),
    *with_ends("message_ns", "time a message in ns"),
    *with_ends("cpu_ns", "CPU time a message in ns, all processes; of one_way with its untimed answer"),
    *with_ends("over_fastest", "time over that of the mechanism with the shortest, paired by round"),
    *columns(
        (
            "over_fastest_q",
            "float64",
            "how surely it differs from 1 among all pairs of the table (false discovery rate)",
        ),
        ("verdict", "string", "wins, slower, cannot tell, or alone (nothing else was measured there)"),
        ("raw_mechanism", "string", "the system call beneath it, measured with bytes in the same rounds"),
    ),
    *with_ends("over_raw", "time over that of the raw mechanism, paired by round: what Python adds"),
    *columns(
        (
            "reason",
            "string",
            "why there is no interval, or by what the cell or the fastest one was disturbed, which leaves no verdict",
        )
    ),
)

IPC_CROSSINGS = (
    *_MESSAGES,
    *columns(
        ("faster_below", "string", "the mechanism that is faster at the smaller size"),
        ("faster_above", "string", "the one that is faster at the larger"),
        ("below_bytes", "Int64", "the last measured size at which the former is faster"),
        ("above_bytes", "Int64", "the first at which the latter is"),
        ("undecided_between", "Int64", "measured sizes between the two that cannot tell, disturbed ones among them"),
    ),
    *with_ends("ratio_below", "time of faster_below over that of faster_above at below_bytes, paired by round"),
    *with_ends("ratio_above", "the same at above_bytes"),
    *columns(
        ("q_below", "float64", "how surely ratio_below differs from 1 among all pairs (false discovery rate)"),
        ("q_above", "float64", "the same of ratio_above"),
    ),
)
