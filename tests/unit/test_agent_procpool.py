"""Shapes, ids and limits of the scenarios of processes and pools."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lab.agent.measuring import meters
from lab.agent.scenario import load
from lab.agent.scenarios.pool.chunksize import task_count
from lab.agent.scenarios.pool.uneven import TASKS, shares
from lab.agent.scenarios.process.start_by_parent_size import available_bytes, memory_shortage
from lab.agent.toolkit.work import WORKS, spin

MIB = 1 << 20


def ids(name: str, /, **chosen: list[Any]) -> list[str]:
    return list(load(name).cases(chosen, 2))


def test_ids_of_starts_stay_short_where_nothing_is_special() -> None:
    found = ids("process.start", start_method=["fork", "spawn", "default"], placement=["same_cpu"])
    assert found == [
        "fork-same_cpu", "fork-same_cpu-light", "fork-same_cpu-heavy",
        "spawn-same_cpu", "spawn-same_cpu-shipped",
        "spawn-same_cpu-light", "spawn-same_cpu-light-shipped",
        "spawn-same_cpu-heavy", "spawn-same_cpu-heavy-shipped",
        "default-same_cpu", "default-same_cpu-light", "default-same_cpu-heavy",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "chosen", "expected"),
    [
        ("process.start_by_parent_size", {"start_method": ["fork"], "parent_bytes": [50 * MIB]}, ["fork-52428800"]),
        ("process.args_payload", {"start_method": ["spawn"], "payload_bytes": [65_536]}, ["spawn-65536"]),
        (
            "process.memory",
            {"executor": ["processes"], "start_method": ["fork"], "workers": ["N"]},
            ["fork-2", "fork-2-heavy"],
        ),
        ("process.copy_on_write", {}, ["plain", "frozen", "threaded"]),
        ("process.switch", {"through": ["pipe"]}, ["processes-pipe", "threads-pipe"]),
        (
            "pool.start",
            {"executor": ["processes"], "start_method": ["default"]},
            ["default-1", "default-2", "default-4"],
        ),
        ("pool.defaults", {"kind": ["pool"]}, ["pool-default", "pool-1", "pool-2", "pool-4"]),
        ("pool.chunksize", {"task_ns": [1000], "chunksize": [4]}, ["1000-4-2", "1000-4-2-imap"]),
        ("pool.grain", {"executor": ["processes"], "task_ns": [1000], "chunksize": [1]}, ["1000-1-2"]),
        ("pool.uneven", {"lengths": ["even"], "chunksize": [1]}, ["even-1-2"]),
        (
            "pool.payload",
            {"executor": ["processes"], "payload_bytes": [64], "start_method": ["fork"]},
            ["argument-64-fork-2", "result-64-fork-2"],
        ),
        ("pool.lifecycle", {"life": ["close"], "start_method": ["fork"]}, ["close-fork-2"]),
    ],
)
def test_ids_are_stable_labels(name: str, chosen: dict[str, list[Any]], expected: list[str]) -> None:
    assert ids(name, **chosen) == expected


def test_placements_of_a_profile_do_not_lead_off_the_one_cpu() -> None:
    assert ids("process.switch", placement=["same_cpu", "cross_cpu"], through=["pipe"]) == [
        "processes-pipe",
        "threads-pipe",
    ]
    assert ids("process.args_payload", placement=["cross_cpu"]) == []


@pytest.mark.parametrize(
    ("limit", "available", "complaint"),
    [
        (None, None, None),
        (4096 * MIB, 23_000 * MIB, None),
        (1024 * MIB, 23_000 * MIB, "a parent of 2000 MiB does not fit into this target's memory limit of 1024 MiB"),
        (None, 1500 * MIB, "a parent of 2000 MiB does not fit into the 1500 MiB available here"),
        (2100 * MIB, None, "a parent of 2000 MiB does not fit into this target's memory limit of 2100 MiB"),
    ],
)
def test_a_parent_that_does_not_fit_is_refused_with_the_limit(
    limit: int | None, available: int | None, complaint: str | None
) -> None:
    assert memory_shortage(2000 * MIB, limit, available) == complaint


def test_available_memory_is_read_from_meminfo(tmp_path: Path) -> None:
    assert available_bytes(str(tmp_path)) is None
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc" / "meminfo").write_text("MemTotal: 100 kB\nMemAvailable:    50 kB\n", encoding="ascii")
    assert available_bytes(str(tmp_path)) == 50 * 1024


def test_heavy_tailed_shares_are_the_same_everywhere_and_add_up() -> None:
    found = shares("heavy_tail")
    assert found == shares("heavy_tail")
    assert len(found) == TASKS
    assert sum(found) == pytest.approx(1)
    assert 0.15 < max(found) < 0.3
    assert found != sorted(found)
    assert set(shares("even")) == {1 / TASKS}


@pytest.mark.parametrize(
    ("task_ns", "workers", "tasks"),
    [(1_000, 2, 512), (100_000, 2, 160), (1_000_000, 1, 64), (1_000_000, 2, 128), (100_000, 16, 1024)],
)
def test_jobs_of_chunks_are_not_endless_and_give_each_worker_four_chunks(
    task_ns: int, workers: int, tasks: int
) -> None:
    assert task_count(task_ns, workers) == tasks >= 4 * 16 * workers


def test_work_gives_the_same_result_each_time_and_another_for_another_task() -> None:
    for name, work in WORKS.items():
        assert work(3) == work(3), name
        assert work(3) != work(4), name
    assert spin(10) == spin(10) != spin(11)


def test_memory_of_what_is_not_there_is_nothing() -> None:
    assert meters.memory_of(2**22 + 1) == {}
    assert meters.pss_sizes({2**22 + 1}) == []
