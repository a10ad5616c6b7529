"""A pool is measured when all its workers are there, and each is a child of this process."""

from __future__ import annotations

import os
import time
from typing import Any

import pytest

from lab.agent.case import Case, VerificationError, observe
from lab.agent.toolkit import pool_workers


def worker(**told: int) -> dict[str, Any]:
    return {**observe(), "uncached": [], **told}


class LatePool:
    """A Pool whose second worker is up only after some questions."""

    def __init__(self, ready_after: int) -> None:
        self.asked = 0
        self.ready_after = ready_after

    def starmap(self, _task: object, questions: list[tuple[()]], chunk: int) -> list[dict[str, Any]]:
        assert chunk == 1
        self.asked += 1
        first = worker(pid=1, ppid=os.getpid())
        return [first, worker(pid=2, ppid=os.getpid())] if self.asked > self.ready_after else [first] * len(questions)


def case_of(**values: Any) -> Case:
    return Case({"values": values, "seed": 0}, {"round": 0, "batches": 3, "own_cgroup": False}, lambda _line: None)


def test_the_first_worker_may_answer_everything_and_the_others_are_waited_for() -> None:
    pool = LatePool(ready_after=3)
    assert {worker["pid"] for worker in pool_workers.verify_pool(case_of(), pool, 2)} == {1, 2}
    assert pool.asked == 4


def test_a_worker_that_introduces_itself_stays_busy_so_that_another_takes_the_next_task() -> None:
    began = time.perf_counter()
    assert pool_workers.introduce()["pid"] == os.getpid()
    assert time.perf_counter() - began >= pool_workers.HOLD_S > 0


def test_a_worker_that_does_not_come_fails_the_cell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool_workers, "READY_S", 0.01)
    with pytest.raises(VerificationError, match="only 1 of 2 workers took a task"):
        pool_workers.verify_pool(case_of(), LatePool(ready_after=1_000_000_000), 2)


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_a_worker_is_a_child_of_this_process(monkeypatch: pytest.MonkeyPatch, method: str) -> None:
    case = case_of(start_method=method)
    pool_workers.verify_pool(case, LatePool(0), 2)
    monkeypatch.setattr(os, "getpid", lambda: 77)
    with pytest.raises(VerificationError, match="getppid"):
        case.verify_workers([worker(pid=1, ppid=78)], parent=case.parent_of_workers())


def test_a_server_is_the_parent_of_what_it_forks() -> None:
    assert case_of(start_method="forkserver").parent_of_workers() is None
