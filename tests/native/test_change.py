"""A change of the agent is measured beside its base: another checkout, in the same rounds, one comparison."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

Lab = Callable[..., tuple[str, str]]
ROOT = Path(__file__).resolve().parents[2]
CELL = "ipc.round_trip/pipe-64-same_cpu"
SCENARIO = "lab/agent/scenarios/ipc/round_trip.py"
SLOWLY = "                send(content)\n                receive()\n"


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """A checkout whose round trips are ten: the change that is measured makes them one."""
    for name in ("lab", "docker"):
        shutil.copytree(ROOT / name, tmp_path / "base" / name, ignore=shutil.ignore_patterns("__pycache__"))
    path = tmp_path / "base" / SCENARIO
    text = path.read_text()
    assert SLOWLY in text
    path.write_text(text.replace(SLOWLY, SLOWLY * 10))
    return tmp_path / "base"


def test_a_change_of_the_agent_is_found_in_a_run_beside_its_base(
    lab: Lab, newest: str, tmp_path: Path, base: Path
) -> None:
    selected = ["--engine", "none", "--python", newest, "--cpus", "1", "--scenario", CELL, "--target", "*-c1"]
    lab("run", "--profile", "quick", *selected, "--before", base, "--quiet", "--out", tmp_path / "run")
    manifest = json.loads((tmp_path / "run" / "manifest.json").read_text())
    assert len({entry["agent_hash"] for entry in manifest["targets"]}) == 2
    shown = pd.read_csv(tmp_path / "run" / "comparisons" / "before-and-after.csv")
    assert (shown["ratio"] < 0.5).all()
    assert set(shown["pairing"]) == {"paired"}
    sides = (f"{tmp_path / 'run'}@before", f"{tmp_path / 'run'}@after")
    found = json.loads(lab("compare", *sides, "--out", tmp_path / "c", "--json")[0])
    assert [row["ratio"] for row in found["rows"]] == pytest.approx(shown["ratio"].tolist())
    assert [told["name"] for told in found["differences"]] == ["agent_hash"]
    assert "RUN@before RUN@after" in lab("compare", *reversed(sides), expect=2)[1]
    resumed = [tmp_path / "run" / "manifest.json", base / SCENARIO]
    resumed[1].write_text(resumed[1].read_text() + "# changed since\n")
    assert "another baseline agent" in lab("run", "--resume", tmp_path / "run", expect=5)[1]
    skipped = json.loads(lab("reproduce", resumed[0], "--out", tmp_path / "again", "--json")[0])["skipped"]
    assert "before a change" in skipped[f"{shown['new_target'][0]}-before"]
