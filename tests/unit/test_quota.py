"""Groups for native quotas in file trees; tests/native/test_quota_native.py makes them in a real kernel."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from lab.errors import TargetUnsupported
from lab.model import Limit
from lab.targets import quota, scope
from lab.targets.owners import owner, with_owner
from lab.targets.quota import parents, quota_as_found, quota_group, remove_groups, why_no_quota

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no control groups, and says so at once")

TREES = Path(__file__).parent.parent / "data" / "cgroup"
HALF = Limit(mode="quota", cpus=0.5)
RUN = f"comparison-lab.{with_owner('run')}"


@pytest.fixture
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder with files cannot be removed, but in a real group's file system."""
    monkeypatch.setattr(quota, "GONE_S", 0.0)


def tree(name: str, place: Path) -> str:
    return str(shutil.copytree(TREES / name, place / name))


@pytest.mark.usefixtures("no_waiting")
def test_version_1_gets_period_and_quota_below_the_own_group(tmp_path: Path) -> None:
    root = tree("v1-native-quota", tmp_path)
    with quota_group(Limit(mode="quota", cpus=1.5, period_us=10_000), "run", root) as group:
        group.take(17)
    cpu, usage = (Path(root) / f"sys/fs/cgroup/{name}/comparison-lab.capture/{RUN}" for name in ("cpu", "cpuacct"))
    assert group.folders == (cpu, usage)
    assert (cpu / "cpu.cfs_period_us").read_text() == "10000"
    assert (cpu / "cpu.cfs_quota_us").read_text() == "15000"
    assert [(folder / "cgroup.procs").read_text() for folder in group.folders] == ["17", "17"]


@pytest.mark.usefixtures("no_waiting")
def test_version_2_goes_up_to_the_group_that_hands_the_controller_down(tmp_path: Path) -> None:
    root = tree("v2-native-session", tmp_path)
    with quota_group(HALF, "run", root) as group:
        group.take(17)
    assert group.folders == (Path(root) / "sys/fs/cgroup/user.slice" / RUN,)
    assert (group.folders[0] / "cpu.max").read_text() == "50000 100000"
    assert (group.folders[0] / "cgroup.procs").read_text() == "17"


def test_the_tightest_quota_from_the_own_group_upwards_is_the_one_as_found() -> None:
    found = {name: quota_as_found(8, str(TREES / name)) for name in ("v1-native-quota", "v2-native-session", "v2-none")}
    assert {name: limit and (limit.label, limit.as_found) for name, limit in found.items()} == {
        "v1-native-quota": ("q0.5", True),
        "v2-native-session": ("q1.5", True),
        "v2-none": None,
    }
    assert quota_as_found(1, str(TREES / "v2-native-session")) is None, "one CPU cannot use more than the quota"


def test_a_joint_mount_of_version_1_is_one_folder() -> None:
    root = TREES / "v1-joint-quota"
    assert parents(str(root)) == (root / "sys/fs/cgroup/cpu,cpuacct",)


@pytest.mark.parametrize("name", ["v1-native-quota", "v2-native-session"])
def test_who_may_not_write_there_gets_what_would_help(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda *_arguments: False)
    assert "may not create a control group in /sys/fs/cgroup/" in why_no_quota(str(TREES / name))
    assert "run as root" in why_no_quota(str(TREES / name))


def test_each_missing_part_has_its_own_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "has no control groups" in why_no_quota(str(TREES / "no-cgroup"))
    (tmp_path / "sys/fs/cgroup/cpuset").mkdir(parents=True)
    assert "needs the controller cpu" in why_no_quota(str(tmp_path))
    assert "delegates the controller cpu" in why_no_quota(str(TREES / "v2-docker-quota"))
    monkeypatch.setattr("sys.platform", "win32")
    assert "on Windows" in why_no_quota()


def test_a_refusal_of_the_kernel_is_a_reason_and_leaves_no_group(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tree("v1-native-quota", tmp_path)

    def refuse(_path: Path, _text: str, **_more: object) -> None:
        raise OSError(22, "Invalid argument")

    monkeypatch.setattr(Path, "write_text", refuse)
    with (
        pytest.raises(TargetUnsupported, match=r"the kernel refuses '100000'.*Invalid argument"),
        quota_group(HALF, "run", root),
    ):
        pass
    assert not list(Path(root).rglob("comparison-lab.run*"))


def test_groups_of_dead_runs_are_found_by_their_name(tmp_path: Path) -> None:
    root = tree("v1-native-quota", tmp_path)
    for run in ("one", "two"):
        for parent in parents(root):
            (parent / f"comparison-lab.{run}").mkdir()
    assert remove_groups("one", root) == 1
    assert remove_groups("", root) == 1
    assert remove_groups("", root) == 0
    assert remove_groups("", str(TREES / "no-cgroup")) == 0


def test_a_group_of_a_living_process_is_left_alone_and_one_of_a_dead_process_is_not(tmp_path: Path) -> None:
    root = tree("v2-native-session", tmp_path)
    (parent,) = parents(root)
    machine, process, began, *place = owner().split(" ")
    living, dead, elsewhere, unnamed = (
        parent / f"comparison-lab.{name}"
        for name in (
            f"run:{machine}:{process}:{began}:{':'.join(place)}",
            f"run:{machine}:{process}:{int(began) - 6000}:{':'.join(place)}",
            f"run:another-machine:{process}:{began}",
            "older-lab",
        )
    )
    for folder in (living, dead, elsewhere, unnamed):
        folder.mkdir()
    (unnamed / "cgroup.procs").write_text(f"{2**22 + 1}\n")  # beyond what a process id may be
    assert remove_groups("", root) == 1
    assert [folder.is_dir() for folder in (living, dead, elsewhere, unnamed)] == [True, False, True, True]
    assert remove_groups("run", root) == 2  # whose folder is locked: nobody else is at it


@pytest.fixture
def of_the_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A login session whose user may make no group, with a manager that was handed the controller."""
    root = tree("v2-native-session", tmp_path)
    manager = scope.manager_folder(root)
    manager.mkdir(parents=True)
    (manager / "cgroup.controllers").write_text("cpu memory pids\n")
    access = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK and access(path, mode))
    return root


def systemd(place: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Programs of these names that note what they are told; systemd-run then becomes the command, as the real one."""
    told = place / "told"
    for name, end in (("systemd-run", 'while [ "$1" != -- ]; do shift; done; shift; exec "$@"'), ("systemctl", "")):
        program = place / "bin" / name
        program.parent.mkdir(exist_ok=True)
        program.write_text(f'#!/bin/sh\necho {name} "$@" >> "{told}"\n{end}\n')
        program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{place / 'bin'}:/usr/bin:/bin")
    return told


def test_where_no_group_may_be_made_the_user_s_systemd_is_asked_for_one(
    of_the_user: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = systemd(tmp_path, monkeypatch)
    assert why_no_quota(of_the_user) == ""
    with quota_group(Limit(mode="quota", cpus=1.5, period_us=10_000), "run", of_the_user) as group:
        done = subprocess.run([*group.command, "/bin/sh", "-c", "echo $$"], stdout=subprocess.PIPE, check=True)
        group.take(int(done.stdout))  # it is in there already
    options = f"--user --scope --quiet --collect --unit=comparison-lab-{with_owner('run')}.scope -p CPUQuota=150% -p"
    assert told.read_text() == f"systemd-run {options} CPUQuotaPeriodSec=10000us -- /bin/sh -c echo $$\n"


def test_a_scope_that_a_dead_run_left_is_stopped(
    of_the_user: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = systemd(tmp_path, monkeypatch)
    for name in ("one", with_owner("three")):
        (scope.manager_folder(of_the_user) / "app.slice" / f"comparison-lab-{name}.scope").mkdir(parents=True)
    assert remove_groups("two", of_the_user) == 0
    assert remove_groups("", of_the_user) == 0  # one says nothing of its owner and has a process, the other's lives
    assert remove_groups("one", of_the_user) == 1
    assert told.read_text() == "systemctl --user stop comparison-lab-one.scope\n"


def test_without_a_manager_that_has_the_controller_the_first_reason_stays(
    of_the_user: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    systemd(tmp_path, monkeypatch)
    (scope.manager_folder(of_the_user) / "cgroup.controllers").write_text("memory pids\n")
    assert "the controller cpu is not delegated" in scope.why_no_scope(of_the_user)
    assert "may not create a control group in /sys/fs/cgroup/" in why_no_quota(of_the_user)
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    assert scope.why_no_scope(of_the_user) == "systemd-run is not installed"
    assert "version 2" in scope.why_no_scope(str(TREES / "v1-native-quota"))


@pytest.mark.usefixtures("no_waiting")
def test_a_delegated_scope_has_its_group_made_beside_it(tmp_path: Path) -> None:
    """`systemd-run --user --scope -p Delegate=yes`: the slice above, which is the user's, hands the controller down."""
    root = tree("v2-native-session", tmp_path)
    own = "/user.slice/user-1000.slice/user@1000.service/app.slice/run-r1.scope"
    folder = Path(root, "sys/fs/cgroup" + own)
    folder.mkdir(parents=True)
    Path(root, "proc/self/cgroup").write_text(f"0::{own}\n")
    (folder / "cgroup.subtree_control").write_text("")
    (folder.parent / "cgroup.subtree_control").write_text("cpu memory pids\n")
    (folder.parent / "cgroup.procs").write_text("")
    with quota_group(HALF, "run", root) as group:
        assert group.folders == (folder.parent / RUN,)
        assert (group.folders[0] / "cpu.max").read_text() == "50000 100000"
