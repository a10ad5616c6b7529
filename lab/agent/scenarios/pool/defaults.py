"""The default size of Pool() and ProcessPoolExecutor(), and one job with it and with other sizes."""

from __future__ import annotations

import concurrent.futures
import multiprocessing
import os
import sys

from lab.agent.scenario import TWICE_N, Contrast, N, View, scenario
from lab.agent.toolkit.jobs import CHUNKS, Job, measure_verified, proportional
from lab.agent.toolkit.pool_workers import verify_pool
from lab.agent.toolkit.work import TASK_NS, pure_python

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, List, Optional

    from lab.agent.case import Case

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
        measure="Time of the same job by the requested size; by default the pool picks it.",
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
        Contrast(where={"kind": ("pool",), "least_cpus": (2,)}, questions=("workers",)),
    ),
    estimate_s=0.75,
    profiles={
        "smoke": {"only": "*-default", "quota": {}},
        "quick": {
            "only": "pool-default pool-1 pool-{2N}",  # N is the default of the newest Python
            "quota": {"only": "pool-default pool-1"},
            "repeat": {"only": "pool-default pool-{N} pool-{2N}"},
        },
        "standard": {"quota": {}},
        "full": {"quota": {}},
    },
)
def defaults(case: Case) -> None:
    """``size_picked``: number of workers. ``job``: the same tasks for every size; under a quota, with throttled time.

    There are at least 16 tasks per worker of the largest pool, also where the default is the number of the machine's
    CPUs. The right size is the fastest of those measured; under a quota, throttling shows the cost of too many workers.
    """
    size = None if case["size"] == "default" else case["size"]
    wanted = size or expected_size(case["kind"])
    cpus = len(case.cpus)
    job = proportional(TASK_NS["pure_python"], (1, cpus, 2 * cpus, os.cpu_count() or 1), cpus)
    case.describe(workers=wanted, tasks=job.tasks)
    measure_size = measure_pool if case["kind"] == "pool" else measure_executor
    measure_size(case, size, wanted, job)


def measure_pool(case: Case, size: Optional[int], wanted: int, job: Job) -> None:
    """Measure the job in a Pool of this size (None: its default), which must have ``wanted`` workers."""
    with case.context().Pool(size) as pool:
        record_size(case, pool, wanted)
        measure_job(case, job, pool.map)
        pool.close()
        pool.join()


def measure_executor(case: Case, size: Optional[int], wanted: int, job: Job) -> None:
    """Measure the job in a ProcessPoolExecutor, which starts workers on demand, with the chunks of Pool.map."""
    chunk = -(-job.tasks // (CHUNKS * wanted))
    with concurrent.futures.ProcessPoolExecutor(size, mp_context=case.context()) as executor:
        record_size(case, executor, wanted)
        measure_job(case, job, lambda task, seeds: list(executor.map(task, seeds, chunksize=chunk)))


def record_size(case: Case, pool: Any, wanted: int) -> None:
    """Verify and record the number of workers, which are all children of this process."""
    verify_pool(case, pool, wanted)
    found = len(multiprocessing.active_children())
    case.verify(found == wanted, "the pool has %d workers instead of %d" % (found, wanted))
    case.record("size_picked", "count", found)


def measure_job(case: Case, job: Job, run: Callable[..., List[int]]) -> None:
    """Time the job; ``run`` takes the task and its seeds."""
    task, seeds = job.task(pure_python), job.seeds
    measure_verified(case, lambda: run(task, seeds), job.results(pure_python))
