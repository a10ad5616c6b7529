"""What a container is allowed: a quota is handed to the engine as its period and its share of it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest
from msgspec.structs import replace

from lab.model import Limit, Target
from lab.planning.limits import parse_limit
from lab.targets.docker import DockerRunner

if TYPE_CHECKING:
    from lab.targets.engine import Engine

ENGINE = cast("Engine", SimpleNamespace(is_local=False, cpus=2, memory_bytes=0, lacks=()))


@pytest.mark.parametrize(
    ("text", "period_us", "quota_us"),
    [("0.5q", 100_000, 50_000), ("1.5q", 100_000, 150_000), ("0.5q10", 10_000, 5_000), ("1.5q10", 10_000, 15_000)],
)
def test_a_quota_is_a_share_of_its_period(text: str, period_us: int, quota_us: int) -> None:
    limit = parse_limit(text).resolve(2, native=False)
    target = Target(id="x", key="3.13", engine="docker", os="linux", arch="x86_64", limit=limit, cpus_visible=2)
    posture = DockerRunner(ENGINE, {}, "run")._options(target, None)
    assert (posture["cpu_period"], posture["cpu_quota"]) == (period_us, quota_us)
    assert "cpuset_cpus" not in posture


def test_only_a_diagnostic_target_goes_without_seccomp() -> None:
    limit = Limit(mode="cpuset", cpus=1)
    plain = Target(id="x", key="3.13", engine="docker", os="linux", arch="x86_64", limit=limit, cpus_visible=1)
    runner = DockerRunner(ENGINE, {}, "run")
    assert runner._options(plain, [0])["security_opt"] == ["no-new-privileges"]
    without = replace(plain, diagnose="seccomp")
    assert runner._options(without, [0])["security_opt"] == ["no-new-privileges", "seccomp=unconfined"]
