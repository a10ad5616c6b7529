"""Measure the lab's overhead per cell by a small real run in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from msgspec import structs

from lab.errors import ExitCode
from lab.model import WallSplit
from lab.runs.folder import RunFolder
from lab.validation.bench.result import NotMeasured, SampleRun

SCENARIOS = ("sync.primitives", "ipc.round_trip")


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
