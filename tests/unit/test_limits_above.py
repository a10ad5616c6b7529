"""Limits above a container, in file trees; tests/docker/test_limits_above.py reads those of a real one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lab.targets.limits_above import LimitsAbove, limits_above

TREES = Path(__file__).parent.parent / "data" / "limits-above"
CONTAINER = "c0ffee000000"


def found_in(root: Path, name: str) -> LimitsAbove | None:
    for path, text in json.loads((TREES / f"{name}.json").read_text(encoding="utf-8")).items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="ascii")
    return limits_above(17, CONTAINER, str(root))


@pytest.mark.parametrize(
    ("tree", "expected"),
    [
        (
            "v1-docker-cgroup-parent",
            LimitsAbove(cpus=0.5, cpus_group="/sys/fs/cgroup/cpu/labcap", memory_bytes=1 << 30, cpu_numbers=(0, 1)),
        ),
        (
            "v2-systemd-slice",
            LimitsAbove(
                cpus=1.5, cpus_group="/sys/fs/cgroup/lab.slice", memory_bytes=2 << 30, cpu_numbers=(2, 3, 4, 5)
            ),
        ),
        (
            "v2-podman-rootless",
            LimitsAbove(cpus=2.0, cpus_group="/sys/fs/cgroup/user.slice/user-1000.slice", cpu_numbers=(0, 1, 2, 3)),
        ),
        ("v2-from-a-container", None),
    ],
)
def test_the_groups_above_are_read_and_the_container_s_own_is_not(
    tmp_path: Path, tree: str, expected: LimitsAbove | None
) -> None:
    assert found_in(tmp_path, tree) == expected


def test_a_process_that_is_not_the_container_s_says_nothing(tmp_path: Path) -> None:
    found_in(tmp_path, "v2-systemd-slice")
    assert limits_above(17, "another", str(tmp_path)) is None
    assert limits_above(18, CONTAINER, str(tmp_path)) is None


def test_a_tighter_limit_than_requested_is_refused_with_the_group_and_the_next_step(tmp_path: Path) -> None:
    found = found_in(tmp_path, "v2-systemd-slice")
    assert found is not None
    assert found.too_tight_for(1.5) == found.too_tight_for(0.5) == ""
    assert found.too_tight_for(2) == (
        "2 CPUs were requested, but the control group /sys/fs/cgroup/lab.slice above the engine's containers has a "
        "quota of 1.5 CPUs; lift that quota, start the engine with another --cgroup-parent, or choose a smaller quota "
        "with --cpus"
    )
    narrow = LimitsAbove(cpu_numbers=(4, 6))
    assert narrow.too_tight_for(2) == ""
    assert narrow.too_tight_for(3).startswith("3 CPUs were requested, but the engine's containers may use only")
