"""The task length above which a pool pays: the same tasks in a pool and without one."""

from __future__ import annotations

import itertools
import time

from lab.agent.scenario import Contrast, N, View, scenario
from lab.agent.toolkit.pool_workers import interpreters_unsupported, new_pool, verify_pool
from lab.agent.toolkit.work import spin

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, List

    from lab.agent.case import Case

TASKS = 64
EXECUTORS = ("processes", "threads", "interpreters")


@scenario(
    family="pool",
    question="From which task length on does a pool pay?",
    axes={
        "task_ns": (1_000, 4_000, 16_000, 64_000, 256_000, 1_024_000),
        "chunksize": (1, 8),
        "workers": (N,),
        "executor": EXECUTORS,
    },
    view=View(
        "lines",
        measure="Time per task of a job of 64 tasks of one length.",
        unit="per task",
        operations=("serial", "pool"),
        x="task_ns",
        names=("operation",),
        facets=("executor", "chunksize"),
        words={"serial": "without a pool", "pool": "in a pool"},
        place=43,
    ),
    source="multiprocessing.Pool.map, concurrent.futures.InterpreterPoolExecutor",
    article="2 process pool; multi-core speed-up",
    natural=lambda axis, _values: "processes" if axis == "executor" else None,
    needs=interpreters_unsupported,
    unsupported="interpreters: before Python 3.14",
    contrasts=(Contrast("task_ns", "chunksize", "workers", "executor", operations=("serial", "pool")),),
    estimate_s=0.6,
    profiles={
        "smoke": {"task_ns": [64_000], "chunksize": [1], "workers": ["N"], "executor": ["processes", "interpreters"]},
        "quick": {"task_ns": [16_000, 256_000], "chunksize": [1], "executor": ["processes"]},
        "standard": {"chunksize": [1], "workers": ["N"]},
        "full": {"quota": {}},
    },
)
def grain(case: Case) -> None:
    """``serial`` and ``pool``: time per task of 64 tasks. The pool is running already; chunks of 1 are its worst case.

    Both are measured in one cell, right after each other, so that drift hardly affects their ratio. The pool pays from
    the task length on where the ratio crosses 1.
    """
    chunk = case["chunksize"]
    steps = [case.steps(case["task_ns"])] * TASKS
    case.describe(tasks=TASKS)
    with new_pool(case) as pool:
        verify_pool(case, pool, case["workers"])
        expected = [spin(count) for count in steps]
        case.verify(pool.map(spin, steps, chunk) == expected, "the workers' results differ from those of a serial run")
        case.measure("serial", batch_of(lambda: [spin(count) for count in steps]), step=TASKS)
        case.measure("pool", batch_of(lambda: pool.map(spin, steps, chunk)), step=TASKS, takes_turns=True)
        pool.close()
        pool.join()


def batch_of(job: Callable[[], List[int]]) -> Callable[[int], int]:
    """A batch of whole jobs whose loops count tasks."""

    def batch(loops: int) -> int:
        clock = time.perf_counter_ns
        start = clock()
        for _ in itertools.repeat(None, loops // TASKS):
            job()
        return clock() - start

    return batch
