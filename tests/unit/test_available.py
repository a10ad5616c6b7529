"""Limits above a container, in file trees; tests/docker/test_limits_above.py reads those of a real one."""

from __future__ import annotations

import json
import platform
from collections.abc import Sequence
from pathlib import Path

import pytest

from lab.agent.facts.cgroup import parse_cpu_list
from lab.targets.available import Available, above_container, container_cpus, natively, on_engine
from tests.fake_machines import engine

TREES = Path(__file__).parent.parent / "data" / "limits-above"
GROUPS = Path(__file__).parent.parent / "data" / "cgroup"
CONTAINER = "c0ffee000000"


def found_in(root: Path, name: str) -> Available | None:
    for path, text in json.loads((TREES / f"{name}.json").read_text(encoding="utf-8")).items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="ascii")
    return above_container(17, CONTAINER, str(root))


@pytest.mark.parametrize(
    ("tree", "expected"),
    [
        (
            "v1-docker-cgroup-parent",
            Available(quota_cpus=0.5, quota_group="/sys/fs/cgroup/cpu/labcap", memory_bytes=1 << 30, numbers=(0, 1)),
        ),
        (
            "v2-systemd-slice",
            Available(
                quota_cpus=1.5, quota_group="/sys/fs/cgroup/lab.slice", memory_bytes=2 << 30, numbers=(2, 3, 4, 5)
            ),
        ),
        (
            "v2-podman-rootless",
            Available(quota_cpus=2.0, quota_group="/sys/fs/cgroup/user.slice/user-1000.slice", numbers=(0, 1, 2, 3)),
        ),
        ("v2-from-a-container", None),
    ],
)
def test_the_groups_above_are_read_and_the_container_s_own_is_not(
    tmp_path: Path, tree: str, expected: Available | None
) -> None:
    assert found_in(tmp_path, tree) == expected


def test_a_process_that_is_not_the_container_s_says_nothing(tmp_path: Path) -> None:
    found_in(tmp_path, "v2-systemd-slice")
    assert above_container(17, "another", str(tmp_path)) is None
    assert above_container(18, CONTAINER, str(tmp_path)) is None


def test_a_tighter_limit_than_requested_is_refused_with_the_group_and_the_next_step(tmp_path: Path) -> None:
    found = found_in(tmp_path, "v2-systemd-slice")
    assert found is not None
    assert found.too_tight_for(1.5) == found.too_tight_for(0.5) == ""
    assert found.too_tight_for(2) == (
        "2 CPUs were requested, but the control group /sys/fs/cgroup/lab.slice above the engine's containers has a "
        "quota of 1.5 CPUs; lift that quota, start the engine with another --cgroup-parent, or choose a smaller quota "
        "with --cpus"
    )
    narrow = Available(numbers=(4, 6))
    assert narrow.too_tight_for(2) == ""
    assert narrow.too_tight_for(3).startswith("3 CPUs were requested, but the engine's containers may use only")


CPUS = "sys/devices/system/cpu"
EIGHT = {f"{CPUS}/online": "0-7", f"{CPUS}/present": "0-7"}
V2 = {"sys/fs/cgroup/cgroup.controllers": "cpuset cpu memory", "proc/self/cgroup": "0::/user.slice/a.scope"}
SCOPE = "sys/fs/cgroup/user.slice/a.scope"


def tree(root: Path, **files: str) -> str:
    """A file tree of paths and texts; its root."""
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text + "\n", encoding="ascii")
    return str(root)


def siblings(*cores: str) -> dict[str, str]:
    """The threads of each core, in the kernel's list format."""
    return {
        f"{CPUS}/cpu{number}/topology/thread_siblings_list": core for core in cores for number in parse_cpu_list(core)
    }


@pytest.mark.parametrize(
    ("files", "affinity", "numbers", "sentences"),
    [
        pytest.param(EIGHT, range(8), range(8), [], id="nothing limits"),
        pytest.param(EIGHT, [2, 5], [2, 5], ["this process is bound to 2,5 of the CPUs 0-7 (taskset)"], id="taskset"),
        pytest.param(EIGHT | {f"{CPUS}/online": "0-5"}, range(6), range(6), ["CPUs 6-7 are offline"], id="offline"),
        pytest.param(
            EIGHT | {f"{CPUS}/isolated": "2-3"},
            range(8),
            [0, 1, 4, 5, 6, 7],
            ["CPUs 2-3 are isolated from the scheduler (isolcpus), and not used"],
            id="isolated",
        ),
        pytest.param(
            EIGHT | {f"{CPUS}/isolated": "3"},
            [3],
            [3],
            ["this process is bound to 3 of the CPUs 0-7 (taskset)"],
            id="bound to an isolated one",
        ),
        pytest.param(
            EIGHT | V2 | {f"{SCOPE}/cpuset.cpus.effective": "4-7", f"{SCOPE}/cpu.max": "150000 100000"},
            [4, 5, 6, 7],
            [4, 5, 6, 7],
            [
                "the control group's cpuset has 4-7 of the CPUs 0-7",
                "the control group /sys/fs/cgroup/user.slice/a.scope has a quota of 1.5 CPUs",
            ],
            id="group",
        ),
        pytest.param(
            EIGHT | siblings("0-1", "2-3", "4-5", "6-7"),
            range(8),
            range(8),
            ["8 CPUs are threads of 4 cores (SMT)"],
            id="SMT",
        ),
        pytest.param(
            EIGHT | {"sys/devices/cpu_core/cpus": "0-3", "sys/devices/cpu_atom/cpus": "4-7"},
            range(8),
            range(8),
            ["the cores are of several kinds (hybrid); CPUs 0-3 are of the fastest kind"],
            id="hybrid",
        ),
    ],
)
def test_what_limits_a_native_target_is_named(
    tmp_path: Path, files: dict[str, str], affinity: Sequence[int], numbers: Sequence[int], sentences: list[str]
) -> None:
    found = natively(affinity, tree(tmp_path, **files))
    assert found.numbers == tuple(numbers)
    assert list(found.limits) == sentences


@pytest.mark.parametrize(
    ("captured", "numbers", "quota_cpus"),
    [
        ("v1-docker-c1", (0,), None),
        ("v1-docker-quota", (0, 1), 0.5),
        ("v1-native-quota", (0, 1), 0.5),
        ("v2-docker-quota", (0, 1), 0.5),
        ("v2-native-session", (0, 1), 1.5),
        ("no-cgroup", (0, 1), None),
    ],
)
def test_the_lab_in_a_container_a_pod_or_a_session_reads_its_own_groups(
    captured: str, numbers: tuple[int, ...], quota_cpus: float | None
) -> None:
    found = natively(numbers, str(GROUPS / captured))
    assert found.numbers == numbers
    assert found.quota_cpus == quota_cpus


def test_isolated_cpus_are_not_given_to_containers(tmp_path: Path) -> None:
    here = engine(cpus=8, is_local=True, kernel=platform.release())
    isolating = {f"{CPUS}/isolated": "6-7", f"{CPUS}/online": "0-7", "sys/fs/cgroup/cgroup.controllers": "cpuset cpu"}
    root = tree(tmp_path, **isolating, **{"sys/fs/cgroup/system.slice/cpuset.cpus.effective": "2-7"})
    assert container_cpus(here, root) == [2, 3, 4, 5]
    assert on_engine(here, root).limits == (
        "the cpuset of the engine's group has 2-7 of the CPUs 0-7",
        "CPUs 6-7 are isolated from the scheduler (isolcpus), and not used",
    )


@pytest.mark.parametrize(("is_local", "where"), [(True, "in a virtual machine"), (False, "on another machine")])
def test_a_remote_engine_with_fewer_cpus_counts_its_own(tmp_path: Path, *, is_local: bool, where: str) -> None:
    remote = engine(cpus=2, is_local=is_local, kernel="another")
    found = on_engine(remote, tree(tmp_path, **EIGHT))
    assert found.numbers == (0, 1)
    assert found.limits == (f"the engine is {where} with 2 CPUs, whose cores are not known here",)
