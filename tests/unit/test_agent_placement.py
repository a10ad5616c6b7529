"""Which CPU each side runs on: alternating by round, and refused with a reason where it cannot be had."""

from __future__ import annotations

import os

import pytest

from lab.agent import placement
from lab.agent.placement import PlacementError, sides


@pytest.fixture
def two_cpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(placement, "allowed_cpus", lambda: [4, 6])


@pytest.mark.usefixtures("two_cpus")
def test_each_cpu_serves_each_side_in_turn() -> None:
    assert [sides("cross_cpu", number) for number in range(3)] == [([4], [6]), ([6], [4]), ([4], [6])]
    assert [sides("same_cpu", number) for number in range(3)] == [([4], [4]), ([6], [6]), ([4], [4])]
    assert sides("cross_cpu_awake", 1) == ([6], [4])


@pytest.mark.usefixtures("two_cpus")
def test_free_binds_nothing() -> None:
    assert sides("free", 0) == (None, None)


@pytest.mark.parametrize("across", ["cross_cpu", "cross_cpu_awake"])
def test_across_cpus_needs_two(monkeypatch: pytest.MonkeyPatch, across: str) -> None:
    monkeypatch.setattr(placement, "allowed_cpus", lambda: [3])
    with pytest.raises(PlacementError, match=f"{across} needs two CPUs, this target has one"):
        sides(across, 0)
    assert sides("same_cpu", 5) == ([3], [3])


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


def test_processes_that_are_gone_ran_nowhere() -> None:
    assert placement.last_cpus({2**22 + 1}) == []
