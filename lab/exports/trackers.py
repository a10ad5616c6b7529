"""Estimates for programs that track benchmarks over commits: github-action-benchmark and Bencher."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from lab.exports.estimates import Estimate, benchmark_name, estimates

if TYPE_CHECKING:
    from lab.comparisons.sides import Side

# The measures that Bencher has by itself, in its units (bencher.dev, "Measures").
BENCHER_MEASURES = {"ns": "latency", "ops/s": "throughput"}
LARGER_IS_BETTER = frozenset({"ops/s", "bytes/s"})


def encode_action_benchmark(side: Side) -> bytes:
    """The input of github-action-benchmark with ``tool: customSmallerIsBetter``.

    Rates, of which more is better, are left out: one file has one direction.

    Raises:
        BadFiles: summary.csv is missing or damaged.
        UsageError: nothing was measured.
    """
    entries = [
        {
            "name": benchmark_name(side, row),
            "unit": row.unit,
            "value": row.value,
            "range": _range(row),
            "extra": f"rounds: {row.rounds}\ntarget: {row.target}\nmetric: {row.metric}",
        }
        for row in estimates(side)
        if row.unit not in LARGER_IS_BETTER
    ]
    return json.dumps(entries, indent=1, ensure_ascii=False).encode() + b"\n"


def _range(row: Estimate) -> str:
    return "" if row.ci_low is None or row.ci_high is None else f"{row.ci_low:.6g} to {row.ci_high:.6g}"


def encode_bencher(side: Side) -> bytes:
    """Bencher Metric Format: benchmark -> measure -> value with the ends of its interval.

    Raises:
        BadFiles: summary.csv is missing or damaged.
        UsageError: nothing was measured.
    """
    found: dict[str, dict[str, dict[str, float]]] = {}
    for row in estimates(side):
        metric = {"value": row.value}
        if row.ci_low is not None and row.ci_high is not None:
            metric |= {"lower_value": row.ci_low, "upper_value": row.ci_high}
        measure = BENCHER_MEASURES.get(row.unit, row.metric.replace("_", "-"))
        found.setdefault(benchmark_name(side, row), {})[measure] = metric
    return json.dumps(found, indent=1, ensure_ascii=False).encode() + b"\n"
