"""Raw lines -> samples.csv. Metadata comes from the manifest's plan and the targets' facts, never from names."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pandas as pd

from lab import schema, tables
from lab.agent.facts import cpus_observed
from lab.store import RunFolder, attempts

SPENT = {"cpu_ns": "cpu_time", "switches": "context_switches", "throttled_ns": "throttled_time"}
Row = dict[str, Any]


def tidy(folder: RunFolder) -> pd.DataFrame:
    """The run's samples with the columns of ``schema.SAMPLES``, in the order of the raw files.

    Raises:
        BadFiles: a raw file is damaged.
    """
    manifest = folder.manifest()
    identities = identity_rows(manifest)
    rows = [row for raw in folder.raw() for row in _rows_of(raw.round, raw.target, attempts(raw))]
    measured = {(row["_cell"], row["target"]) for row in rows}
    missing = missing_reasons(manifest)
    rows += [_unmeasured(key, missing.get(key)) for key in identities if key not in measured]
    if not rows:
        return tables.conform(pd.DataFrame(), schema.SAMPLES)
    values = pd.DataFrame.from_records(rows)
    keys = pd.DataFrame.from_records(
        [{"_cell": cell, "target": target, **identity} for (cell, target), identity in identities.items()]
    )
    frame = values.merge(keys, on=["_cell", "target"], how="inner", suffixes=("", "_planned"))
    for name in [column for column in frame.columns if column.endswith("_planned")]:
        own = name.removesuffix("_planned")
        frame[own] = frame[own].where(frame[own].notna(), frame[name])
    return tables.conform(with_units(frame), schema.SAMPLES)


def with_units(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows with the unit that their sample says, else with their metric's."""
    by_metric = frame["metric"].map(schema.UNITS)
    return frame.assign(unit=frame["unit"].fillna(by_metric) if "unit" in frame.columns else by_metric)


def unfinished_attempts(folder: RunFolder) -> int:
    """Attempts at cells that were begun and never ended; they stay in raw and do not enter samples.csv."""
    return sum(attempt.end is None for raw in folder.raw() for tries in attempts(raw).values() for attempt in tries)


def identity_rows(manifest: dict[str, Any]) -> dict[tuple[str, str], Row]:
    """(case, target) -> the identifying columns, out of the manifest alone."""
    targets = {target["id"]: _target_columns(target, manifest) for target in manifest["targets"]}
    found = {}
    for cell in manifest["cells"]:
        values = cell["values"]
        variant = {
            axis: value for axis, value in values.items() if axis not in schema.AXIS_COLUMNS and value is not None
        }
        columns = {axis: value for axis, value in values.items() if axis in schema.AXIS_COLUMNS}
        found[f"{cell['scenario']}/{cell['case']}", cell["target"]] = {
            **targets[cell["target"]],
            "run_id": cell.get("run_id", manifest["run_id"]),
            "family": cell["scenario"].partition(".")[0],
            "scenario": cell["scenario"],
            "case": cell["case"],
            **columns,
            "variant": json.dumps(variant, sort_keys=True) if variant else None,
        }
    return found


def _target_columns(target: dict[str, Any], manifest: dict[str, Any]) -> Row:
    """What all cells of a target share; what only the target can tell is empty where it never answered."""
    facts = target.get("facts") or {}
    return {
        "engine": target["engine"],
        "os": facts.get("os", target["os"]),
        "arch": facts.get("arch", target["arch"]),
        "implementation": facts.get("implementation"),
        "python": facts.get("python", target["key"].rstrip("t")),
        "build": target["build"],
        "cpu_mode": target["cpu_mode"],
        "cpus_requested": target["cpus_requested"],
        "cpus_observed": cpus_observed(target["cpu_mode"], facts) if facts else None,
        "host": target["host"] if "host" in target else manifest["host"]["label"],
    }


def missing_reasons(manifest: dict[str, Any]) -> dict[tuple[str, str], str]:
    """(case, target) -> why a merged run has nothing of it; only of cells that stand in no part."""
    return {
        (f"{cell['scenario']}/{cell['case']}", cell["target"]): cell["missing"]
        for cell in manifest["cells"]
        if cell.get("missing")
    }


def _rows_of(number: int, target: str, cells: dict[str, list[Any]]) -> Iterator[Row]:
    for cell, tries in cells.items():
        finished = [attempt for attempt in tries if attempt.end]
        if not finished:
            continue
        last = finished[-1]
        base = {"_cell": cell, "target": target, "round": number, "process": 0}
        status = last.end["status"]
        if status == "ok":
            for line in last.lines:
                if line["kind"] == "sample":
                    yield from _sample_rows(base, line)
        else:
            yield {**base, "status": status, "reason": last.end["reason"], "metric": "wall_time", "warmup": 0}


def _sample_rows(base: Row, line: dict[str, Any]) -> Iterator[Row]:
    """One row a metric of a sample line; batches carry wall time and counters, other lines one metric of their own."""
    common = {
        **base,
        **line["columns"],
        "operation": line["operation"],
        "sample": line["sample"],
        "warmup": line["warmup"],
        "status": "ok",
    }
    if "metric" in line:
        yield {**common, "metric": line["metric"], "value": float(line["value"])}
        return
    loops = line["loops"]
    yield {**common, "metric": "wall_time", "value": line["elapsed_ns"] / loops, "loops": loops}
    for counter, metric in SPENT.items():
        if counter in line.get("spent", {}):
            yield {**common, "metric": metric, "value": line["spent"][counter] / loops, "loops": loops}


def _unmeasured(key: tuple[str, str], reason: str | None) -> Row:
    """A row for a cell of the plan that no round has come to, or that no part of a merged run has."""
    return {
        "_cell": key[0],
        "target": key[1],
        "status": "skipped",
        "reason": reason or "the run ended before it",
        "metric": "wall_time",
        "warmup": 0,
    }
