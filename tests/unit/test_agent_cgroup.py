"""Limits and use of a control group, out of the files of both versions (see tests/data/cgroup/README.md)."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.agent import cgroup

TREES = Path(__file__).parent.parent / "data" / "cgroup"

# Version, quota, period in us, cpuset and memory limit of each tree.
EXPECTED = {
    "v1-docker-c1": (1, None, 100_000, [1], None),
    "v1-docker-c2": (1, None, 100_000, [0, 1], None),
    "v1-docker-quota": (1, 0.5, 100_000, [0, 1], 512 << 20),
    "v1-joint-quota": (1, 1.5, 100_000, [0, 1, 2, 3, 8], None),
    "v2-docker-quota": (2, 0.5, 100_000, [0, 1], 512 << 20),
    "v2-docker-short-period": (2, 1.5, 10_000, [0, 1], None),
    "v2-docker-cpuset": (2, None, 100_000, [1, 3], None),
    "v2-none": (2, None, 100_000, [0, 1, 2, 3, 4, 5, 6, 7], None),
    "v1-native-quota": (1, 0.5, 100_000, [0, 1], None),
    "v2-native-session": (2, 1.5, 100_000, [0, 1, 2, 3, 4, 5, 6, 7], None),
    "no-cgroup": (None, None, None, None, None),
}


def test_every_captured_tree_is_expected_to_say_something() -> None:
    assert {path.name for path in TREES.iterdir() if path.is_dir()} == set(EXPECTED)


@pytest.mark.parametrize("tree", EXPECTED)
def test_limits_are_read_back(tree: str) -> None:
    root = str(TREES / tree)
    found = (cgroup.version(root), *cgroup.quota(root), cgroup.cpuset(root), cgroup.memory_limit(root))
    assert found == EXPECTED[tree]


def usage(tree: str) -> dict[str, int]:
    files = cgroup.usage_files(str(TREES / tree))
    return cgroup.parse_usage({role: Path(path).read_text(encoding="ascii") for role, path in files.items()})


def test_version_1_counts_in_nanoseconds() -> None:
    assert usage("v1-docker-quota") == {
        "cpu_ns": 438_056_051,
        "throttled_ns": 375_519_947,
        "periods": 9,
        "throttled_periods": 8,
    }


def test_version_2_counts_in_microseconds() -> None:
    assert usage("v2-docker-quota") == {
        "cpu_ns": 438_056_000,
        "throttled_ns": 375_519_000,
        "periods": 9,
        "throttled_periods": 8,
    }


def test_both_controllers_of_a_joint_mount_are_found() -> None:
    assert usage("v1-joint-quota")["cpu_ns"] == 5_123_456_789
    assert usage("v1-joint-quota")["throttled_ns"] == 91_000_000


def test_natively_the_own_group_is_read_and_not_the_machine() -> None:
    assert usage("v1-native-quota") == {
        "cpu_ns": 187_586_127,
        "throttled_ns": 3_635_332,
        "periods": 6,
        "throttled_periods": 1,
    }
    assert usage("v2-native-session") == {"cpu_ns": 438_056_000}


def test_a_path_of_the_machine_that_a_container_is_shown_leads_nowhere(tmp_path: Path) -> None:
    (tmp_path / "sys/fs/cgroup/cpu").mkdir(parents=True)
    (tmp_path / "sys/fs/cgroup/cpu/cpu.cfs_quota_us").write_text("50000")
    (tmp_path / "proc/self").mkdir(parents=True)
    for path in ("/docker/0123", "/../../docker/0123", "/"):
        (tmp_path / "proc/self/cgroup").write_text(f"1:cpu:{path}\n")
        assert cgroup.quota(str(tmp_path)) == (0.5, 100_000)


def test_a_group_without_bandwidth_lines_reports_no_throttling_rather_than_none() -> None:
    assert usage("v2-none") == {"cpu_ns": 438_056_000}


def test_a_system_without_groups_has_nothing_to_read() -> None:
    assert cgroup.usage_files(str(TREES / "no-cgroup")) == {}
    assert cgroup.parse_usage({}) == {}


@pytest.mark.parametrize(
    ("text", "cpus"), [("0", [0]), ("0-2,5\n", [0, 1, 2, 5]), ("", []), ("3,1", [3, 1]), ("0-0", [0])]
)
def test_cpu_lists_are_understood(text: str, cpus: list[int]) -> None:
    assert cgroup.parse_cpu_list(text) == cpus
