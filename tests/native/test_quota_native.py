"""Quotas natively, by real control groups: set, read back, removed, and said to be impossible where they are."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest

from lab.model import Limit
from lab.tables import csv_files, schema
from lab.targets.quota import NAME, parents, quota_group, why_no_quota

ROOT = Path(__file__).resolve().parents[2]
NOBODY = "65534"
Missing = Callable[[str], NoReturn]

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="control groups are Linux's")


@pytest.fixture(autouse=True)
def allowed(missing: Missing) -> None:
    if why_no_quota():
        missing(why_no_quota())


def command(out: Path, *arguments: str) -> list[str]:
    own = f"{sys.version_info[0]}.{sys.version_info[1]}"  # which whoever runs this can start
    start = [sys.executable, "-m", "lab", "run", "--engine", "none", "--python", own, "--cpus", "0.5q"]
    return [*start, "--out", str(out), *arguments]


def groups() -> list[Path]:
    return [path for parent in parents() for path in parent.glob(NAME + "*")]


def await_group() -> None:
    limit = time.monotonic() + 60
    while not groups():
        assert time.monotonic() < limit, "no group was made"
        time.sleep(0.02)


def test_a_quota_is_set_read_back_and_felt_and_its_group_is_removed(tmp_path: Path) -> None:
    out = tmp_path / "run"
    subprocess.run(
        [*command(out, "--profile", "smoke", "--scenario", "pool.scaling/pure_python-processes-*-2"), "--quiet"],
        cwd=ROOT,
        check=True,
    )
    samples = csv_files.read(out / "samples.csv", schema.SAMPLES)
    assert set(samples["status"]) == {"ok"}
    assert set(samples["cpu_mode"]) == {"quota"}
    assert set(samples["cpus_observed"]) == {0.5}
    spent = samples[samples["warmup"] == 0].groupby("metric")["value"].sum()
    assert 0 < spent["cpu_time"] / spent["wall_time"] < 0.6  # two processes, which without it would use two CPUs
    assert "throttled_time" in spent
    assert not groups()


def test_a_run_inside_a_group_with_a_quota_measures_under_it_as_found(tmp_path: Path) -> None:
    own = f"{sys.version_info[0]}.{sys.version_info[1]}"
    run = [sys.executable, "-m", "lab", "run", "--engine", "none", "--python", own, "--quiet", "--profile", "smoke"]
    run += ["--target", "*-q*", "--scenario", "pool.scaling/pure_python-processes-*-2", "--out", str(tmp_path / "run")]
    with quota_group(Limit(mode="quota", cpus=0.5), "as-found-test") as group:
        enter = "".join(f"echo $$ > '{folder}/cgroup.procs'; " for folder in group.folders)
        subprocess.run([*group.command, "sh", "-c", f'{enter}exec "$@"', "sh", *run], cwd=ROOT, check=True)
    samples = csv_files.read(tmp_path / "run" / "samples.csv", schema.SAMPLES)
    assert set(samples["status"]) == {"ok"}
    assert set(samples["target"]) == {f"py{own.replace('.', '')}-linux-native-q0.5"}
    spent = samples[samples["warmup"] == 0].groupby("metric")["value"].sum()
    assert 0 < spent["cpu_time"] / spent["wall_time"] < 0.6
    assert spent["throttled_time"] > 0


def test_a_killed_run_leaves_a_group_that_resume_removes(tmp_path: Path) -> None:
    out = tmp_path / "run"
    with subprocess.Popen(
        command(out, "--profile", "smoke", "--scenario", "pool.overflow", "--quiet"), cwd=ROOT
    ) as process:
        await_group()
        process.send_signal(signal.SIGKILL)
    assert groups()
    done = subprocess.run(
        [sys.executable, "-m", "lab", "run", "--resume", str(out)], cwd=ROOT, check=True, capture_output=True, text=True
    )
    assert "1 container or control group that an interrupted run had left" in done.stderr + done.stdout
    assert not groups()


def test_clean_leaves_a_living_run_alone_and_takes_what_a_dead_one_left(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    environment = {**os.environ, "XDG_CACHE_HOME": str(cache)}
    clean = [sys.executable, "-m", "lab", "clean", "--engine", "none"]

    def cleaned() -> str:
        return subprocess.run(clean, cwd=ROOT, env=environment, check=True, capture_output=True, text=True).stdout

    chosen = ("--profile", "smoke", "--scenario", "pool.overflow", "--quiet")
    with subprocess.Popen(command(tmp_path / "run", *chosen), cwd=ROOT, env=environment) as living:
        await_group()
        assert cleaned() == "0 compiled stages removed; 1 other in use by a run under way\n"
        assert groups()
        assert living.wait() == 0
    samples = csv_files.read(tmp_path / "run" / "samples.csv", schema.SAMPLES)
    assert set(samples["status"]) == {"ok"}
    with subprocess.Popen(command(tmp_path / "killed", *chosen), cwd=ROOT, env=environment) as dead:
        await_group()
        dead.send_signal(signal.SIGKILL)
    assert cleaned() == "1 compiled stage removed\n1 control group of dead runs removed\n"
    assert not groups()


def test_a_user_who_may_not_gets_rows_that_say_so(missing: Missing) -> None:
    if os.geteuid() != 0 or not shutil.which("setpriv"):
        missing("becoming another user needs root and setpriv")
    out = Path("/tmp") / f"comparison-lab-test-{os.getpid()}"
    out.mkdir()
    out.chmod(0o777)
    try:
        become = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
        done = subprocess.run(
            [*become, *command(out / "run", "--profile", "smoke", "--scenario", "pool.overflow", "--quiet")],
            cwd=ROOT,
            env={**os.environ, "HOME": str(out), "XDG_CACHE_HOME": str(out), "MPLCONFIGDIR": str(out)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        samples = csv_files.read(out / "run" / "samples.csv", schema.SAMPLES)
    finally:
        shutil.rmtree(out)
    assert set(samples["status"]) == {"unsupported"}
    assert samples["reason"].str.contains("may not create a control group").all()
