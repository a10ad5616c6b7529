"""A quota on a real control group above a real container is seen by the host side, and refuses what exceeds it."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest

from lab.agent.facts import cgroup
from lab.errors import TargetUnsupported
from lab.model import Limit, Target
from lab.targets.available import is_here
from lab.targets.docker import DockerRunner
from lab.targets.engine import Engine
from lab.targets.images import choose
from lab.targets.request import Request

pytestmark = pytest.mark.engine


@pytest.fixture
def parent(engine: Engine, missing: Callable[[str], NoReturn]) -> Iterator[str]:
    """A control group with a quota of half a CPU, as ``--cgroup-parent`` takes it."""
    if not is_here(engine) or os.geteuid() != 0 or "systemd" in str(engine.client.info().get("CgroupDriver")):
        missing("a parent group needs root, an engine on this machine and its driver cgroupfs")
    name = f"lab-test-{secrets.token_hex(4)}"
    base = Path("/sys/fs/cgroup")
    unified = cgroup.version() == cgroup.UNIFIED
    folder = base / name if unified else base / "cpu" / name
    folder.mkdir()
    quota = folder / ("cpu.max" if unified else "cpu.cfs_quota_us")
    quota.write_text("50000 100000" if unified else "50000", encoding="ascii")
    yield f"/{name}"
    for found in (base / name, *base.glob(f"*/{name}")):
        if found.is_dir():
            found.rmdir()


def target(limit: Limit, key: str) -> Target:
    return Target(id=limit.label, key=key, engine="docker", os="linux", arch="x86_64", limit=limit, cpus_visible=1)


def test_a_quota_of_the_engine_s_parent_group_refuses_pinned_cpus(
    engine: Engine, parent: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = choose(engine, "auto", {}, None, lambda _line: None)
    key = next(key for key in images.available() if not key.endswith("t"))
    runner = DockerRunner(engine, images.obtain([key], lambda _line: None), "test-limits-above")
    create = type(engine.client.containers).create

    def below_parent(self: Any, *arguments: Any, **settings: Any) -> Any:
        return create(self, *arguments, **settings, cgroup_parent=parent)

    monkeypatch.setattr(type(engine.client.containers), "create", below_parent)
    said: list[str] = []
    runner.examine(said.append)
    assert len(said) == 1
    assert f"{parent} above the engine's containers has a quota of 0.5 CPUs" in said[0]
    pinned = target(Limit(mode="cpuset", cpus=1), key)
    with (
        pytest.raises(TargetUnsupported, match="1 CPUs were requested"),
        runner.start(pinned, [0], Request.from_target(pinned, [0], 0, [])),
    ):
        pytest.fail("it was started")
