"""Measure the steps before and around the cells: planning, packing an image, starting a container, a small run."""

from __future__ import annotations

import io
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from msgspec import structs

from lab.agent.scenario import discover
from lab.errors import ExitCode, NothingToRunOn
from lab.model import Target, WallSplit
from lab.planning import cells as plan
from lab.planning.profiles import profile
from lab.runs.folder import RunFolder
from lab.targets import Runner
from lab.targets.interpreters import Interpreter, find_interpreters, key_order
from lab.targets.request import Request
from lab.validation.bench.result import ContainerStart, NotMeasured, Packing, Planning, SampleRun
from lab.validation.bench.synthetic import synthetic_targets

PLANNED_CELLS = 100_000
CONTAINERS = 5
RUN_ID = "bench"
SCENARIOS = ("sync.primitives", "ipc.round_trip")  # of the small run


class _Counting(io.BytesIO):
    """Counts the bytes written and discards them, so that packing is measured without the disk."""

    length = 0

    def write(self, data: Any) -> int:  # noqa: ANN401 - any buffer
        self.length += len(data)
        return len(data)


def planning(cells: int = PLANNED_CELLS) -> Planning:
    """Time the planning of at least ``cells`` cells of the profile ``full`` on as many synthetic targets as needed."""
    scenarios, chosen = list(discover().values()), profile("full")
    targets, expected = [], 0
    for target in synthetic_targets():
        if expected >= cells:
            break
        targets.append(target)
        expected += len(plan.cells(scenarios, [target], chosen))
    began = time.perf_counter()
    planned = plan.cells(scenarios, targets, chosen)
    return Planning(cells=len(planned), targets=len(targets), wall_s=time.perf_counter() - began)


def packing() -> Packing | NotMeasured:
    """Time the packing of this machine's newest interpreter as an image: listing, hashing and writing a tar archive."""
    from lab.targets.images.pack import contents_of, write_tar

    newest = _newest()
    if newest is None:
        return NotMeasured(not_measured="no interpreter was found on this machine")
    if newest.os != "linux":
        return NotMeasured(not_measured="only interpreters of a Linux host can be packed as images")
    began = time.perf_counter()
    stream = _Counting()
    write_tar(contents_of(newest), stream)
    return Packing(python=newest.patch, size_bytes=stream.length, wall_s=time.perf_counter() - began)


def container_start(count: int = CONTAINERS) -> ContainerStart | NotMeasured:
    """Time ``count`` containers with the lab's options from their creation to the first line and to their removal."""
    from lab.targets.engine import connect
    from lab.targets.images import choose

    try:
        engine = connect("auto")
        images = choose(engine, "auto", {}, None, lambda _line: None)
        key = max((key for key in images.available() if not key.endswith("t")), key=key_order)
        image = images.obtain((key,), lambda _line: None)
    except (NothingToRunOn, ValueError) as error:
        return NotMeasured(not_measured=str(error))
    from lab.targets.docker import DockerRunner

    target = next(target for target in synthetic_targets() if target.limit.mode == "cpuset" and target.limit.cpus == 1)
    target = structs.replace(target, key=key)
    runner = DockerRunner(engine, image, RUN_ID)
    times = [_one_start(runner, target) for _ in range(count)]
    first, whole = zip(*times, strict=True)
    return ContainerStart(
        engine=f"{engine.name} {engine.version}",
        containers=count,
        first_line_s=statistics.median(first),
        removed_s=statistics.median(whole),
    )


def sample_run(folder: Path, engine: str) -> SampleRun | NotMeasured:
    """Run two scenarios of the profile ``smoke`` with an engine, and divide the wall time into its shares."""
    options = ["--profile", "smoke", "--engine", engine, "--out", str(folder), "--quiet"]
    options += [part for name in SCENARIOS for part in ("--scenario", name)]
    command = [sys.executable, "-m", "lab", "run", *options]
    process = subprocess.run(command, capture_output=True, text=True, check=False)
    if process.returncode not in (ExitCode.DONE, ExitCode.CELLS_FAILED):
        lines = process.stderr.strip().splitlines() or ["it gave no reason"]
        return NotMeasured(not_measured=lines[-1], engine=engine)
    run = RunFolder.existing(folder)
    split = run.manifest().split or WallSplit()
    ended = sum(attempt.end is not None for raw in run.raw() for tries in raw.attempts.values() for attempt in tries)
    overhead_s = split.wall_s - split.timed_s - split.warmup_s
    return SampleRun(
        engine=engine,
        cells=ended,
        split=structs.asdict(split),
        overhead_per_cell_s=overhead_s / ended if ended else None,
        command=" ".join(["python -m lab run", *options]).replace(str(folder), "FOLDER"),
    )


def _one_start(runner: Runner, target: Target) -> tuple[float, float]:
    cpus = runner.cpus_for(target, 0)
    request = Request.from_target(target, cpus, 0, [])
    began = time.perf_counter()
    with runner.start(target, cpus, request) as running:
        next(running.lines())
        first_s = time.perf_counter() - began
    return first_s, time.perf_counter() - began


def _newest() -> Interpreter | None:
    plain = [found for found in find_interpreters() if not found.free_threaded]
    return max(plain, key=lambda found: key_order(found.key), default=None)
