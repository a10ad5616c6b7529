"""A run as a benchmark suite of pyperf, version 1.0 of its JSON (pyperf.readthedocs.io, "JSON format").

One run of pyperf is one process: here one process of a cell in one round. Its values are the seconds of one operation,
one per timed batch. Only times are exported, because pyperf has no unit for the other metrics.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pandas as pd

from lab.errors import UsageError

if TYPE_CHECKING:
    from lab.comparisons.sides import Side

NAME = ["target", "scenario", "case", "operation"]


def encode(side: Side) -> bytes:
    """The suite as JSON, benchmarks in the order of samples.csv.

    Raises:
        BadFiles: samples.csv is missing or damaged.
        UsageError: no time was measured.
    """
    samples = side.run.samples if side.target is None else side.run.of(side.target)
    timed = samples[(samples["metric"] == "wall_time") & (samples["status"] == "ok") & (samples["warmup"] == 0)]
    if timed.empty:
        raise UsageError(f"{side.label} has no measured time, so there is nothing to export")
    manifest = side.run.manifest
    suite = {
        "version": "1.0",
        "metadata": {
            "comparison_lab_run": manifest.run_id,
            "comparison_lab_profile": manifest.profile,
            "unit": "second",
        },
        "benchmarks": [
            _benchmark(side, key, batches) for key, batches in timed.groupby(NAME, sort=False, dropna=False)
        ],
    }
    return json.dumps(suite, indent=1).encode() + b"\n"


def _benchmark(side: Side, key: tuple[Any, ...], batches: pd.DataFrame) -> dict[str, Any]:
    parts = key[1:] if side.target else key
    first = batches.iloc[0]
    metadata = {
        "name": " ".join(part for part in parts if not pd.isna(part)),
        "python_version": str(first["python"]),
        "python_implementation": str(first["implementation"]).lower(),
        "hostname": str(first["host"]),
        "comparison_lab_target": str(first["target"]),
    }
    runs = [
        {
            "metadata": {"loops": int(process["loops"].iloc[0]), "comparison_lab_round": int(process["round"].iloc[0])},
            "values": [float(value) / 1e9 for value in process["value"]],
        }
        for _, process in batches.groupby(["round", "process"], sort=False)
    ]
    return {"metadata": metadata, "runs": runs}
