"""The shell steps of the workflows, in their order, on this machine: shards merged; two images compared."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from ruamel.yaml import YAML

from lab.targets.engine import Engine
from lab.targets.images import choose
from tests.workflow_steps import shell_steps

ROOT = Path(__file__).resolve().parents[2]
WORKFLOWS = ROOT / ".github" / "workflows"
WORKFLOW: dict[str, Any] = YAML(typ="safe").load(WORKFLOWS / "lab.yml")
COMPARE: dict[str, Any] = YAML(typ="safe").load(WORKFLOWS / "compare.yml")
# What they do is there already on this machine; all else is run as it stands.
LEFT_OUT = {"Install", "Take the base images from the cache", "Keep the base images for the cache"}

pytestmark = pytest.mark.engine


def carry_out(workflow: dict[str, Any], job: str, folder: Path, /, **variables: str) -> None:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT), **variables}
    for step in shell_steps(workflow, job, LEFT_OUT):
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", step["run"]],
            cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=300,
        )  # fmt: skip
        assert done.returncode == 0, f"{step['name']}: {done.stderr}"


def test_the_steps_of_the_workflow_in_order_give_what_a_local_run_gives(engine: Engine, tmp_path: Path) -> None:
    python = choose(engine, "auto", {}, None, lambda _: None).available()[-1]
    # A scenario for each of the three shards, of few cells.
    scenarios = "--scenario pool.start --scenario ipc.fan/queue-one_to_many-* --scenario ipc.one_way/pipe-*"
    options = f"--target *-c1 --python {python} --cpus 1 {scenarios}"
    plan = [sys.executable, "-m", "lab", "plan", "--profile", "smoke", "--json", *options.split()]
    local = subprocess.run(plan, cwd=ROOT, capture_output=True, text=True, check=True)
    whole = {cell["id"] for cell in json.loads(local.stdout)["cells"]}
    for shard in map(str, WORKFLOW["jobs"]["containers"]["strategy"]["matrix"]["shard"]):
        variables = {"OUT": f"runs/linux-{shard}", "SHARD": f"{shard}/3", "PROFILE": "smoke", "OPTIONS": options}
        carry_out(WORKFLOW, "containers", tmp_path, **variables)
    summary = tmp_path / "summary.md"
    carry_out(WORKFLOW, "report", tmp_path, GITHUB_STEP_SUMMARY=str(summary))
    rows = pd.read_csv(tmp_path / "merged" / "samples.csv")
    assert set(rows["scenario"] + "/" + rows["case"] + "@" + rows["target"]) == whole
    assert set(rows["status"]) <= {"ok", "unsupported"}
    assert summary.read_text() == (tmp_path / "merged" / "report.md").read_text()
    assert (tmp_path / "merged.zip").is_file()


def test_another_projects_image_is_compared_with_the_one_of_its_base(engine: Engine, tmp_path: Path) -> None:
    images = choose(engine, "auto", {}, None, lambda _: None)
    python = images.available()[-1]
    base = images.obtain([python], lambda _: None)[python].base_reference
    for state in ("before", "after"):
        (tmp_path / state).mkdir()
        (tmp_path / state / "Dockerfile").write_text(f"FROM {base}\nLABEL state={state}\n")
    variables = {
        "LAB": str(ROOT),
        "PYTHON": python,
        "DOCKERFILE": "Dockerfile",
        "CONTEXT": ".",
        "FAIL_ON": "slower:900",
    }
    options = "--profile smoke --cpus 1 --scenario ipc.round_trip/pipe-64-same_cpu"
    summary = tmp_path / "summary.md"
    carry_out(COMPARE, "compare", tmp_path, **variables, OPTIONS=options, GITHUB_STEP_SUMMARY=str(summary))
    was, now = sorted(
        json.loads((tmp_path / "run" / "manifest.json").read_text())["targets"], key=lambda entry: not entry["before"]
    )
    assert (was["before"], now["before"]) == (True, False)
    assert was["agent_hash"] == now["agent_hash"]
    assert was["image"]["base_reference"] == "comparison:before"
    assert was["image"]["base_digest"] != now["image"]["base_digest"]
    rows = pd.read_csv(tmp_path / "comparison" / "compare.csv")
    assert (rows["ratio"] > 0).all()
    assert set(rows["verdict"]) == {"inconclusive"}, "smoke decides nothing"
    assert set(rows["pairing"]) == {"paired"}
    assert "image.base_digest" in summary.read_text()
    for state in ("before", "after"):
        engine.client.images.remove(f"comparison:{state}", force=True)
