"""What is special about the scenarios of pools: what they count, what they compare, and what a kill leaves."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.agent.conftest import cell
from tests.agent.test_process import kill_in_the_middle, ran, times_of, values_of

if TYPE_CHECKING:
    from pathlib import Path

    from tests.agent.conftest import Stage

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="fork and signals")


@pytest.fixture(params=["oldest", "newest"])
def python(request: pytest.FixtureRequest, interpreters: dict[str, Path]) -> Path:
    found = list(interpreters.values())
    return found[0 if request.param == "oldest" else -1]


@pytest.mark.parametrize("kind", ["pool", "executor"])
@pytest.mark.parametrize("size", ["default", 1, 3])
def test_the_size_that_is_chosen_is_recorded(stage: Stage, python: Path, kind: str, size: int | str) -> None:
    result = ran(stage, python, cell("pool.defaults", kind=kind, size=size))
    expected = os.cpu_count() if size == "default" else size
    assert values_of(result, "size_picked", "count") == [expected]
    assert {line["columns"]["workers"] for line in result.of("sample")} == {expected}
    assert times_of(result, "job")


@pytest.mark.parametrize("life", ["close", "terminate", "initializer", "maxtasksperchild"])
def test_the_parts_of_a_pools_life_add_up(stage: Stage, python: Path, life: str) -> None:
    result = ran(stage, python, cell("pool.lifecycle", life=life, start_method="fork", workers=2))
    ending = "terminate_join" if life == "terminate" else "close_join"
    parts = [times_of(result, name)[0] for name in ("construct", "first_map", "next_map", ending)]
    assert times_of(result, "life")[0] == pytest.approx(sum(parts))


def test_every_start_method_starts_a_pool_from_a_bare_main(stage: Stage, python: Path) -> None:
    methods = ("fork", "forkserver", "spawn", "default")
    cells = [cell("pool.start", start_method=method, workers=2) for method in methods]
    result = ran(stage, python, *cells)
    assert len(times_of(result, "first_start_ready")) == len(methods)
    timed = [times_of(result, name) for name in ("construct", "first_answer", "start_ready")]
    assert len(timed[0]) == len(methods)
    assert all(construct <= first <= ready for construct, first, ready in zip(*timed, strict=True))


def test_long_tasks_pay_in_a_pool_and_short_ones_do_not(stage: Stage, newest: Path) -> None:
    short, long = (
        ran(stage, newest, cell("pool.grain", task_ns=task_ns, chunksize=1, workers=2))
        for task_ns in (1_000, 1_024_000)
    )
    assert times_of(short, "pool")[0] > times_of(short, "serial")[0]
    # Ten times either way: a stolen CPU falsifies the gauging of a task as well as its time.
    assert 100_000 < min(times_of(long, "serial")) < 10_000_000, "about the length that was asked for"


def test_tasks_have_the_steps_of_the_request_and_else_those_that_take_so_long_here(stage: Stage, newest: Path) -> None:
    asked = cell("pool.grain", task_ns=64_000, chunksize=1, workers=2)
    few, own = ran(stage, newest, asked, steps_per_ms=100), ran(stage, newest, asked)
    lines = [[line for line in each.of("calibration") if line["operation"] == "steps_per_ms"] for each in (few, own)]
    assert [line["loops"] for line in lines[0]] == [100]
    assert lines[1][0]["loops"] > 1000
    assert times_of(few, "serial")[0] < times_of(own, "serial")[0] / 3


def test_all_kinds_of_work_scale_in_both_ways(stage: Stage, python: Path) -> None:
    cells = [
        cell(scenario, work=work, executor=executor, start_method=method, workers=2)
        for scenario in ("pool.scaling", "pool.scaling_weak")
        for work in ("pure_python", "hashing", "memory", "waiting")
        for executor, method in (("threads", None), ("processes", "fork"), ("independent", "fork"))
    ]
    cells.append(cell("pool.scaling", work="memory", executor="processes", start_method="spawn", workers=2))
    result = ran(stage, python, *cells)
    jobs = {(line["cell"].split("-")[0], line["columns"]["tasks"]) for line in result.of("sample")}
    assert len(jobs) == len(dict(jobs)), "the same job by each executor"
    assert min(tasks for _, tasks in jobs) >= 32


@pytest.mark.parametrize("operation", ["map", "imap"])
@pytest.mark.parametrize("chunk", [1, 64])
def test_chunks_of_any_size_give_every_result(stage: Stage, python: Path, operation: str, chunk: int) -> None:
    values: dict[str, Any] = {"task_ns": 10_000, "chunksize": chunk, "workers": 2, "operation": operation}
    result = ran(stage, python, cell("pool.chunksize", **values))
    loops = [line["loops"] for line in result.of("sample") if "loops" in line]
    assert loops
    assert all(found % 512 == 0 for found in loops)


@pytest.mark.parametrize("direction", ["argument", "result"])
def test_large_payloads_arrive(stage: Stage, python: Path, direction: str) -> None:
    values: dict[str, Any] = {"direction": direction, "payload_bytes": 1 << 22, "start_method": "spawn", "workers": 2}
    ran(stage, python, cell("pool.payload", **values))


@pytest.mark.parametrize("chunk", [1, 32])
def test_uneven_tasks_are_done_with_any_chunk(stage: Stage, python: Path, chunk: int) -> None:
    ran(stage, python, cell("pool.uneven", lengths="heavy_tail", chunksize=chunk, workers=2))


KILLED = [
    cell("pool.start", start_method="forkserver", workers=2),
    cell("pool.lifecycle", life="close", start_method="spawn", workers=2),
    cell("pool.defaults", kind="executor", size=2),
    cell("pool.scaling", work="memory", executor="processes", start_method="fork", workers=2),
]


@pytest.mark.parametrize("victim", KILLED, ids=lambda victim: str(victim["scenario"]))
def test_a_kill_in_the_middle_leaves_nothing_behind(stage: Stage, newest: Path, victim: dict[str, Any]) -> None:
    kill_in_the_middle(stage, newest, victim)


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_apply_waits_and_apply_async_does_not(stage: Stage, python: Path, method: str) -> None:
    result = ran(stage, python, cell("pool.overflow", start_method=method, workers=2))
    assert values_of(result, "apply_waited_for_end", "count") == [1, 1, 1]
    assert values_of(result, "apply_async_came_before_end", "count") == [1, 1, 1]
