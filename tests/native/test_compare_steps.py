"""The shell steps of the workflow that compares a pull request with its base, in their order, on this machine."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.workflow_steps import shell_steps

ROOT = Path(__file__).resolve().parents[2]
WORKFLOW: dict[str, Any] = YAML(typ="safe").load(ROOT / ".github" / "workflows" / "compare.yml")
COMMENT = ROOT / ".github" / "scripts" / "comment.py"
# What they do is there already, or is for images.
LEFT_OUT = {"Install", "Build both images"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """What the job has once it has checked out: the state before and the state after, whose agent differs."""
    for state in ("before", "after"):
        for name in ("lab", "docker"):
            shutil.copytree(ROOT / name, tmp_path / state / name, ignore=shutil.ignore_patterns("__pycache__"))
    with (tmp_path / "before" / "lab" / "agent" / "scenario.py").open("a") as file:
        file.write("# as it was\n")
    return tmp_path


def carry_out(step: dict[str, Any], folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", step["run"]],
        cwd=folder, env={**os.environ, "PATH": path, **variables}, capture_output=True, text=True, check=False,
        timeout=300,
    )  # fmt: skip


def test_the_steps_in_order_compare_the_agents_and_leave_a_table_that_the_comment_takes(
    folder: Path, newest: str
) -> None:
    options = "--engine none --profile quick --cpus 1 --target *-c1 --scenario ipc.round_trip/pipe-64-same_cpu"
    summary = folder / "summary.md"
    variables = {"LAB": "after", "PYTHON": newest, "DOCKERFILE": "", "CONTEXT": "", "OPTIONS": options}
    variables |= {"FAIL_ON": "slower:1000", "GITHUB_STEP_SUMMARY": str(summary)}
    for step in shell_steps(WORKFLOW, "compare", LEFT_OUT):
        done = carry_out(step, folder, **variables)
        assert done.returncode == 0, f"{step['name']}: {done.stderr}"
    assert "agent_hash" in summary.read_text()
    assert (folder / "run.zip").is_file()
    manifest = json.loads((folder / "run" / "manifest.json").read_text())
    assert [entry["before"] for entry in manifest["targets"]] == [False, True]
    table = folder / "comparison" / "compare.csv"
    with table.open(newline="") as file:
        assert [row["pairing"] for row in csv.DictReader(file)] == ["paired"]
    code = "import runpy, sys, pathlib; rows = runpy.run_path(sys.argv[1])['read_rows'](pathlib.Path(sys.argv[2]))"
    accepted = subprocess.run(
        [sys.executable, "-I", "-c", f"{code}; print(len(rows))", str(COMMENT), str(table)],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert accepted.stdout == "1\n", accepted.stderr
