"""What goes on around a batch is read where there is something to read, and is missing, never 0, where there is not."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from lab.agent.measuring.canary import LOOPS, canary
from lab.agent.measuring.system_load import Reading, SystemLoad, inherited_cpu_ns, load_between, tick_ns

linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")

STAT = b"cpu  9 9 9 9 9 9 9 9 0 0\ncpu0 1 0 1 %d 0 0 0 %d 0 0\ncpu1 1 0 1 %d 0 0 0 5 0 0\nintr 7\n"
PRESSURE = b"some avg10=0.00 avg60=0.00 avg300=0.00 total=%d\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n"


def process(*, faults: int = 0, dead_user: int = 0, cpu: int = 0) -> bytes:
    """A line of /proc/PID/stat, whose name may hold spaces and brackets."""
    fields = [0] * 50
    fields[9 - 1], fields[13 - 1], fields[36 - 1] = faults, dead_user, cpu
    return b"7 (a ) b) S " + " ".join(map(str, fields)).encode()


def reading(cpus: set[int], *, processes: dict[int, dict[str, bytes]] | None = None, **texts: bytes) -> Reading:
    return Reading({name.replace("_", "-"): text for name, text in texts.items()}, frozenset(cpus), processes or {})


@linux
def test_only_the_used_cpus_of_the_whole_machine_count() -> None:
    before, after = STAT % (100, 3, 100), STAT % (104, 5, 190)
    one = load_between(reading({0}, stat=before), reading({0}, stat=after), 5)
    assert (one["idle_ns"], one["steal_ns"]) == (4 * tick_ns(), 2 * tick_ns())
    assert (one["cpus_used"], one["own_cpu_ns"]) == (1, 5)
    both = load_between(reading({0, 1}, stat=before), reading({0, 1}, stat=after), 5)
    assert (both["idle_ns"], both["cpus_used"]) == (94 * tick_ns(), 2)


def test_what_a_system_does_not_offer_is_missing() -> None:
    found = load_between(reading(set()), reading(set()), None)
    assert set(found) == {"window_ns"}


@linux
def test_a_used_cpu_without_a_line_leaves_idle_time_unknown() -> None:
    text = STAT % (1, 1, 1)
    found = load_between(reading({0, 9}, stat=text), reading({0, 9}, stat=text), 5)
    assert "idle_ns" not in found
    assert "steal_ns" not in found


def test_pressure_is_what_was_added_to_its_totals() -> None:
    found = load_between(reading({0}, pressure_cpu=PRESSURE % 10), reading({0}, pressure_cpu=PRESSURE % 25), None)
    assert (found["pressure_cpu_some_ns"], found["pressure_cpu_full_ns"]) == (15_000, 0)
    assert "pressure_memory_some_ns" not in found


def test_moves_faults_and_migrations_are_those_of_processes_that_lived_through_it() -> None:
    then = {7: {"stat": process(cpu=0), "sched": b"se.nr_migrations  :  3\n"}}
    now = {7: {"stat": process(cpu=1, faults=2), "sched": b"se.nr_migrations  :  8\n"}, 8: {"stat": process(faults=50)}}
    found = load_between(reading({0}, processes=then), reading({0}, processes=now), None)
    assert (found["moved_processes"], found["major_faults"], found["migrations"]) == (1, 2, 5)
    without_sched = {7: {"stat": process()}}
    assert "migrations" not in load_between(
        reading({0}, processes=without_sched), reading({0}, processes=without_sched), 0
    )


@linux
def test_what_a_fork_servers_dead_workers_used_is_the_cells_own() -> None:
    then, now = {7: {"stat": process()}}, {7: {"stat": process(dead_user=3)}}
    assert inherited_cpu_ns(reading({0}, processes=then), reading({0}, processes=now)) == 3 * tick_ns()


def test_a_frequency_is_the_lowest_of_the_used_cpus() -> None:
    found = load_between(reading({0}), reading({0, 1}, frequency_0=b"3000000\n", frequency_1=b"2000000\n"), None)
    assert found["frequency_khz"] == 2_000_000


@linux
def test_this_machine_is_read_and_another_without_proc_is_not(tmp_path: Path) -> None:
    load = SystemLoad()
    try:
        before = load.read()
        found = load_between(before, load.read(), 0)
    finally:
        load.close()
    assert found["cpus_used"] == len(os.sched_getaffinity(0))
    assert {"idle_ns", "major_faults"} <= set(found)
    nowhere = SystemLoad(str(tmp_path))
    assert nowhere.read().texts == {}


def test_where_the_root_is_a_drive_no_file_of_linux_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "pread", raising=False)
    load = SystemLoad()
    before, after = load.read(), load.read()
    assert (after.texts, after.processes) == ({}, {})
    assert inherited_cpu_ns(before, after) == 0
    assert set(load_between(before, after, 5)) == {"window_ns", "own_cpu_ns"}
    load.close()


def test_a_canary_is_the_same_work_everywhere() -> None:
    line = canary("before")
    assert (line["kind"], line["when"], line["loops"]) == ("canary", "before", LOOPS)
    assert line["elapsed_ns"] > 0
