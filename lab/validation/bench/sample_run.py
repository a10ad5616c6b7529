"""A small real run of the lab in a process of its own: what a cell costs beyond its timed batches, and the split."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from lab.errors import ExitCode
from lab.runs.folder import RunFolder, attempts

SCENARIOS = ("sync.primitives", "ipc.round_trip")


def sample_run(folder: Path, engine: str) -> dict[str, Any]:
    """Run ``smoke`` on one version and one CPU, and account for its wall time.

    ``overhead_a_cell_s``: wall time less timed batches and warm-up, over the cells that ended.
    """
    options = ["--profile", "smoke", "--engine", engine, "--out", str(folder), "--quiet"]
    options += [part for name in SCENARIOS for part in ("--scenario", name)]
    command = [sys.executable, "-m", "lab", "run", *options]
    process = subprocess.run(command, capture_output=True, text=True, check=False)
    if process.returncode not in (ExitCode.DONE, ExitCode.CELLS_FAILED):
        return {"not_measured": process.stderr.strip().splitlines()[-1] if process.stderr.strip() else "no reason told"}
    run = RunFolder.existing(folder)
    split = run.manifest()["split"]
    ended = sum(attempt.end is not None for raw in run.raw() for tries in attempts(raw).values() for attempt in tries)
    overhead_s = split["wall_s"] - split["timed_s"] - split["warmup_s"]
    return {
        "engine": engine,
        "cells": ended,
        "split": split,
        "overhead_a_cell_s": overhead_s / ended if ended else None,
        "command": " ".join(["python -m lab run", *options]).replace(str(folder), "FOLDER"),
    }


def save(result: dict[str, Any], path: Path) -> None:
    """Write the whole result as JSON."""
    path.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8", newline="\n")
