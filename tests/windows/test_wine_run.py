"""The agent on a Windows CPython under Wine, in a container: the Windows code path, run for real."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import pandas as pd
import pytest

from lab.tables import csv_files, schema
from lab.targets.engine import Engine
from lab.targets.images.wine import WineSource

pytestmark = pytest.mark.engine
Missing = Callable[[str], NoReturn]

# A process, a pool, pipes and queues, shared memory, a Manager, an executor; and what Windows does not have.
SCENARIOS = (
    "process.start/*", "pool.api/*", "pool.scaling/*-2", "ipc.round_trip/*-64-same_cpu", "state.update/*-1",
    "state.manager/dict-*", "sync.primitives/lock-*",
)  # fmt: skip
TIMEOUT_S = 900


@pytest.fixture(scope="module")
def version(engine: Engine, missing: Missing) -> str:
    available = WineSource(engine).available()
    if not available:
        missing("no interpreter of this host has a Windows runtime of its version")
    if not shutil.which("debootstrap"):
        missing("no debootstrap is here to make a Debian with Wine")
    if os.geteuid() != 0:
        missing("debootstrap needs root")
    return available[-1]


@pytest.fixture(scope="module")
def run(version: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wine") / "run"
    chosen = [word for pattern in SCENARIOS for word in ("--scenario", pattern)]
    command = [sys.executable, "-m", "lab", "run", "--images", "wine", "--profile", "smoke", "--python", version]
    done = subprocess.run(
        [*command, "--cpus", "2", *chosen, "--out", str(folder), "--quiet"],
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr + done.stdout
    return folder


@pytest.fixture(scope="module")
def samples(run: Path) -> pd.DataFrame:
    return csv_files.read(run / "samples.csv", schema.SAMPLES)


def test_every_cell_is_ok_or_says_what_windows_does_not_have(samples: pd.DataFrame) -> None:
    assert set(samples["status"]) == {"ok", "unsupported"}
    unsupported = samples[samples["status"] == "unsupported"]
    assert unsupported["reason"].str.len().gt(0).all()
    assert set(unsupported["mechanism"].dropna()) >= {"fifo", "unix_socket", "posix_mq", "sysv_mq", "eventfd"}


def test_what_was_measured_ran_on_windows_with_spawn(samples: pd.DataFrame) -> None:
    measured = samples[samples["status"] == "ok"]
    assert set(measured["os"]) == {"windows"}
    assert set(measured["start_method"].dropna()) <= {"spawn", "default"}
    assert {"process.start", "pool.api", "pool.scaling", "ipc.round_trip", "state.manager"} <= set(measured["scenario"])
    assert set(measured["cpus_observed"]) == {2.0}


def test_it_is_labelled_wine_everywhere(run: Path) -> None:
    manifest: dict[str, Any] = json.loads((run / "manifest.json").read_text(encoding="utf-8"))
    assert all("-windows-wine-" in target["id"] and target["facts"]["wine"] for target in manifest["targets"])
    assert "Windows under Wine" in (run / "report.md").read_text(encoding="utf-8")
