"""What a batch costs beside wall time: only counters that can be trusted are reported."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from lab.agent import cgroup, meters
from lab.agent.meters import Meters, difference

if TYPE_CHECKING:
    from collections.abc import Callable

TREES = Path(__file__).parent.parent / "data" / "cgroup"


def test_only_counters_of_both_readings_count() -> None:
    assert difference({"cpu_ns": 50, "switches": 4}, {"cpu_ns": 20}) == {"cpu_ns": 30}
    assert difference({"cpu_ns": 50}, {"cpu_ns": 20, "throttled_ns": 7}) == {"cpu_ns": 30}


def test_a_counter_that_ran_backwards_is_not_known_rather_than_negative() -> None:
    assert difference({"cpu_ns": 10, "switches": 9}, {"cpu_ns": 20, "switches": 9}) == {"switches": 0}


@pytest.mark.skipif(not hasattr(os, "pread"), reason="control groups are Linux's")
def test_an_own_group_gives_its_counters() -> None:
    group = Meters(own_cgroup=True, root=str(TREES / "v1-docker-quota"))
    try:
        found = group.after()
    finally:
        group.close()
    assert found["cpu_ns"] == 438_056_051
    assert found["throttled_ns"] == 375_519_947


def test_without_an_own_group_the_processes_themselves_are_counted() -> None:
    own = Meters(own_cgroup=False)
    before = own.before()
    sum(range(200_000))
    spent = difference(own.after(), before)
    own.close()
    assert spent["cpu_ns"] > 0
    assert "throttled_ns" not in spent


@pytest.mark.skipif(not hasattr(os, "pread"), reason="control groups are Linux's")
@pytest.mark.parametrize("own_cgroup", [True, False])
def test_looking_through_proc_is_no_cpu_time_of_the_batch(
    monkeypatch: pytest.MonkeyPatch,
    own_cgroup: bool,  # noqa: FBT001 - pytest's parameter
) -> None:
    clock = {"ns": 0}

    def dear(look: Callable[..., Any]) -> Callable[..., Any]:
        def looking(*args: Any) -> Any:
            clock["ns"] += 200_000
            return look(*args)

        return looking

    monkeypatch.setattr(meters, "process_tree", dear(meters.process_tree))
    monkeypatch.setattr(meters, "_switches_of", dear(meters._switches_of))
    monkeypatch.setattr(meters, "_others_cpu_ns", lambda _pids: 0)
    monkeypatch.setattr("time.process_time_ns", lambda: clock["ns"])
    monkeypatch.setattr("os.pread", lambda *_: b"%d" % clock["ns"])
    monkeypatch.setattr(cgroup, "parse_usage", lambda texts: {"cpu_ns": int(texts["usage"])} if texts else {})
    group = Meters(own_cgroup, root=str(TREES / "v1-docker-quota"))
    before = group.before()
    clock["ns"] += 7
    spent = difference(group.after(), before)
    group.close()
    assert spent["cpu_ns"] == 7


def test_this_process_is_in_its_tree() -> None:
    assert os.getpid() in meters.process_tree()


def test_processes_that_are_gone_have_no_memory() -> None:
    assert meters.peak_pss({2**22 + 1}) == []
