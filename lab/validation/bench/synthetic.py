"""Write synthetic run folders of any size in the agent's format, which cost as much to derive as real ones.

Cells are those of the profile ``full`` on synthetic targets. Each cell has per round the lines that a container sends:
a start, a calibration, one warm-up batch and three batches with counters, and an end. Values are log-normal around a
level per cell, so that they differ. Targets have facts about version and limit, so that the report compares them like
those of a real run. The manifest notes that nothing was measured.
"""

from __future__ import annotations

import ast
import datetime as dt
import functools
import importlib
import inspect
import random
from collections.abc import Iterator
from itertools import count
from pathlib import Path

from msgspec.structs import replace

from lab.agent.protocol import encode_line
from lab.agent.scenario import discover
from lab.model import TABLES_VERSION, Cell, Facts, Limit, Manifest, Target
from lab.planning import cells as plan
from lab.planning.profiles import profile
from lab.runs.folder import RAW, RunFolder
from lab.runs.manifest import host, new_manifest
from lab.targets.request import BATCHES

SYNTHETIC_DATE = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)
ROUNDS = 32  # the largest number of rounds of any profile
Record = dict[str, object]  # a line of the agent before encoding
METRICS = 4  # per sample line of a container: wall time, CPU time, context switches, throttled time
ROWS_A_CELL_AND_ROUND = (1 + BATCHES) * METRICS
PYTHONS = ("3.13", "3.9", "3.12", "3.11", "3.10", "3.14", "3.14t")
LIMITS = (Limit(mode="cpuset", cpus=2.0), Limit(mode="quota", cpus=0.5), Limit(mode="cpuset", cpus=1.0))

# The methods of a case whose first argument is the name of an operation, the one for batches first.
TIMED = ("measure", "record_time", "record_latencies")


def synthetic_targets(visible_cpus: int = 2) -> Iterator[Target]:
    """Endless targets: every version under every limit, then the same with a number appended to their ids."""
    for turn in count():
        for key in PYTHONS:
            for limit in LIMITS:
                name = plan.target_id(key, "linux", limit, native=False)
                yield Target(
                    id=name if turn == 0 else f"{name}-{turn}",
                    key=key,
                    engine="docker",
                    os="linux",
                    arch="x86_64",
                    limit=limit,
                    cpus_visible=visible_cpus if limit.mode == "quota" else int(limit.cpus),
                )


def planned_cells(number: int) -> tuple[list[Target], list[Cell]]:
    """The first ``number`` cells of the profile ``full``, and the targets they need."""
    scenarios, chosen = list(discover().values()), profile("full")
    targets: list[Target] = []
    cells: list[Cell] = []
    for target in synthetic_targets():
        if len(cells) >= number:
            break
        targets.append(target)
        cells.extend(plan.cells(scenarios, [target], chosen))
    return targets, cells[:number]


def write_run(path: Path, rows: int) -> int:
    """Write a run folder that yields at least ``rows`` rows of samples.csv, and return its number of cells."""
    targets, cells = planned_cells(-(-rows // (ROWS_A_CELL_AND_ROUND * ROUNDS)))
    with RunFolder.create(path) as folder:
        folder.write_manifest(manifest(targets, cells))
    of_target: dict[str, list[Cell]] = {}
    for cell in cells:
        of_target.setdefault(cell.target, []).append(cell)
    for name, own in of_target.items():
        levels = [random.Random(cell.id).uniform(8.0, 18.0) for cell in own]  # noqa: S311 - values, not secrets
        for number in range(ROUNDS):
            raw = path / RAW / f"{name}.r{number:04d}.jsonl"
            with raw.open("w", encoding="utf-8", newline="\n") as file:
                file.writelines(map(encode_line, _round(name, number, own, levels)))
    return len(cells)


VERIFIED = "job"  # the operation of ``lab.agent.toolkit.jobs.measure_verified``


@functools.cache
def timed_operation(scenario: str) -> str:
    """The name of the operation that a scenario times first, read from its code, so that the report shows it.

    A scenario that calls another scenario's function has the other's operation. Without any name in the code the
    result is ``operation``.
    """
    module = importlib.import_module(f"lab.agent.scenarios.{scenario}")
    tree = ast.parse(inspect.getsource(module))
    names: dict[str, list[str]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "measure_verified":
            return VERIFIED
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args:
            name = node.args[0]
            if isinstance(name, ast.Constant) and isinstance(name.value, str):
                names.setdefault(node.func.attr, []).append(name.value)
    if any(call.startswith(("measure", "record")) for call in names):
        return next((names[call][0] for call in TIMED if call in names), "operation")
    prefix = "lab.agent.scenarios."
    others = [
        node.module.removeprefix(prefix)
        for node in tree.body
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith(prefix)
    ]
    return next((timed_operation(other) for other in others), "operation")


def _round(target: str, number: int, cells: list[Cell], levels: list[float]) -> Iterator[Record]:
    rng = random.Random(f"{target}/{number}")  # noqa: S311 - reproducible values, not secrets
    yield {"kind": "file", "target": target, "round": number, "schema_version": TABLES_VERSION}
    for cell, level in zip(cells, levels, strict=True):
        yield from _attempt(cell, level + rng.gauss(0, 0.05), rng)


def _attempt(cell: Cell, level: float, rng: random.Random) -> Iterator[Record]:
    own = {"cell": cell.case_key, "attempt": 0}
    operation = cell.values.get("operation") or timed_operation(cell.scenario)
    columns = {} if cell.values.get("start_method") else {"start_method": "fork"}
    loops = rng.randrange(2, 2000)
    yield {**own, "kind": "start"}
    yield {**own, "kind": "calibration", "operation": operation, "loops": loops}
    for index in range(1 + BATCHES):
        elapsed_ns = round(loops * rng.lognormvariate(level, 0.03))
        yield {
            **own,
            "kind": "sample",
            "operation": operation,
            "loops": loops,
            "elapsed_ns": elapsed_ns,
            "sample": max(0, index - 1),
            "warmup": int(index == 0),
            "columns": columns,
            "spent": {
                "cpu_ns": round(elapsed_ns * rng.uniform(0.9, 1.9)),
                "switches": rng.randrange(5000),
                "throttled_ns": 0,
                "periods": 1,
                "throttled_periods": 0,
            },
            "around": {
                "window_ns": elapsed_ns + rng.randrange(10**6),
                "cpus_used": 2,
                "idle_ns": rng.randrange(10**7),
                "steal_ns": 0,
                "own_cpu_ns": elapsed_ns,
                "migrations": rng.randrange(9),
                "moved_processes": 0,
                "major_faults": 0,
            },
        }
    split = {"timed_ns": 30_000_000, "warmup_ns": 30_000_000, "interpreter_ns": 25_000_000, "total_ns": 90_000_000}
    yield {**own, "kind": "end", "status": "ok", "reason": "", "split": split}


def _facts(target: Target) -> Facts:
    """The facts by which the report pairs targets: version, build and limit."""
    return Facts(
        os=target.os,
        arch=target.arch,
        implementation="CPython",
        python=target.key.rstrip("t") + ".0",
        affinity=tuple(range(target.cpus_visible)),
        cpu_count=target.cpus_visible,
        quota=target.limit.cpus if target.limit.mode == "quota" else None,
    )


def manifest(targets: list[Target], cells: list[Cell]) -> Manifest:
    """The manifest of a synthetic run of these cells; a note says that nothing was measured."""
    made = new_manifest(
        "synthetic",
        SYNTHETIC_DATE,
        host=host(),
        targets=targets,
        cells=cells,
        profile="full",
        command="python -m lab bench",
        facts={target.id: _facts(target) for target in targets},
    )
    return replace(
        made,
        finished=made.created,
        agent_hash="",
        notes=("synthetic data of `lab bench`: nothing in this folder was measured",),
    )
