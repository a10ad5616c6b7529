"""The default size of Pool() and ProcessPoolExecutor(), and one job with it and with other sizes."""

from __future__ import annotations

import concurrent.futures
import multiprocessing
import os
import sys

from lab.agent.measuring.batches import timed
from lab.agent.scenario import TWICE_N, Contrast, N, View, scenario
from lab.agent.toolkit.pool_workers import verify_pool
from lab.agent.toolkit.work import pure_python

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, List, Optional

    from lab.agent.case import Case

TASKS = 32
WINDOWS_LIMIT = 61  # number of handles that a ProcessPoolExecutor can wait for on Windows


def expected_size(kind: str) -> int:
    """Default number of workers as documented: the usable CPUs from Python 3.13 on, before that the machine's CPUs.

    No version considers quotas (cpython#149452). Both functions respect ``-X cpu_count``.
    """
    count: Optional[int] = getattr(os, "process_cpu_count", os.cpu_count)()
    size = count or 1
    return min(WINDOWS_LIMIT, size) if kind == "executor" and sys.platform == "win32" else size


@scenario(
    family="pool",
    question="How many workers do Pool() and ProcessPoolExecutor() start by default, and is that the right number?",
    axes={"kind": ("pool", "executor"), "size": ("default", 1, N, TWICE_N)},
    view=View(
        measure="Time of one job of 32 tasks, by the requested size; by default the pool picks it.",
        unit="per job",
        operations=("job",),
        names=("kind", "size"),
        words={"default": "default size"},
        place=20,
    ),
    source="multiprocessing.Pool(), concurrent.futures.ProcessPoolExecutor()",
    article="2 Pool()",
    contrasts=(
        Contrast("kind", baseline={"size": ("default",)}, operations=("job",)),
        Contrast(where={"kind": ("pool",)}, questions=("workers",)),
    ),
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
    """``size_picked``: number of workers. ``job``: 32 tasks of about 0.4 ms, with its throttled time under a quota.

    The right size is the fastest of those measured; under a quota, throttling shows the cost of too many workers.
    """
    size = None if case["size"] == "default" else case["size"]
    wanted = size or expected_size(case["kind"])
    case.describe(workers=wanted, tasks=TASKS)
    measure_size = measure_pool if case["kind"] == "pool" else measure_executor
    measure_size(case, size, wanted)


def measure_pool(case: Case, size: Optional[int], wanted: int) -> None:
    """Measure the job in a Pool of this size (None: its default), which must have ``wanted`` workers."""
    with case.context().Pool(size) as pool:
        record_size(case, pool, wanted)
        measure_job(case, lambda tasks: pool.map(pure_python, tasks))
        pool.close()
        pool.join()


def measure_executor(case: Case, size: Optional[int], wanted: int) -> None:
    """Measure the job in a ProcessPoolExecutor, which starts workers on demand, with the chunks of Pool.map."""
    chunk = -(-TASKS // (4 * wanted))
    with concurrent.futures.ProcessPoolExecutor(size, mp_context=case.context()) as executor:
        record_size(case, executor, wanted)
        measure_job(case, lambda tasks: list(executor.map(pure_python, tasks, chunksize=chunk)))


def record_size(case: Case, pool: Any, wanted: int) -> None:
    """Verify and record the number of workers, which are all children of this process."""
    verify_pool(case, pool, wanted)
    found = len(multiprocessing.active_children())
    case.verify(found == wanted, "the pool has %d workers instead of %d" % (found, wanted))
    case.record("size_picked", "count", found)


def measure_job(case: Case, run: Callable[[List[int]], List[int]]) -> None:
    """Compare the job's results with those of a serial run, then time it."""
    tasks = list(range(TASKS))
    expected = [pure_python(task) for task in tasks]
    case.verify(run(tasks) == expected, "the workers' results differ from those of a serial run")
    case.measure("job", timed(lambda: run(tasks)))
