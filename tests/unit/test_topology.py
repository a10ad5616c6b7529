"""Which CPUs a target gets: distinct cores of one node first, out of those that its group allows, others each round."""

from __future__ import annotations

import json
import platform
from pathlib import Path
from typing import Any

import pytest

from lab.agent.facts import topology
from lab.targets.available import container_cpus, group_cpus
from lab.targets.topology import Cpu, chosen_cpus, read_cpus
from tests.fake_machines import engine

HERE: dict[str, Any] = {"is_local": True, "kernel": platform.release()}  # an engine of this kernel
MACHINES = Path(__file__).parent.parent / "data" / "topology"


def machine(root: Path, name: str) -> Path:
    """The tree of a captured or constructed machine."""
    for path, text in json.loads((MACHINES / f"{name}.json").read_text(encoding="utf-8")).items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text + "\n", encoding="ascii")
    return root


def plain(*numbers: int) -> tuple[Cpu, ...]:
    return tuple(Cpu(number=number, core=number, node=0) for number in numbers)


def test_the_captured_machine_has_two_cores_in_one_node(tmp_path: Path) -> None:
    root = machine(tmp_path, "virtual-machine")
    assert topology.cpu_locations([0, 1], str(root)) == {
        "0": {"core": 0, "package": 0, "node": 0},
        "1": {"core": 1, "package": 0, "node": 0},
    }
    assert container_cpus(engine(cpus=2, **HERE), str(root)) == [0, 1]


def test_one_thread_of_each_core_comes_before_the_second_threads(tmp_path: Path) -> None:
    cpus = read_cpus(range(4), machine(tmp_path, "neighbours-smt"))
    assert [chosen_cpus(cpus, 2, number) for number in range(4)] == [[0, 2]] * 4
    assert {tuple(chosen_cpus(cpus, 1, number)) for number in range(4)} == {(0,), (2,)}
    assert chosen_cpus(cpus, 3, 0) == [0, 1, 2]
    assert chosen_cpus(cpus, 4, 1) == [0, 1, 2, 3]


@pytest.mark.parametrize("count", [2, 3, 4])
def test_what_fits_into_a_node_stays_in_one_on_distinct_cores(tmp_path: Path, count: int) -> None:
    cpus = read_cpus(range(16), machine(tmp_path, "two-nodes-smt"))
    by_number = {cpu.number: cpu for cpu in cpus}
    nodes_used = set()
    for number in range(8):
        chosen = [by_number[cpu] for cpu in chosen_cpus(cpus, count, number)]
        assert len({cpu.core for cpu in chosen}) == count
        (node,) = {cpu.node for cpu in chosen}
        nodes_used.add(node)
    assert nodes_used == {0, 1}


def test_what_fits_into_no_node_has_cores_of_its_own_while_there_are_any(tmp_path: Path) -> None:
    cpus = read_cpus(range(16), machine(tmp_path, "two-nodes-smt"))
    assert chosen_cpus(cpus, 8, 3) == list(range(8))
    assert len(chosen_cpus(cpus, 12, 0)) == 12
    assert chosen_cpus(cpus, 16, 5) == list(range(16))


@pytest.mark.parametrize("name", ["odd-v1", "odd-v2"])
def test_an_odd_allowed_set_keeps_to_itself(tmp_path: Path, name: str) -> None:
    root = machine(tmp_path, name)
    allowed = container_cpus(engine(cpus=16, **HERE), str(root))
    assert allowed == [3, 5, 9]
    cpus = read_cpus(allowed, root)
    assert {cpu for number in range(3) for cpu in chosen_cpus(cpus, 1, number)} == {3, 5, 9}
    assert chosen_cpus(cpus, 2, 2) == [3, 9]
    assert chosen_cpus(cpus, 3, 1) == [3, 5, 9]


def test_an_engine_elsewhere_is_not_judged_by_this_machines_files(tmp_path: Path) -> None:
    root = machine(tmp_path, "odd-v2")
    assert container_cpus(engine(is_local=False, cpus=4), str(root)) == [0, 1, 2, 3]
    assert container_cpus(engine(is_local=True, kernel="5.0-desktop", cpus=4), str(root)) == [0, 1, 2, 3]


def test_without_a_word_from_the_kernel_each_cpu_is_a_core(tmp_path: Path) -> None:
    assert read_cpus([2, 0, 1], tmp_path / "nothing") == plain(0, 1, 2)
    assert group_cpus(str(tmp_path / "nothing")) is None
    assert container_cpus(engine(cpus=3, **HERE), str(tmp_path / "nothing")) == [0, 1, 2]


@pytest.mark.parametrize("count", [1, 2, 3])
def test_every_cpu_serves_equally_often_over_the_rounds(count: int) -> None:
    served = [cpu for number in range(12) for cpu in chosen_cpus(plain(3, 5, 9), count, number)]
    assert {served.count(cpu) for cpu in (3, 5, 9)} == {12 * count // 3}


def test_on_a_machine_with_one_cpu_it_is_that_one(tmp_path: Path) -> None:
    root = machine(tmp_path, "one-cpu")
    cpus = read_cpus(container_cpus(engine(cpus=1, **HERE), str(root)), root)
    assert [chosen_cpus(cpus, 1, number) for number in range(3)] == [[0]] * 3
