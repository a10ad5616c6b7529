"""Whether a cell that ran out of time waited or was at work: by the CPU time of its group, out of a tree of /proc."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from lab.agent.cleanup import cpu_time

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(not hasattr(os, "sysconf"), reason="/proc is Linux's")


def add(folder: Path, pid: int, group: int, ticks: tuple[int, int, int, int], policy: int = 0) -> None:
    """A process: fields 5 (group), 14 to 17 (its ticks and its dead children's) and 41 (policy), all others 1000."""
    fields = ["1000"] * 52
    fields[0], fields[1], fields[4], fields[40] = str(pid), "(a ) b)", str(group), str(policy)
    fields[13:17] = map(str, ticks)
    (folder / str(pid)).mkdir()
    (folder / str(pid) / "stat").write_text(" ".join(fields))


def test_only_the_group_counts_with_its_dead_children_and_without_what_keeps_a_cpu_awake(tmp_path: Path) -> None:
    add(tmp_path, 5, 5, (1, 20, 300, 4000))
    add(tmp_path, 6, 5, (10000, 0, 0, 0))
    add(tmp_path, 7, 7, (1, 1, 1, 1))
    add(tmp_path, 8, 5, (1, 1, 1, 1), policy=cpu_time.SCHED_IDLE)
    (tmp_path / "9").mkdir()
    (tmp_path / "self").mkdir()
    (tmp_path / "10").mkdir()
    (tmp_path / "10" / "stat").write_text("10 (cut off")
    assert cpu_time.group_cpu_s(5, str(tmp_path)) == 14321 / os.sysconf("SC_CLK_TCK")
    assert cpu_time.group_cpu_s(11, str(tmp_path)) is None
    assert cpu_time.group_cpu_s(5, str(tmp_path / "nowhere")) is None


@pytest.mark.parametrize(
    ("lately_s", "words"), [(0.0, "they were waiting"), (0.019, "they were waiting"), (0.02, "still working")]
)
def test_less_than_two_ticks_after_the_deadline_is_waiting(lately_s: float, words: str) -> None:
    found = cpu_time.activity(1.25, lately_s)
    assert found.startswith("its processes used 1.2 s of CPU time and ")
    assert words in found


@pytest.mark.parametrize(
    ("readings", "expected"),
    [
        ([1.0, 1.5], "its processes used 1.0 s of CPU time and were still working"),
        ([1.0, 1.0], "its processes used 1.0 s of CPU time and none at the end"),
        ([None, 1.0], ""),
        ([1.0, None], ""),
    ],
)
def test_a_group_is_looked_at_twice_a_moment_apart(
    monkeypatch: pytest.MonkeyPatch, readings: list[float | None], expected: str
) -> None:
    slept: list[float] = []
    monkeypatch.setattr(cpu_time, "group_cpu_s", lambda _group: readings.pop(0))
    monkeypatch.setattr("time.sleep", slept.append)
    found = cpu_time.activity_at_deadline(5)
    assert found.startswith(expected)
    assert bool(found) == bool(expected)
    assert slept == [cpu_time.LOOK_S]
