"""CPUs of sides and teams on machines of every kind: captured, or written after the kernel's documentation."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lab.agent.facts import topology
from lab.agent.facts.cgroup import parse_cpu_list
from lab.agent.measuring import cores
from lab.targets.topology import chosen_cpus, read_cpus

CPUS = "sys/devices/system/cpu"
CAPTURED = Path(__file__).parent.parent / "data" / "topology"


def written(root: Path, files: dict[str, str]) -> str:
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text + "\n", encoding="ascii")
    return str(root)


def captured(root: Path, name: str) -> str:
    return written(root, json.loads((CAPTURED / f"{name}.json").read_text(encoding="utf-8")))


def threads(*siblings: str) -> dict[str, str]:
    """The files of cores with these sibling lists: ``threads("0-1", "2-3")``."""
    numbers = {cpu: text for text in siblings for cpu in parse_cpu_list(text)}
    return {f"{CPUS}/cpu{cpu}/topology/thread_siblings_list": text for cpu, text in numbers.items()}


def hybrid(root: Path, *, described_by: str) -> str:
    """Two performance cores of two threads (0-1, 2-3) and four efficiency cores (4 to 7)."""
    files = threads("0-1", "2-3", "4", "5", "6", "7")
    if described_by == "lists":
        return written(root, files | {"sys/devices/cpu_core/cpus": "0-3", "sys/devices/cpu_atom/cpus": "4-7"})
    fast, slow = {"cpu_capacity": ("1024", "620"), "cpufreq/cpuinfo_max_freq": ("5000000", "3800000")}[described_by]
    return written(root, files | {f"{CPUS}/cpu{cpu}/{described_by}": fast if cpu < 4 else slow for cpu in range(8)})


def over_rounds(placement: str, cpus: list[int], root: str) -> list[tuple[int, int]]:
    return cores.pairs(placement, cpus, topology.cpu_locations(cpus, root))


def order(cpus: list[int], root: str) -> list[int]:
    return cores.spread(cpus, topology.cpu_locations(cpus, root))


def test_siblings_that_are_neighbours_are_never_taken_for_two_cores(tmp_path: Path) -> None:
    root, cpus = captured(tmp_path, "neighbours-smt"), [0, 1, 2, 3]
    assert over_rounds("cross_cpu", cpus, root) == [(0, 2), (2, 0)]
    assert over_rounds("smt_siblings", cpus, root) == [(0, 1), (1, 0), (2, 3), (3, 2)]
    assert over_rounds("same_cpu", cpus, root) == [(0, 0), (1, 1), (2, 2), (3, 3)]
    assert order(cpus, root) == [0, 2, 1, 3]


def test_siblings_far_apart_are_found_and_sides_stay_in_their_node(tmp_path: Path) -> None:
    root, cpus = captured(tmp_path, "two-nodes-smt"), list(range(16))
    crossed = over_rounds("cross_cpu", cpus, root)
    assert crossed == [(0, 1), (1, 2), (2, 3), (3, 0), (4, 5), (5, 6), (6, 7), (7, 4)]
    assert over_rounds("smt_siblings", cpus, root)[:2] == [(0, 8), (8, 0)]
    assert order(cpus, root) == list(range(16)), "the second threads are numbered last there"


@pytest.mark.parametrize("described_by", ["lists", "cpu_capacity", "cpufreq/cpuinfo_max_freq"])
def test_performance_cores_come_before_efficiency_cores_and_are_not_mixed(tmp_path: Path, described_by: str) -> None:
    root, cpus = hybrid(tmp_path, described_by=described_by), list(range(8))
    assert over_rounds("cross_cpu", cpus, root) == [(0, 2), (2, 0)]
    assert {cpu for pair in over_rounds("same_cpu", cpus, root) for cpu in pair} == {0, 1, 2, 3}
    assert order(cpus, root) == [0, 2, 4, 5, 6, 7, 1, 3]
    assert over_rounds("cross_cpu", [0, 1, 4, 5], root) == [(4, 5), (5, 4)], "one performance core has no neighbour"
    assert over_rounds("smt_siblings", [4, 5], root) == []
    host = read_cpus(cpus, tmp_path)
    assert [chosen_cpus(host, count, 0) for count in (1, 2, 3)] == [[0], [0, 2], [0, 2, 4]]


def test_the_favoured_cores_of_one_kind_are_of_that_kind(tmp_path: Path) -> None:
    speeds = {0: "5200000", 1: "5000000", 2: "5000000"}
    files = {f"{CPUS}/cpu{cpu}/cpufreq/cpuinfo_max_freq": speed for cpu, speed in speeds.items()}
    root = written(tmp_path, threads("0", "1", "2") | files)
    assert over_rounds("cross_cpu", [0, 1, 2], root) == [(0, 1), (1, 2), (2, 0)]


def test_one_core_of_two_threads_offers_siblings_and_no_second_core(tmp_path: Path) -> None:
    root = written(tmp_path, threads("0-1"))
    assert over_rounds("cross_cpu", [0, 1], root) == []
    assert over_rounds("smt_siblings", [0, 1], root) == [(0, 1), (1, 0)]


def test_a_machine_of_one_cpu_offers_that_one(tmp_path: Path) -> None:
    root = captured(tmp_path, "one-cpu")
    assert over_rounds("same_cpu", [0], root) == [(0, 0)]
    assert over_rounds("cross_cpu", [0], root) == over_rounds("smt_siblings", [0], root) == []
    assert order([0], root) == [0]


def test_an_odd_set_of_a_container_keeps_to_itself(tmp_path: Path) -> None:
    root = captured(tmp_path, "two-nodes-smt")
    assert over_rounds("cross_cpu", [3, 5, 9, 13], root) == [(3, 9), (9, 3)], (
        "9 is a thread of core 1, of the same node"
    )
    assert order([3, 5, 9, 13], root) == [3, 9, 5, 13]
    assert over_rounds("smt_siblings", [3, 5, 9, 13], root) == [(5, 13), (13, 5)]


def test_isolated_cpus_are_left_out_unless_there_are_no_others(tmp_path: Path) -> None:
    root = written(tmp_path, threads("0", "1", "2", "3") | {f"{CPUS}/isolated": "2-3"})
    assert cores.without_isolated([0, 1, 2, 3], topology.isolated_cpus(root)) == [0, 1]
    assert cores.without_isolated([2, 3], topology.isolated_cpus(root)) == [2, 3]
    assert [cpu.number for cpu in read_cpus(range(4), tmp_path)] == [0, 1]


def test_without_a_word_from_the_system_each_cpu_counts_as_a_core(tmp_path: Path) -> None:
    root = str(tmp_path / "nothing")
    assert over_rounds("cross_cpu", [4, 6], root) == [(4, 6), (6, 4)]
    assert over_rounds("smt_siblings", [4, 6], root) == []
    assert topology.isolated_cpus(root) == []
    assert order([6, 4], root) == [4, 6]
