"""Interpreter, stage and run folder below paths longer than 260 characters, with spaces and letters beyond ASCII."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest

from lab.tables import csv_files, schema
from lab.targets.interpreters import Interpreter, find_interpreters

Missing = Callable[[str], NoReturn]

ROOT = Path(__file__).resolve().parents[2]
CELLS = ("process.start/spawn-same_cpu", "ipc.round_trip/pipe-64-same_cpu", "ipc.round_trip/shared_memory-64-same_cpu")
WINDOWS_LIMIT = 260

pytestmark = [
    pytest.mark.interpreters,
    pytest.mark.skipif(sys.platform != "linux", reason="moving an interpreter's file is tried on Linux alone"),
]


@pytest.fixture
def deep(tmp_path: Path) -> Path:
    found = tmp_path.joinpath(*["Läufe mit Lücken, 'größer' & \"länger\""] * 8)
    assert len(str(found)) > WINDOWS_LIMIT
    return found


@pytest.fixture
def moved(deep: Path, missing: Missing) -> Interpreter:
    """The newest interpreter's file in a place with such a name; its library is where it was."""
    newest = [found for found in find_interpreters() if not found.free_threaded][-1]
    own = deep / "python" / "bin" / newest.executable.name
    own.parent.mkdir(parents=True)
    shutil.copy2(newest.executable, own)
    (deep / "python" / "lib").symlink_to(newest.prefix / "lib")
    told = subprocess.run(
        [own, "-I", "-c", "import sys; print(sys.prefix)"], capture_output=True, text=True, check=False
    )
    if told.stdout.strip() != str(deep / "python"):
        missing(f"{newest.executable} does not run from another place: {told.stderr.strip()[-200:]}")
    return newest


def test_a_run_takes_such_paths_for_all_that_has_one(deep: Path, moved: Interpreter) -> None:
    nowhere = str(deep / "nothing here")
    places = {"HOME": str(deep), "XDG_CACHE_HOME": str(deep / "cache"), "PYENV_ROOT": nowhere}
    chosen = [word for cell in CELLS for word in ("--scenario", cell)]
    command = [sys.executable, "-m", "lab", "run", "--engine", "none", "--profile", "smoke", "--python", moved.version]
    done = subprocess.run(
        [*command, "--cpus", "1", *chosen, "--out", str(deep / "run"), "--quiet"],
        cwd=ROOT,
        env={**os.environ, **places, "PATH": os.pathsep.join([str(deep / "python" / "bin"), os.environ["PATH"]])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    samples = csv_files.read(deep / "run" / "samples.csv", schema.SAMPLES)
    assert set(samples["status"]) == {"ok"}
    assert set(samples["scenario"] + "/" + samples["case"]) == set(CELLS)
    manifest = json.loads((deep / "run" / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["targets"][0]["executable"] == f"~/python/bin/{moved.executable.name}"
    assert list((deep / "cache" / "comparison-lab" / "stages").iterdir())
    assert (deep / "run" / "index.html").stat().st_size > 0
