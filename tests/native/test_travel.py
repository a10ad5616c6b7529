"""Runs travel: shards merged are the plan, and a run's archive, or its manifest alone, is carried out and judged."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from lab.interpreters import find_interpreters

ROOT = Path(__file__).resolve().parents[2]
PAIR = ("ipc.round_trip/pipe-64-same_cpu", "ipc.round_trip/queue-64-same_cpu")

pytestmark = [
    pytest.mark.interpreters,
    pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system cannot bind a process to a CPU"),
]


@pytest.fixture(scope="module")
def newest() -> str:
    return [found.key for found in find_interpreters() if not found.free_threaded][-1]


def lab(*arguments: str | Path, cwd: Path = ROOT, expect: int = 0) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "lab", *map(str, arguments)]
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False, timeout=180)
    assert done.returncode == expect, done.stderr
    assert "Traceback" not in done.stderr
    return done


def selected(newest: str, *scenarios: str) -> list[str]:
    named = [word for scenario in scenarios for word in ("--scenario", scenario)]
    return ["--engine", "none", "--python", newest, "--cpus", "1", *named]


def test_three_shards_run_one_by_one_and_merged_are_the_plan(tmp_path: Path, newest: str) -> None:
    what = ["--profile", "smoke", *selected(newest, "ipc.round_trip/pipe-64-same_cpu", "process.switch", "pool.start")]
    whole = {cell["id"] for cell in json.loads(lab("plan", *what, "--json").stdout)["cells"]}
    shards = [tmp_path / f"s{index}" for index in (1, 2, 3)]
    for index, out in enumerate(shards, 1):
        lab("run", *what, "--shard", f"{index}/3", "--quiet", "--out", out)
    lab("export", shards[2], "--out", tmp_path / "s3.zip")
    lab("merge", shards[0], shards[1], tmp_path / "s3.zip", "--out", tmp_path / "all")
    rows = pd.read_csv(tmp_path / "all" / "samples.csv")
    assert set(rows["scenario"] + "/" + rows["case"] + "@" + rows["target"]) == whole
    assert "skipped" not in set(rows["status"])
    assert rows["run_id"].nunique() == 3
    lab("merge", shards[0], shards[2], "--out", tmp_path / "some")
    some = pd.read_csv(tmp_path / "some" / "samples.csv")
    assert set(some["scenario"] + "/" + some["case"] + "@" + some["target"]) == whole
    assert set(some[some["status"] == "skipped"]["reason"]) == {"shard 2/3 was not merged"}
    refused = lab("merge", shards[0], shards[0] / "raw", expect=5)
    assert refused.stderr.startswith("lab: ")


def test_a_run_is_archived_carried_out_in_a_clean_clone_and_judged(tmp_path: Path, newest: str) -> None:
    out = tmp_path / "run"
    lab("run", "--profile", "quick", *selected(newest, *PAIR), "--seed", "7", "--quiet", "--out", out)
    lab("export", out, "--out", tmp_path / "run.zip")
    clone = tmp_path / "clone"
    shutil.copytree(ROOT / "lab", clone / "lab", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "docker", clone / "docker")
    original = json.loads((out / "manifest.json").read_text())
    shutil.move(out, tmp_path / "gone")
    found = json.loads(lab("reproduce", tmp_path / "run.zip", "--out", clone / "again", "--json", cwd=clone).stdout)
    check_reproduced(found, original, json.loads((clone / "again" / "manifest.json").read_text()))
    table = pd.read_csv(clone / "again" / "reproduce.csv")
    assert table["verdict"].tolist() == [row["verdict"] for row in found["rows"]]
    assert "## What differs" in (clone / "again" / "reproduce.md").read_text()
    shutil.copy(tmp_path / "gone" / "manifest.json", tmp_path / "alone.json")
    judged = json.loads(lab("reproduce", tmp_path / "alone.json", "--judge", clone / "again", "--json").stdout)
    assert judged["rows"] == found["rows"]


def check_reproduced(found: dict[str, Any], original: dict[str, Any], again: dict[str, Any]) -> None:
    (ratio,) = [row for row in found["rows"] if row["kind"] == "mechanism"]
    assert ratio["finding"] == "ipc.round_trip: queue-64-same_cpu over pipe-64-same_cpu"
    assert ratio["verdict"] in {"reproduced", "contradicted", "cannot tell"}
    assert all(ratio[name] > 1 for name in ("theirs", "ours"))
    assert ratio["ours_ci_low"] < ratio["ours"] < ratio["ours_ci_high"]
    assert again["seed"] == original["seed"] == 7
    assert again["loops"] == original["loops"]
    assert all(original["loops"].values())
    assert [cell["id"] for cell in again["cells"]] == [cell["id"] for cell in original["cells"]]
    assert again["reproduces"]["run_id"] == original["run_id"]
    assert again["rounds_done"] == original["rounds_done"] == 5


def test_targets_that_this_machine_cannot_have_are_named_and_skipped(tmp_path: Path, newest: str) -> None:
    out = tmp_path / "run"
    lab("run", "--profile", "smoke", *selected(newest, PAIR[0]), "--quiet", "--out", out)
    manifest = json.loads((out / "manifest.json").read_text())
    (target,) = manifest["targets"]
    big = {**target, "id": "big", "cpus_requested": 4096.0, "cpus_visible": 4096}
    (cell,) = manifest["cells"]
    manifest["targets"].append(big)
    manifest["cells"].append({**cell, "target": "big", "id": "x@big"})
    (tmp_path / "more.json").write_text(json.dumps(manifest))
    found = json.loads(lab("reproduce", tmp_path / "more.json", "--out", tmp_path / "again", "--json").stdout)
    assert "it needs 4096 CPUs" in found["skipped"]["big"]
    manifest["targets"], manifest["cells"] = [big], []
    (tmp_path / "none.json").write_text(json.dumps(manifest))
    refused = lab("reproduce", tmp_path / "none.json", "--out", tmp_path / "never", expect=3)
    assert "needs 4096 CPUs" in refused.stderr
