"""A Manager in a second container: on a network made for the run, shut in as the agent is, and gone in every case."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from lab.targets.cleanup import RUN_LABEL
from lab.targets.engine import Engine

ROOT = Path(__file__).resolve().parents[2]
CELL = "state.manager_remote/set-private_network-same_cpu"
ARGUMENTS = ("--profile", "smoke", "--cpus", "1", "--target", "*-linux-c1")

pytestmark = pytest.mark.engine


def command(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-m", "lab", "run", "--images", "auto", *map(str, (*ARGUMENTS, *arguments))]


def labelled(engine: Engine, out: Path) -> tuple[list[Any], list[Any]]:
    """Containers and networks of the run in this folder, once it has a manifest."""
    manifest = out / "manifest.json"
    if not manifest.is_file():
        return [], []
    filters: dict[str, Any] = {"label": f"{RUN_LABEL}={json.loads(manifest.read_text())['run_id']}"}
    containers = engine.client.containers.list(all=True, filters=filters, ignore_removed=True)
    return containers, engine.client.networks.list(filters=filters)


def both_up(engine: Engine, out: Path) -> tuple[list[Any], list[Any]]:
    """The server's and the client's container, as soon as they run, with their networks."""
    limit = time.monotonic() + 180
    while True:
        containers, networks = labelled(engine, out)
        if len(containers) == 2 and all(found.status == "running" for found in containers):
            return containers, networks
        assert time.monotonic() < limit, "the two containers did not come up"
        time.sleep(0.02)


def test_the_server_is_in_another_container_on_a_private_network(engine: Engine, tmp_path: Path) -> None:
    out = tmp_path / "run"
    with subprocess.Popen(
        command("--scenario", CELL, "--out", out), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        containers, networks = both_up(engine, out)
        network = engine.client.networks.get(networks[0].id).attrs
        _, complaints = process.communicate(timeout=120)
    assert process.returncode == 0, complaints
    assert network["Internal"]
    assert len(networks) == 1
    for container in containers:
        posture = container.attrs["HostConfig"]
        assert list(container.attrs["NetworkSettings"]["Networks"]) == [network["Name"]]
        assert posture["ReadonlyRootfs"]
        assert posture["CapDrop"] == ["ALL"]
        assert posture["CpusetCpus"] in {"0", "1"}
        assert not posture["PortBindings"]
    assert len({container.attrs["HostConfig"]["CpusetCpus"] for container in containers}) == 1
    samples = pd.read_csv(out / "samples.csv")
    assert set(samples["status"]) == {"ok"}
    assert set(samples["variant"]) == {'{"reach": "private_network"}'}
    assert {"set", "connect_and_first_get"} == set(samples["operation"])
    assert labelled(engine, out) == ([], [])


def test_what_needs_no_server_has_no_network_beside_it(engine: Engine, tmp_path: Path) -> None:
    """Cells of one block that need a second container are run apart from those that do not."""
    out = tmp_path / "run"
    seen: list[tuple[int, str]] = []
    scenarios = ("--scenario", CELL, "--scenario", "state.update/value-*")
    with subprocess.Popen(
        command(*scenarios, "--out", out), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        while process.poll() is None:
            containers, _ = labelled(engine, out)
            seen += [(len(containers), found.attrs["HostConfig"]["NetworkMode"]) for found in containers]
            time.sleep(0.02)
        process.communicate()
    assert process.returncode == 0
    assert "none" in {mode for _, mode in seen}
    assert {mode for count, mode in seen if count == 2}.isdisjoint({"none", "bridge", "host", "default"})
    assert labelled(engine, out) == ([], [])


def test_a_killed_run_s_network_and_containers_are_removed_by_resume(engine: Engine, tmp_path: Path) -> None:
    out = tmp_path / "run"
    with subprocess.Popen(
        command("--scenario", CELL, "--out", out), cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        both_up(engine, out)
        process.kill()
    containers, networks = labelled(engine, out)
    assert len(containers) == 2
    assert len(networks) == 1
    resume = [sys.executable, "-m", "lab", "run", "--resume", str(out)]
    done = subprocess.run(resume, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    assert labelled(engine, out) == ([], [])
    assert "ok" in set(pd.read_csv(out / "summary.csv")["status"])


def test_an_interrupted_run_removes_both_containers_and_the_network(engine: Engine, tmp_path: Path) -> None:
    out = tmp_path / "run"
    with subprocess.Popen(
        command("--scenario", CELL, "--out", out),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        both_up(engine, out)
        process.terminate()
        _, complaints = process.communicate(timeout=180)
    assert process.returncode == 130, complaints
    assert labelled(engine, out) == ([], [])
