"""Which CPU each side runs on: alternating by round, and refused with a reason where it cannot be had."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pytest

from lab.agent.facts import cgroup
from lab.agent.measuring import placement
from lab.agent.measuring.placement import KeptAwake, PlacementError, sides

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def no_sysfs(monkeypatch: pytest.MonkeyPatch) -> None:
    """The CPUs of these tests are not this machine's; machines with cores and nodes are in test_agent_cores."""
    monkeypatch.setattr("lab.agent.facts.topology.cpu_locations", lambda cpus: {str(cpu): {} for cpu in cpus})
    monkeypatch.setattr("lab.agent.facts.topology.isolated_cpus", list)


@pytest.fixture
def two_cpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(placement, "allowed_cpus", lambda: [4, 6])


@pytest.mark.usefixtures("two_cpus")
def test_each_cpu_serves_each_side_in_turn() -> None:
    assert [sides("cross_cpu", number) for number in range(3)] == [([4], [6]), ([6], [4]), ([4], [6])]
    assert [sides("same_cpu", number) for number in range(3)] == [([4], [4]), ([6], [6]), ([4], [4])]
    assert sides("cross_cpu_awake", 1) == ([6], [4])


def test_of_more_cpus_than_two_the_sides_are_neighbours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(placement, "allowed_cpus", lambda: [4, 6, 9])
    assert [sides("cross_cpu", number) for number in range(3)] == [([4], [6]), ([6], [9]), ([9], [4])]


@pytest.mark.usefixtures("two_cpus")
def test_free_binds_nothing() -> None:
    assert sides("free", 0) == (None, None)


@pytest.mark.parametrize("across", ["cross_cpu", "cross_cpu_awake"])
def test_across_cpus_needs_two(monkeypatch: pytest.MonkeyPatch, across: str) -> None:
    monkeypatch.setattr(placement, "allowed_cpus", lambda: [3])
    with pytest.raises(PlacementError, match=f"{across} needs two CPUs, but this target has one"):
        sides(across, 0)
    assert sides("same_cpu", 5) == ([3], [3])


def scheduling(pid: int) -> tuple[set[int], int]:
    return os.sched_getaffinity(pid), os.sched_getscheduler(pid)


idle_class = pytest.mark.skipif(not hasattr(os, "SCHED_IDLE"), reason="the idle scheduling class is Linux's")


@idle_class
def test_what_keeps_a_cpu_awake_is_in_its_class_before_anything_is_measured() -> None:
    cpu = min(os.sched_getaffinity(0))
    kept = KeptAwake([cpu])
    with kept:
        (spinner,) = kept._spinners
        assert scheduling(spinner.pid) == ({cpu}, os.SCHED_IDLE)
    assert spinner.returncode is not None


@idle_class
def test_a_cpu_that_is_not_kept_awake_fails_the_cell() -> None:
    kept = KeptAwake([min(os.sched_getaffinity(0)), 1_000_000])
    with pytest.raises(PlacementError, match="CPU 1000000 is not kept awake"), kept:
        pytest.fail("it was measured")
    assert [spinner.returncode is not None for spinner in kept._spinners] == [True, True]
    kept = KeptAwake([min(os.sched_getaffinity(0))])
    kept.__enter__()
    kept._spinners[0].kill()
    kept._spinners[0].wait()
    with pytest.raises(PlacementError, match="did not run until the end"):
        kept.__exit__(None, None, None)


def test_a_system_that_cannot_bind_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(placement, "allowed_cpus", lambda: None)
    with pytest.raises(PlacementError, match="no interface to bind"):
        sides("same_cpu", 0)
    assert sides("free", 0) == (None, None)


def test_systems_without_affinity_have_no_list_of_cpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    assert placement.allowed_cpus() is None


def test_no_binding_leaves_the_process_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sched_setaffinity", raising=False)
    placement.pin(None)


def stat(name: str, cpu: int) -> str:
    """A line of /proc/PID/stat whose 39th field is the CPU, each other one its own number."""
    fields = [str(number) for number in range(1, 53)]
    fields[1], fields[38] = f"({name})", str(cpu)
    return " ".join(fields)


def test_where_processes_ran_is_read_and_those_that_are_gone_ran_nowhere(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for pid, name, cpu in ((7, "python", 3), (8, "a ) (b", 0), (9, "python", 3)):
        (tmp_path / str(pid)).mkdir()
        (tmp_path / str(pid) / "stat").write_text(stat(name, cpu))
    (tmp_path / "10").mkdir()
    (tmp_path / "10" / "stat").write_text("10 (ended while it was read)")
    monkeypatch.setattr(cgroup, "PROC", f"{tmp_path}/")
    assert placement.last_cpus({7, 8, 9}) == [0, 3]
    assert placement.last_cpus({7, 10, 11}) == [3]
    assert placement.last_cpus({10, 11}) == []


@pytest.mark.skipif(sys.platform != "linux", reason="/proc/PID/stat is Linux's")
def test_this_process_ran_on_one_of_its_cpus() -> None:
    (cpu,) = placement.last_cpus({os.getpid()})
    assert cpu in os.sched_getaffinity(0)
