"""Runs travel: shards merged are the plan, and a run's archive, or its manifest alone, is carried out and judged."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

Lab = Callable[..., tuple[str, str]]
ROOT = Path(__file__).resolve().parents[2]
PAIR = ("ipc.round_trip/pipe-64-same_cpu", "ipc.round_trip/queue-64-same_cpu")


@pytest.fixture(scope="module")
def shards(lab: Lab, newest: str, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """A plan of five cells, run in three shards."""
    found = [tmp_path_factory.mktemp("shards") / f"s{index}" for index in (1, 2, 3)]
    for index, out in enumerate(found, 1):
        lab("run", *small(newest), "--shard", f"{index}/3", "--quiet", "--out", out)
    return found


def selected(newest: str, *scenarios: str) -> list[str]:
    named = [word for scenario in scenarios for word in ("--scenario", scenario)]
    return ["--engine", "none", "--python", newest, "--cpus", "1", *named]


def small(newest: str) -> list[str]:
    return ["--profile", "smoke", *selected(newest, PAIR[0], "process.switch", "pool.start")]


def test_three_shards_run_one_by_one_and_merged_are_the_plan(
    lab: Lab, tmp_path: Path, newest: str, shards: list[Path]
) -> None:
    whole = {cell["id"] for cell in json.loads(lab("plan", *small(newest), "--json")[0])["cells"]}
    lab("export", shards[2], "--out", tmp_path / "s3.zip")
    lab("merge", shards[0], shards[1], tmp_path / "s3.zip", "--out", tmp_path / "all")
    rows = pd.read_csv(tmp_path / "all" / "samples.csv")
    assert set(rows["scenario"] + "/" + rows["case"] + "@" + rows["target"]) == whole
    assert "skipped" not in set(rows["status"])
    assert rows["run_id"].nunique() == 3
    assert "left out: shard 2/3" in lab("merge", shards[0], shards[2], "--out", tmp_path / "some", expect=1)[1]
    some = pd.read_csv(tmp_path / "some" / "samples.csv")
    assert set(some["scenario"] + "/" + some["case"] + "@" + some["target"]) == whole
    assert set(some[some["status"] == "skipped"]["reason"]) == {"shard 2/3 was not merged"}
    assert lab("merge", shards[0], shards[0] / "raw", expect=5)[1].startswith("lab: ")


def test_a_run_is_archived_carried_out_in_a_clean_clone_and_judged(lab: Lab, tmp_path: Path, newest: str) -> None:
    out = tmp_path / "run"
    lab("run", "--profile", "quick", *selected(newest, *PAIR), "--seed", "7", "--quiet", "--out", out)
    lab("export", out, "--out", tmp_path / "run.zip")
    clone = tmp_path / "clone"
    shutil.copytree(ROOT / "lab", clone / "lab", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "docker", clone / "docker")
    original = json.loads((out / "manifest.json").read_text())
    shutil.move(out, tmp_path / "gone")
    command = [sys.executable, "-m", "lab", "reproduce", str(tmp_path / "run.zip"), "--out", "again", "--json"]
    done = subprocess.run(command, cwd=clone, capture_output=True, text=True, check=False, timeout=180)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    check_reproduced(found, original, json.loads((clone / "again" / "manifest.json").read_text()))
    table = pd.read_csv(clone / "again" / "reproduce.csv")
    assert table["verdict"].tolist() == [row["verdict"] for row in found["rows"]]
    assert "## What differs" in (clone / "again" / "reproduce.md").read_text()
    shutil.copy(tmp_path / "gone" / "manifest.json", tmp_path / "alone.json")
    judged = json.loads(lab("reproduce", tmp_path / "alone.json", "--judge", clone / "again", "--json")[0])
    assert judged["rows"] == found["rows"]


def check_reproduced(found: dict[str, Any], original: dict[str, Any], again: dict[str, Any]) -> None:
    (ratio,) = [row for row in found["rows"] if row["kind"] == "mechanism"]
    assert ratio["finding"] == "ipc.round_trip: queue-64-same_cpu over pipe-64-same_cpu"
    assert ratio["verdict"] in {"reproduced", "contradicted", "inconclusive"}
    assert all(ratio[name] > 0 for name in ("theirs", "ours")), "how large it is, is no matter of a test"
    if ratio["ours_ci_low"] is None:  # as on a busy machine: disturbed, or bimodal in five rounds
        assert (ratio["verdict"], ratio["reason"] > "") == ("inconclusive", True)
    else:
        assert ratio["ours_ci_low"] < ratio["ours"] < ratio["ours_ci_high"]
    assert again["seed"] == original["seed"] == 7
    assert again["loops"] == original["loops"]
    assert all(original["loops"].values())
    assert [cell["id"] for cell in again["cells"]] == [cell["id"] for cell in original["cells"]]
    assert again["reproduces"]["run_id"] == original["run_id"]
    assert again["rounds_done"] == original["rounds_done"] == 5


def test_targets_that_this_machine_cannot_have_are_named_and_skipped(
    lab: Lab, tmp_path: Path, shards: list[Path]
) -> None:
    manifest = json.loads((shards[0] / "manifest.json").read_text())
    (target,) = manifest["targets"]
    big = {**target, "id": "big", "cpus_requested": 4096.0, "cpus_visible": 4096}
    cell = manifest["cells"][0]
    manifest["targets"].append(big)
    manifest["cells"] = [cell, {**cell, "target": "big", "id": "x@big"}]
    (tmp_path / "more.json").write_text(json.dumps(manifest))
    found = json.loads(lab("reproduce", tmp_path / "more.json", "--out", tmp_path / "again", "--json")[0])
    assert "it needs 4096 CPUs" in found["skipped"]["big"]
    manifest["targets"], manifest["cells"] = [big], []
    (tmp_path / "none.json").write_text(json.dumps(manifest))
    refused = lab("reproduce", tmp_path / "none.json", "--out", tmp_path / "never", expect=3)[1]
    assert "needs 4096 CPUs" in refused
