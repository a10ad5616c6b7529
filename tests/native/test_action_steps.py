"""The composite action's own step, on this machine: a run in the caller's folder, packed, its archive told."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

ROOT = Path(__file__).resolve().parents[2]
ACTION: dict[str, Any] = YAML(typ="safe").load(ROOT / ".github" / "actions" / "lab" / "action.yml")


def test_the_action_measures_packs_and_outputs_where_the_archive_is(tmp_path: Path, newest: str) -> None:
    (step,) = [step for step in ACTION["runs"]["steps"] if step.get("id") == "measure"]
    (tmp_path / "comparison-lab").symlink_to(sys.prefix)  # where the step before has installed what it needs
    cell = "ipc.round_trip/pipe-64-same_cpu"
    variables = {
        "LAB": str(ROOT), "RUNNER_TEMP": str(tmp_path), "GITHUB_OUTPUT": str(tmp_path / "output"), "OUT": "run",
        "ARGUMENTS": f"--profile smoke --engine none --python {newest} --cpus 1 --scenario {cell}",
    }  # fmt: skip
    done = subprocess.run(
        ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", step["run"]],
        cwd=tmp_path, env={**os.environ, **variables}, capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "output").read_text() == "archive=run.zip\n"
    with zipfile.ZipFile(tmp_path / "run.zip") as archive:
        assert any(name.endswith("/samples.csv") for name in archive.namelist())
