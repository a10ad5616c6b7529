"""What a batch costs beside wall time: only counters that can be trusted are reported."""

from __future__ import annotations

import os
import time
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from lab.agent.facts import cgroup
from lab.agent.measuring import meters
from lab.agent.measuring.meters import Meters, difference

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


@pytest.mark.skipif(not hasattr(os, "pread"), reason="control groups are Linux's")
def test_a_group_is_read_after_the_kernel_has_accounted_for_the_slice_where_the_system_can_be_made_to(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls: list[str] = []
    read = os.pread

    def reading(*args: int) -> bytes:
        calls.append("read")
        return read(*args)

    monkeypatch.setattr("os.pread", reading)
    monkeypatch.setattr("os.sched_yield", lambda: calls.append("yield"))
    group = Meters(own_cgroup=True, root=str(TREES / "v1-docker-quota"))
    group.before()
    monkeypatch.delattr("os.sched_yield")
    without = group.after()
    group.close()
    assert calls == ["yield", "read", "read", "read", "read"]
    assert without["cpu_ns"] == 438_056_051


def test_without_an_own_group_the_processes_themselves_are_counted() -> None:
    own = Meters(own_cgroup=False)
    before = own.before()
    sum(range(200_000))
    spent = difference(own.after(), before)
    own.close()
    assert spent["cpu_ns"] > 0
    assert "throttled_ns" not in spent


@pytest.mark.skipif(not hasattr(os, "pread"), reason="control groups are Linux's")
def test_a_quota_as_found_counts_throttling_but_not_the_cpu_time_of_others_in_its_group(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(meters, "_others_cpu_ns", lambda _pids: 0)
    monkeypatch.setattr("time.process_time_ns", lambda: 17)
    shared = Meters(own_cgroup=False, root=str(TREES / "v1-docker-quota"))
    found = shared.after()
    shared.close()
    assert (found["cpu_ns"], found["throttled_ns"]) == (17, 375_519_947)


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
    monkeypatch.setattr(cgroup, "parse_usage", lambda texts: {"cpu_ns": int(texts["usage"])} if own_cgroup else {})
    group = Meters(own_cgroup, root=str(TREES / "v1-docker-quota"))
    before = group.before()
    clock["ns"] += 7
    spent = difference(group.after(), before)
    group.close()
    assert spent["cpu_ns"] == 7


def test_this_process_is_in_its_tree() -> None:
    assert os.getpid() in meters.process_tree()


def test_processes_that_are_gone_have_no_memory() -> None:
    assert meters.pss_sizes({2**22 + 1}) == []


# --- out of a tree of /proc -------------------------------------------------------------------------------------------


@pytest.fixture
def proc(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setattr(cgroup, "PROC", f"{tmp_path}/")
    return tmp_path


def add_task(proc: Path, pid: int, task: int, *, children: str = "", switches: tuple[int, int] = (0, 0)) -> None:
    folder = proc / str(pid) / "task" / str(task)
    folder.mkdir(parents=True)
    (folder / "children").write_text(children)
    (folder / "status").write_text(
        f"Name:\tpython\nThreads:\t99\nvoluntary_ctxt_switches:\t{switches[0]}\nnonvoluntary_ctxt_switches:\t{switches[1]}\n"
    )


def test_a_tree_has_the_children_of_every_thread_and_theirs(proc: Path) -> None:
    add_task(proc, 5, 5, children="6 7 ")
    add_task(proc, 5, 50, children="8 ")
    add_task(proc, 8, 8, children="9 ")
    add_task(proc, 9, 9)
    add_task(proc, 10, 10)
    assert meters.process_tree(5) == {5, 6, 7, 8, 9}  # 6 and 7 have ended meanwhile
    assert meters.process_tree(11) == {11}


def test_switches_are_those_of_all_threads_of_all_processes_of_both_kinds(
    proc: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "getpid", lambda: 5)
    add_task(proc, 5, 5, children="6", switches=(1, 20))
    add_task(proc, 5, 50, switches=(300, 4000))
    add_task(proc, 6, 6, switches=(50_000, 0))
    own = Meters(own_cgroup=False)
    assert own.before()["switches"] == own.after()["switches"] == 54_321
    monkeypatch.setattr(os, "getpid", lambda: 7)
    assert "switches" not in own.before()
    own.close()


SMAPS = """55d0c0000000-7ffe00000000 ---p 00000000 00:00 0    [rollup]
Rss:               10000 kB
Pss:                4000 kB
Pss_Anon:            900 kB
Private_Clean:        30 kB
Private_Dirty:       500 kB
Private_Hugetlb:       0 kB
Swap:                  7 kB
"""


def test_memory_is_the_share_of_shared_pages_and_what_is_private(proc: Path) -> None:
    for pid, text in ((5, SMAPS), (6, SMAPS.replace("Pss: ", "Gone:")), (7, "Pss: none kB\n")):
        (proc / str(pid)).mkdir()
        (proc / str(pid) / "smaps_rollup").write_text(text)
    assert meters.memory_of(5) == {"pss": 4000 * 1024, "uss": 530 * 1024}
    assert meters.memory_of(6) == meters.memory_of(7) == meters.memory_of(8) == {}
    assert meters.pss_sizes({5, 6, 8}) == [4000 * 1024]


def test_why_there_is_no_memory_names_the_file(proc: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reason = meters.memory_unsupported()
    assert reason is not None
    assert "/proc/PID/smaps_rollup" in reason
    (proc / "5").mkdir()
    (proc / "5" / "smaps_rollup").write_text(SMAPS)
    monkeypatch.setattr(os, "getpid", lambda: 5)
    assert meters.memory_unsupported() is None


@pytest.mark.skipif(not hasattr(os, "pread"), reason="control groups are Linux's")
def test_a_group_of_its_own_counts_before_the_clocks_of_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(meters, "_others_cpu_ns", lambda _pids: pytest.fail("the group has counted them"))
    group = Meters(own_cgroup=True, root=str(TREES / "v1-docker-quota"))
    assert group.before()["cpu_ns"] == group.after()["cpu_ns"] == 438_056_051
    descriptors = list(group._files.values())
    group.close()
    group.close()
    for descriptor in descriptors:
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(descriptor)


@pytest.mark.skipif(not hasattr(time, "clock_gettime_ns"), reason="clocks of other processes are POSIX's")
def test_cpu_time_is_of_this_process_the_living_others_and_the_reaped(
    proc: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import resource

    asked: list[int] = []

    def clock_of(clock: int) -> int:
        asked.append(clock)
        if clock == ((~7 << 3) | 2):
            raise ProcessLookupError
        return 30

    add_task(proc, 5, 5, children="6 7")
    monkeypatch.setattr(os, "getpid", lambda: 5)
    monkeypatch.setattr("time.clock_gettime_ns", clock_of)
    monkeypatch.setattr("time.process_time_ns", lambda: 1)
    used = SimpleNamespace(ru_utime=0.000_000_2, ru_stime=0.000_004)
    monkeypatch.setattr(resource, "getrusage", lambda who: used if who == resource.RUSAGE_CHILDREN else None)
    own = Meters(own_cgroup=False)
    assert own.before()["cpu_ns"] == own.after()["cpu_ns"] == 4231
    assert set(asked) == {(~6 << 3) | 2, (~7 << 3) | 2}
    own.close()
