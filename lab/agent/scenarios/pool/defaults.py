"""The size that Pool() and ProcessPoolExecutor() pick by themselves, and what it costs against other sizes."""

from __future__ import annotations

import concurrent.futures
import multiprocessing
import os
import sys

from lab.agent.measuring.batches import timed
from lab.agent.scenario import TWICE_N, N, View, scenario
from lab.agent.toolkit.pool_workers import verify_pool
from lab.agent.toolkit.work import pure_python

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, List, Optional

    from lab.agent.case import Case

TASKS = 32
WINDOWS_LIMIT = 61  # handles that a ProcessPoolExecutor can wait for there


def expected_size(kind: str) -> int:
    """What this version documents: the CPUs that it may use from 3.13 on, before those of the machine.

    Quotas are not looked at by any version (cpython#149452); ``-X cpu_count`` is part of both functions.
    """
    count: Optional[int] = getattr(os, "process_cpu_count", os.cpu_count)()
    size = count or 1
    return min(WINDOWS_LIMIT, size) if kind == "executor" and sys.platform == "win32" else size


@scenario(
    family="pool",
    question="How many workers do Pool() and ProcessPoolExecutor() start by themselves, and is that the right number?",
    axes={"kind": ("pool", "executor"), "size": ("default", 1, N, TWICE_N)},
    view=View(
        measure="Time of one job of 32 tasks, by the size asked for; by default the pool picks one.",
        unit="per job",
        operations=("job",),
        names=("kind", "size"),
        words={"default": "default size"},
        place=20,
    ),
    source="multiprocessing.Pool(), concurrent.futures.ProcessPoolExecutor()",
    article="2 Pool()",
    estimate_s=0.5,
    profiles={
        "smoke": {"only": "*-default", "quota": {}},
        "quick": {
            "only": "pool-default pool-1 pool-{N} pool-{2N}",
            "quota": {"only": "pool-default pool-1"},
            "repeat": {},
        },
        "standard": {"quota": {}},
        "full": {"quota": {}},
    },
)
def defaults(case: Case) -> None:
    """``size_picked``: workers that are there. ``job``: 32 tasks of some 0.4 ms, with its throttled time under a quota.

    The right size is the fastest of those measured; under a quota throttling tells what too many cost.
    """
    size = None if case["size"] == "default" else case["size"]
    wanted = size or expected_size(case["kind"])
    case.describe(workers=wanted, tasks=TASKS)
    measure_size = of_pool if case["kind"] == "pool" else of_executor
    measure_size(case, size, wanted)


def of_pool(case: Case, size: Optional[int], wanted: int) -> None:
    """The job in a Pool of this size; None leaves it to the Pool."""
    with case.context().Pool(size) as pool:
        tell(case, pool, wanted)
        measure_job(case, lambda tasks: pool.map(pure_python, tasks))
        pool.close()
        pool.join()


def of_executor(case: Case, size: Optional[int], wanted: int) -> None:
    """The job in a ProcessPoolExecutor, which starts workers when tasks come; chunks are those that Pool.map takes."""
    chunk = -(-TASKS // (4 * wanted))
    with concurrent.futures.ProcessPoolExecutor(size, mp_context=case.context()) as executor:
        tell(case, executor, wanted)
        measure_job(case, lambda tasks: list(executor.map(pure_python, tasks, chunksize=chunk)))


def tell(case: Case, pool: Any, wanted: int) -> None:
    """Record the number of workers, once it is what it should be; all children are workers, asked or not."""
    verify_pool(case, pool, wanted)
    found = len(multiprocessing.active_children())
    case.verify(found == wanted, "there are %d workers instead of %d" % (found, wanted))
    case.record("size_picked", "count", found)


def measure_job(case: Case, run: Callable[[List[int]], List[int]]) -> None:
    """Time the job, after its results were compared with the serial ones."""
    tasks = list(range(TASKS))
    case.verify(run(tasks) == [pure_python(task) for task in tasks], "the workers' results differ from the serial ones")
    case.measure("job", timed(lambda: run(tasks)))
