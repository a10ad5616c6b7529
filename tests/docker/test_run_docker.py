"""`lab run` in real containers: limits that take hold, the posture, and what happens when a container dies."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from docker.errors import APIError

from lab.agent.protocol import REQUEST_VARIABLE, decode_line
from lab.targets.cleanup import RUN_LABEL
from lab.targets.engine import Engine

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.engine


def command(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-m", "lab", "run", "--images", "auto", *map(str, arguments)]


def lab(*arguments: str | Path, expect: int = 0) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(command(*arguments), cwd=ROOT, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == expect, done.stderr
    assert "Traceback" not in done.stderr
    return done


def containers(engine: Engine, out: Path) -> list[Any]:
    """Containers of the run in this folder, once it has a manifest: what other runs left is theirs."""
    manifest = out / "manifest.json"
    if not manifest.is_file():
        return []
    label = f"{RUN_LABEL}={json.loads(manifest.read_text())['run_id']}"
    return list(engine.client.containers.list(all=True, filters={"label": label}, ignore_removed=True))


def attentive() -> None:
    """A shell starts background jobs with SIGINT ignored, and that is inherited."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def first_container(engine: Engine, out: Path, seconds: float = 180) -> Any:
    """The first container that measures; the one that is examined before the run has no request."""
    limit = time.monotonic() + seconds
    while True:
        running = [
            found
            for found in containers(engine, out)
            if found.status == "running" and REQUEST_VARIABLE in str(found.attrs["Config"]["Env"])
        ]
        if running:
            return running[0]
        assert time.monotonic() < limit, "no container came up"
        time.sleep(0.02)


def kill_in_mid_cell(engine: Engine, out: Path, seconds: float = 180) -> None:
    """Kill the container whose last cell has begun and not ended, once another cell has ended."""
    limit = time.monotonic() + seconds
    while time.monotonic() < limit:
        texts = [file.read_text() for file in out.glob("raw/*.jsonl")]
        if any('"kind":"end"' in text for text in texts):
            targets = [text.split('"target":"', 1)[1].split('"', 1)[0] for text in texts if is_under_way(text)]
            for victim in containers(engine, out):
                if victim.labels.get("comparison-lab.target") in targets:
                    with contextlib.suppress(APIError):  # it had ended meanwhile: the next one then
                        victim.kill()
                        return
        time.sleep(0.01)
    raise AssertionError("no cell was seen under way")


def is_under_way(raw: str) -> bool:
    """Whether a raw file's last whole record but its samples is the start of a cell."""
    kinds = [json.loads(line)["kind"] for line in raw.split("\n")[:-1]]
    return bool(kinds) and kinds.count("start") > kinds.count("end")


def assert_quota(samples: pd.DataFrame) -> None:
    """Nobody has more than the half CPU that was asked for, and two workers that had all of it were throttled."""
    key = ["target", "workers", "case", "sample"]
    times = samples[samples["metric"].isin(["wall_time", "cpu_time", "throttled_time"])]
    spent = times.pivot_table(index=key, columns="metric", values="value").reset_index("workers")
    share = spent["cpu_time"] / spent["wall_time"]
    assert (share < 0.6).all(), "half a CPU, and at a window's ends a period's share more"
    # From whom other processes or the host take enough, the quota has nothing to take.
    used_up = spent[(share > 0.45) & (spent["workers"] == 2)]
    assert used_up.groupby("target")["throttled_time"].max().gt(0).all()


def test_the_limits_that_were_asked_for_take_hold_and_are_read_back(engine: Engine, tmp_path: Path) -> None:
    out = tmp_path / "run"
    lab(
        "--profile",
        "smoke",
        "--cpus",
        "1,2,0.5q",
        "--scenario",
        "pool.scaling/pure_python-processes-fork-*",
        "--target",
        "*-linux-[cq]*",
        "--out",
        out,
    )
    samples = pd.read_csv(out / "samples.csv")
    assert set(samples["status"]) == {"ok"}
    assert (samples["cpus_requested"] == samples["cpus_observed"]).all()
    assert set(samples["cpu_mode"]) == {"cpuset", "quota"}
    assert set(samples["cpus_requested"]) == {0.5, 1.0, 2.0}
    assert samples["python"].nunique() >= 2
    quota = samples[(samples["cpu_mode"] == "quota") & (samples["warmup"] == 0)]
    assert_quota(quota)
    windows = quota[quota["metric"] == "wall_time"]
    assert (windows["value"] * windows["loops"] >= 0.9e9).all(), "a window under a quota is ten periods of 100 ms"
    assert containers(engine, out) == []


def test_the_container_is_shut_in_as_the_design_says(engine: Engine, tmp_path: Path) -> None:
    out = tmp_path / "run"
    arguments = ("--profile", "smoke", "--cpus", "1", "--scenario", "pool.api", "--target", "*-linux-c1", "--out", out)
    seen: list[dict[str, Any]] = []
    with subprocess.Popen(command(*arguments), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        seen.append(first_container(engine, out).attrs)
        process.communicate(timeout=120)
    assert process.returncode == 0
    posture, config = seen[0]["HostConfig"], seen[0]["Config"]
    assert posture["NetworkMode"] == "none"
    assert posture["ReadonlyRootfs"]
    assert posture["CapDrop"] == ["ALL"]
    assert "no-new-privileges" in posture["SecurityOpt"]
    assert posture["Init"]
    assert posture["PidsLimit"] > 0
    assert posture["Memory"] > 0
    assert posture["CpusetCpus"] in {"0", "1"}
    assert not posture["Binds"]
    assert not seen[0]["Mounts"] or all(mount["Type"] == "tmpfs" for mount in seen[0]["Mounts"])
    assert config["User"] not in {"", "0", "root"}


def test_a_container_that_is_killed_fails_its_cell_and_the_rest_continues(engine: Engine, tmp_path: Path) -> None:
    out = tmp_path / "run"
    arguments = ("--profile", "smoke", "--cpus", "1", "--scenario", "pool.api", "--target", "*-linux-c1", "--out", out)
    with subprocess.Popen(
        command(*arguments), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        kill_in_mid_cell(engine, out)
        _, complaints = process.communicate(timeout=180)
    assert process.returncode == 1, complaints
    summary = pd.read_csv(out / "summary.csv")
    failed = summary[summary["status"] == "failed"]
    assert len(failed) >= 1
    assert failed["reason"].str.contains("container").all()
    everything = set(summary["case"] + "@" + summary["target"])
    healthy = summary[summary["status"].isin(["ok", "unsupported"])]
    assert len(everything) - len(failed) == len(set(healthy["case"] + "@" + healthy["target"]))
    assert containers(engine, out) == []


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_removes_its_containers(engine: Engine, tmp_path: Path, stop: signal.Signals) -> None:
    out = tmp_path / "run"
    arguments = ("--profile", "smoke", "--cpus", "1", "--scenario", "pool.api", "--target", "*-linux-c1", "--out", out)
    with subprocess.Popen(
        command(*arguments),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=attentive,  # noqa: PLW1509 - it sets a signal, and no thread runs here
    ) as process:
        first_container(engine, out)
        process.send_signal(stop)
        _, complaints = process.communicate(timeout=180)
    assert process.returncode == 130, complaints
    assert "--resume" in complaints
    assert containers(engine, out) == []


def test_resume_removes_what_a_killed_run_left_and_completes_the_plan(engine: Engine, tmp_path: Path) -> None:
    out = tmp_path / "run"
    arguments = ("--profile", "smoke", "--cpus", "1", "--scenario", "pool.api", "--target", "*-linux-c1", "--out", out)
    with subprocess.Popen(
        command(*arguments), cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        first_container(engine, out)
        process.kill()
    assert containers(engine, out), "the engine keeps a container whose client has died"
    lab("--resume", out)
    assert containers(engine, out) == []
    assert set(pd.read_csv(out / "summary.csv")["status"]) <= {"ok", "unsupported"}


def test_an_image_is_enough_by_itself(engine: Engine, tmp_path: Path) -> None:
    """The default request needs no host side; one look at its first line, then it is stopped."""
    done = lab(
        "--profile", "smoke", "--cpus", "1", "--scenario", "pool.overflow", "--target", "*-c1", "--out", tmp_path / "r"
    )
    assert done.returncode == 0
    image = engine.client.images.list(filters={"label": "comparison-lab.agent"})[0]
    container = engine.client.containers.run(
        str(image.id),
        detach=True,
        network_mode="none",
        read_only=True,
        tmpfs={"/tmp": ""},
        labels={RUN_LABEL: "by-hand"},
    )
    try:
        limit = time.monotonic() + 180
        while b'"kind":"end"' not in container.logs():
            assert time.monotonic() < limit, "no cell has ended"
            time.sleep(0.2)
        kinds = [line["kind"] for line in map(decode_line, container.logs().decode().splitlines()[:-1])]
        assert kinds[0] == "facts"
        assert {"start", "sample", "end"} <= set(kinds)
    finally:
        container.remove(force=True)
