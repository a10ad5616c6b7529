"""Raw lines -> conditions.csv and canary.csv: what went on around each batch, and the loop beside each block."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from lab import schema, tables
from lab.store import RawFile, RunFolder, attempts

Row = dict[str, Any]


def conditions(folder: RunFolder) -> pd.DataFrame:
    """One row a batch with the columns of ``schema.CONDITIONS``; no row for runs that did not record any.

    Raises:
        BadFiles: a raw file is damaged.
    """
    manifest = folder.manifest()
    modes = {target["id"]: target["cpu_mode"] for target in manifest["targets"]}
    planned = {
        (cell["target"], f"{cell['scenario']}/{cell['case']}"): (cell["scenario"], cell["case"])
        for cell in manifest["cells"]
    }
    rows = [row for raw in folder.raw() for row in _batches(raw, planned)]
    frame = pd.DataFrame.from_records(rows).reindex(columns=schema.names(schema.CONDITIONS))
    frame["cpu_mode"] = frame["target"].map(modes)
    return tables.conform(with_others(tables.conform(frame, schema.CONDITIONS)), schema.CONDITIONS)


def with_others(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows with what is left of the CPUs' time: neither idle, nor stolen, nor the cell's own."""
    left_ns = frame["window_ns"] * frame["cpus_used"] - frame["idle_ns"] - frame["steal_ns"].fillna(0)
    return frame.assign(others_ns=(left_ns - frame["own_cpu_ns"]).clip(lower=0))


def canaries(folder: RunFolder) -> pd.DataFrame:
    """One row a canary with the columns of ``schema.CANARIES``.

    Raises:
        BadFiles: a raw file is damaged.
    """
    rows = [row for raw in folder.raw() for row in _canaries(raw)]
    return tables.conform(pd.DataFrame.from_records(rows), schema.CANARIES)


def _batches(raw: RawFile, planned: dict[tuple[str, str], tuple[str, str]]) -> Iterator[Row]:
    """The batches of the last finished attempt at each cell that the plan has."""
    for cell, tries in attempts(raw).items():
        finished = [attempt for attempt in tries if attempt.end]
        if not finished or (raw.target, cell) not in planned:
            continue
        scenario, case = planned[raw.target, cell]
        for line in finished[-1].lines:
            if "around" in line:
                yield {
                    **line["around"],
                    "throttled_ns": line["spent"].get("throttled_ns"),
                    "target": raw.target,
                    "scenario": scenario,
                    "case": case,
                    "operation": line["operation"],
                    "round": raw.round,
                    "sample": line["sample"],
                    "warmup": line["warmup"],
                }


def _canaries(raw: RawFile) -> Iterator[Row]:
    block = -1
    for line in raw.lines:
        if line["kind"] == "facts":  # every start of the target says first what it is
            block += 1
        elif line["kind"] == "canary":
            yield {**line, "target": raw.target, "round": raw.round, "block": block}
