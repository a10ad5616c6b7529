"""Podman by its socket: images by id, limits, a private network; what it cannot do is unsupported, not failed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn

import pytest

from lab.agent.facts import cgroup
from lab.errors import NothingToRunOn
from lab.tables import csv_files, schema
from lab.targets.cleanup import RUN_LABEL
from lab.targets.engine import Engine, connect
from lab.targets.images import list_images, remove_images

ROOT = Path(__file__).resolve().parents[2]
ANSWERS_S = 30
CELLS = ("ipc.round_trip/pipe-64-same_cpu", "pool.scaling/pure_python-processes-fork-2", "state.manager_remote")

pytestmark = pytest.mark.engine


@pytest.fixture
def podman(tmp_path: Path, missing: Callable[[str], NoReturn], monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """Podman's service on a socket of its own; images that it did not have before are removed."""
    command = shutil.which("podman")
    if command is None or sys.platform != "linux":
        missing("podman is not installed (apt-get install podman catatonit netavark runc)")
    # Podman's own ones may exceed what this process may set.
    settings = '[containers]\ndefault_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]\n'
    if cgroup.version() == 1:  # crun refuses the hybrid form of version 1
        settings += '[engine]\nruntime = "runc"\n'
    (tmp_path / "containers.conf").write_text(settings, encoding="utf-8", newline="\n")
    alone = {name: value for name, value in os.environ.items() if name != "CONTAINER_HOST"}  # else it is a client
    alone["CONTAINERS_CONF"] = str(tmp_path / "containers.conf")
    url = f"unix://{tmp_path}/podman.sock"
    monkeypatch.setenv("CONTAINER_HOST", url)
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    start = [command, "system", "service", "-t", "0", url]
    with subprocess.Popen(start, env=alone, stderr=subprocess.DEVNULL) as service:
        try:
            engine = answering(missing)
            before = {row.reference for row in list_images(engine)}
            yield engine
            remove_images(engine, only={row.reference for row in list_images(engine)} - before)
            engine.client.close()
        finally:
            service.terminate()


def answering(missing: Callable[[str], NoReturn]) -> Engine:
    limit = time.monotonic() + ANSWERS_S
    while True:
        try:
            return connect("podman")
        except NothingToRunOn as error:
            if time.monotonic() > limit:
                missing(f"podman's service does not answer: {error}")
            time.sleep(0.2)


def test_cells_run_on_podman_and_what_it_cannot_do_is_unsupported(podman: Engine, tmp_path: Path) -> None:
    own = f"{sys.version_info[0]}.{sys.version_info[1]}"
    command = [sys.executable, "-m", "lab", "run", "--engine", "podman", "--images", "host", "--python", own]
    command += ["--profile", "smoke", "--cpus", "1,2,0.5q", "--target", "*-linux-[cq]*", "--out", str(tmp_path / "run")]
    for cell in CELLS:
        command += ["--scenario", cell]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr + done.stdout
    samples = csv_files.read(tmp_path / "run" / "samples.csv", schema.SAMPLES)
    assert set(samples["engine"]) == {"podman"}
    assert set(samples["status"]) <= {"ok", "unsupported"}
    measured = samples[samples["status"] == "ok"]
    assert "ipc.round_trip" in set(measured["scenario"])
    if not podman.rootless:
        assert set(measured["cpus_observed"]) == {0.5, 1.0, 2.0}
        assert measured[measured["cpu_mode"] == "quota"]["metric"].eq("throttled_time").any()
    refused = samples[samples["status"] == "unsupported"]
    assert refused["reason"].str.contains("private network|sets no cpusets|sets no quotas").all()
    assert podman.client.containers.list(all=True, filters={"label": RUN_LABEL}) == []
    assert podman.client.networks.list(filters={"label": RUN_LABEL}) == []
