"""A run in which every scenario has numbers: each of its cases, or the first of them, on several targets."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable
from typing import Any

import pandas as pd

from lab.agent.scenario import Scenario, View
from lab.report.data import RunData, of_frames
from lab.stats.tables.summary import summarize
from lab.tables import csv_files, schema
from lab.tables.schema import names
from tests.manifests import manifest

UNITS = {"wall_time": "ns", "cpu_time": "ns", "throttled_time": "ns", "pss": "bytes", "uss": "bytes", "count": "count"}
UNITS |= {"throughput": "bytes/s", "latency_p50": "ns", "latency_p999": "ns"}
ROUNDS = 5
Target = tuple[str, str, float]  # Python, cpu_mode, CPUs


def measured(
    scenarios: Iterable[Scenario], targets: Iterable[Target] = (("3.13.0", "cpuset", 2.0),), most: int | None = None
) -> RunData:
    """Times that differ by case, shift by 1 % per round, and are five times as long under a quota."""
    rows = [row for scenario in scenarios for target in targets for row in rows_of(scenario, target, most)]
    frame = csv_files.conform(pd.DataFrame(rows), schema.SAMPLES)
    return of_frames(manifest(finished="yes"), summary=summarize(frame), samples=frame)


def rows_of(scenario: Scenario, target: Target, most: int | None) -> list[dict[str, Any]]:
    """The samples of one scenario on one target, of at most so many cases."""
    python, cpu_mode, cpus = target
    view = next((view for view in scenario.views if isinstance(view, View)), View())
    common = {
        "run_id": "r", "target": f"py{python}-{cpu_mode}-{cpus:g}", "engine": "docker", "os": "linux",
        "python": python, "build": "gil", "cpu_mode": cpu_mode, "cpus_requested": cpus, "host": "one", "loops": 1,
        "process": 0, "sample": 0, "warmup": 0, "status": "ok", "family": scenario.family, "scenario": scenario.name,
    }  # fmt: skip
    found = []
    for case, values in list(scenario.cases({}, int(cpus) or 1).items())[:most]:
        columns = {axis: value for axis, value in values.items() if axis in names(schema.SAMPLES)}
        rest = {axis: value for axis, value in values.items() if axis not in columns}
        operations = [values["operation"]] if "operation" in values else view.operations or ("job",)
        for operation in operations:
            for metric in view.metrics:
                value = 1e4 + zlib.crc32(f"{case} {operation} {metric}".encode()) % 1e5
                value *= 5 if cpu_mode == "quota" else 1
                found += [
                    {
                        **common, **columns, "variant": json.dumps(rest, sort_keys=True), "case": case,
                        "operation": operation, "metric": metric, "unit": UNITS[metric],
                        "tasks": values.get("tasks", 4_000_000), "round": number, "value": value * 1.01**number,
                    }
                    for number in range(ROUNDS)
                ]  # fmt: skip
    return found
