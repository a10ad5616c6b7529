"""Which CPUs a target gets: distinct physical cores first, and another CPU each round."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lab.targets.topology import chosen_cpus, ordered_cpus

if TYPE_CHECKING:
    from pathlib import Path


def machine(root: Path, siblings: dict[int, str]) -> Path:
    """A tree as /sys/devices/system/cpu has it: each CPU with the list of its core's threads."""
    for cpu, threads in siblings.items():
        folder = root / f"cpu{cpu}" / "topology"
        folder.mkdir(parents=True)
        (folder / "thread_siblings_list").write_text(threads + "\n")
    return root


def test_one_thread_of_each_core_comes_before_the_second_threads(tmp_path: Path) -> None:
    neighbours = machine(tmp_path / "a", {0: "0-1", 1: "0-1", 2: "2-3", 3: "2-3"})
    assert ordered_cpus(range(4), neighbours) == [0, 2, 1, 3]
    halves = machine(tmp_path / "b", {0: "0,2", 1: "1,3", 2: "0,2", 3: "1,3"})
    assert ordered_cpus(range(4), halves) == [0, 1, 2, 3]


def test_an_odd_allowed_set_keeps_to_itself(tmp_path: Path) -> None:
    root = machine(tmp_path, {3: "3,11", 5: "5,13", 9: "1,9", 11: "3,11"})
    assert ordered_cpus([9, 3, 11, 5], root) == [3, 5, 9, 11]


def test_without_a_word_from_the_kernel_the_cpus_keep_their_order(tmp_path: Path) -> None:
    assert ordered_cpus([2, 0, 1], tmp_path / "nothing") == [0, 1, 2]


@pytest.mark.parametrize("count", [1, 2, 3])
def test_every_cpu_serves_equally_often_over_the_rounds(count: int) -> None:
    served = [cpu for number in range(12) for cpu in chosen_cpus([3, 5, 9], count, number)]
    assert {served.count(cpu) for cpu in (3, 5, 9)} == {12 * count // 3}


def test_on_a_machine_with_one_cpu_it_is_that_one() -> None:
    assert [chosen_cpus([0], 1, number) for number in range(3)] == [[0]] * 3
