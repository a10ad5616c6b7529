"""Limits and use of a control group, out of the files of both versions (see tests/data/cgroup/README.md)."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.agent.facts import cgroup

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
    "v2-native-session": (2, 1.5, 100_000, [0, 1, 2, 3, 4, 5, 6, 7], 2 << 30),
    "no-cgroup": (None, None, None, None, None),
}


def test_every_captured_tree_is_expected_to_say_something() -> None:
    assert {path.name for path in TREES.iterdir() if path.is_dir()} == set(EXPECTED)


@pytest.mark.parametrize("tree", EXPECTED)
def test_limits_are_read_back(tree: str) -> None:
    root = str(TREES / tree)
    found = (cgroup.version(root), *cgroup.quota(root), cgroup.cpuset(root), cgroup.memory_limit(root))
    assert found == EXPECTED[tree]


# What each tree counts, in nanoseconds: of version 1 they are the kernel's own, of version 2 its microseconds. A group
# without bandwidth lines reports no throttling rather than none of it, and natively the own group is read.
USED = {
    "v1-docker-quota": {
        "cpu_ns": 438_056_051, "throttled_ns": 375_519_947, "periods": 9, "throttled_periods": 8,
    },
    "v2-docker-quota": {
        "cpu_ns": 438_056_000, "throttled_ns": 375_519_000, "periods": 9, "throttled_periods": 8,
    },
    "v1-joint-quota": {
        "cpu_ns": 5_123_456_789, "throttled_ns": 91_000_000, "periods": 40, "throttled_periods": 3,
    },
    "v1-native-quota": {
        "cpu_ns": 187_586_127, "throttled_ns": 3_635_332, "periods": 6, "throttled_periods": 1,
    },
    "v2-native-session": {"cpu_ns": 438_056_000},
    "v2-none": {"cpu_ns": 438_056_000},
    "no-cgroup": {},
}  # fmt: skip


@pytest.mark.parametrize("tree", USED)
def test_use_is_counted_in_nanoseconds_by_what_the_group_reports(tree: str) -> None:
    files = cgroup.usage_files(str(TREES / tree))
    found = cgroup.parse_usage({role: Path(path).read_text(encoding="ascii") for role, path in files.items()})
    assert found == USED[tree]


def test_a_path_of_the_machine_that_a_container_is_shown_leads_nowhere(tmp_path: Path) -> None:
    (tmp_path / "sys/fs/cgroup/cpu").mkdir(parents=True)
    (tmp_path / "sys/fs/cgroup/cpu/cpu.cfs_quota_us").write_text("50000")
    (tmp_path / "proc/self").mkdir(parents=True)
    for path in ("/docker/0123", "/../../docker/0123", "/"):
        (tmp_path / "proc/self/cgroup").write_text(f"1:cpu:{path}\n")
        assert cgroup.quota(str(tmp_path)) == (0.5, 100_000)


@pytest.mark.parametrize(
    ("text", "cpus"), [("0", [0]), ("0-2,5\n", [0, 1, 2, 5]), ("", []), ("3,1", [3, 1]), ("0-0", [0])]
)
def test_cpu_lists_are_understood(text: str, cpus: list[int]) -> None:
    assert cgroup.parse_cpu_list(text) == cpus
