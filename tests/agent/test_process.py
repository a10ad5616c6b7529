"""What is special about the scenarios of processes: what they verify, what they say, and what a kill leaves."""

from __future__ import annotations

import signal
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from tests.agent.conftest import cell

if TYPE_CHECKING:
    from pathlib import Path

    from tests.agent.conftest import Result, Stage

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="fork, /proc and signals")


def values_of(result: Result, operation: str, metric: str) -> list[float]:
    found = (line for line in result.of("sample") if line["operation"] == operation and line.get("metric") == metric)
    return [line["value"] for line in found]


def times_of(result: Result, operation: str) -> list[float]:
    found = (line for line in result.of("sample") if line["operation"] == operation and not line["warmup"])
    return [line["elapsed_ns"] / line["loops"] for line in found]


def ran(stage: Stage, python: Path, *cells: dict[str, Any], **target: Any) -> Result:
    result = stage.run(python, *cells, **target)
    assert [(line["status"], line["reason"]) for line in result.of("end")] == [("ok", "")] * len(cells), result.stderr
    result.assert_nothing_left()
    return result


@pytest.fixture(params=["oldest", "newest"])
def python(request: pytest.FixtureRequest, interpreters: dict[str, Path]) -> Path:
    found = list(interpreters.values())
    return found[0 if request.param == "oldest" else -1]


def start_cell(method: str, imports: str = "none", bytecode: str = "compiled") -> dict[str, Any]:
    return cell("process.start", start_method=method, placement="same_cpu", imports=imports, bytecode=bytecode)


def test_the_phases_of_a_start_lie_in_each_other(stage: Stage, python: Path) -> None:
    result = ran(stage, python, start_cell("spawn"))
    whole, start, join = (times_of(result, name)[0] for name in ("start_join", "start", "join"))
    assert whole == pytest.approx(start + join)
    assert times_of(result, "first_instruction")[0] > start


def test_a_batch_of_one_start_follows_an_untimed_one_in_every_scenario_of_starts(stage: Stage, newest: Path) -> None:
    """Else it would be the first start since the counters were read, which is dearer than the next."""
    cells = [
        cell("process.args_payload", start_method="spawn", payload_bytes=1024, placement="same_cpu"),
        cell("process.start_by_parent_size", start_method="spawn", parent_bytes=1 << 20, placement="same_cpu"),
        cell("pool.start", start_method="spawn", workers=1),
    ]
    for each in cells:
        operation = "start_ready" if each["scenario"] == "pool.start" else "start_join"
        each["loops"] = {operation: 1}
    counted = [line for line in ran(stage, newest, *cells).of("sample") if "spent" in line and not line["warmup"]]
    assert [(line["loops"], line["spent_loops"]) for line in counted] == [(1, 2)] * len(cells)


def test_a_heavy_main_program_is_imported_again_by_a_spawned_child(stage: Stage, python: Path) -> None:
    bare, heavy = (
        values_of(ran(stage, python, start_cell("spawn", imports)), "child_modules", "count")[0]
        for imports in ("none", "heavy")
    )
    assert heavy > bare + 100


def test_bytecode_as_shipped_is_none_and_leaves_no_file(stage: Stage, python: Path) -> None:
    ran(stage, python, start_cell("spawn", bytecode="shipped"), start_cell("forkserver", bytecode="shipped"))


def test_a_parent_beyond_the_memory_is_unsupported_with_the_numbers(stage: Stage, newest: Path) -> None:
    size = 1 << 50
    values: dict[str, Any] = {"start_method": "fork", "parent_bytes": size, "placement": "same_cpu"}
    result = stage.run(newest, cell("process.start_by_parent_size", **values))
    assert result.end["status"] == "unsupported"
    assert result.end["reason"].startswith(f"a parent of {size >> 20} MiB does not fit into th")
    result.assert_nothing_left()


def test_memory_is_measured_for_every_worker_and_method(stage: Stage, python: Path) -> None:
    for method in ("fork", "forkserver", "spawn"):
        result = ran(stage, python, cell("process.memory", start_method=method, workers=2, imports="none"))
        assert len(values_of(result, "worker_memory", "pss")) == 2
        everything = values_of(result, "all_processes", "pss")[0]
        assert everything >= sum(values_of(result, "worker_memory", "uss"))


@pytest.mark.parametrize("parent", ["plain", "frozen", "threaded"])
def test_a_forked_child_shares_until_it_touches_and_nothing_comes_back(stage: Stage, python: Path, parent: str) -> None:
    size = 50 << 20
    result = ran(stage, python, cell("process.copy_on_write", parent=parent, parent_bytes=size))
    untouched, read, collected = (values_of(result, name, "uss")[0] for name in ("untouched", "read", "collection"))
    assert untouched < read
    assert values_of(result, "seen_by_parent", "count") == [0]
    if parent == "frozen":
        assert collected < read


def test_both_kinds_of_switching_are_counted(stage: Stage, python: Path) -> None:
    cells = [
        cell("process.switch", executor=executor, through=through, placement="same_cpu")
        for executor in ("processes", "threads")
        for through in ("pipe", "semaphore")
    ]
    result = ran(stage, python, *cells)
    assert {line["cell"] for line in result.of("sample")} == {found["id"] for found in cells}
    for line in result.of("sample"):
        assert line["spent"]["switches"] >= line["loops"] * 0.9, "a hand-over on one CPU is a switch"


KILLED = [
    cell("process.memory", start_method="forkserver", workers=2, imports="none"),
    cell("process.copy_on_write", parent="threaded", parent_bytes=256 << 20),
    cell("process.switch", executor="processes", through="semaphore", placement="same_cpu"),
    cell("process.start_by_parent_size", start_method="spawn", parent_bytes=200 << 20, placement="same_cpu"),
]


@pytest.mark.parametrize("victim", KILLED, ids=lambda victim: str(victim["scenario"]))
def test_a_kill_in_the_middle_leaves_nothing_behind(stage: Stage, newest: Path, victim: dict[str, Any]) -> None:
    kill_in_the_middle(stage, newest, victim)


def kill_in_the_middle(stage: Stage, python: Path, victim: dict[str, Any]) -> None:
    killer = threading.Thread(target=kill_the_cell, args=(str(stage.folder),))
    killer.start()
    result = stage.run(python, victim)
    killer.join()
    assert result.end["status"] == "failed", "the cell was to be killed in its middle"
    result.assert_nothing_left()


def kill_the_cell(folder: str) -> None:
    """End the cell's interpreter once it has started a process of its own."""
    limit = time.monotonic() + 60
    while time.monotonic() < limit:
        for process in psutil.process_iter():
            try:
                if process.cmdline()[-2:] == [folder, "--cell"] and process.children():
                    process.send_signal(signal.SIGKILL)
                    return
            except (psutil.Error, OSError):
                continue
        time.sleep(0.002)
