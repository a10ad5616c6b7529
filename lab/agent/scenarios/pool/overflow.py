"""Start of the last of N + 1 tasks on N workers."""

from __future__ import annotations

import time

from lab.agent.scenario import Contrast, N, View, scenario
from lab.agent.toolkit.pool_workers import verify_pool

TYPE_CHECKING = False
if TYPE_CHECKING:
    from multiprocessing.pool import Pool
    from typing import Tuple

    from lab.agent.case import Case

TASK_S = 0.02
REPEATS = 3


def task(number: int) -> Tuple[int, int, int]:
    """Sleep for 20 ms; return the number and the times of begin and end, from the clock that all processes share."""
    began = time.perf_counter_ns()
    time.sleep(TASK_S)
    return number, began, time.perf_counter_ns()


@scenario(
    family="pool",
    question="Does task N+1 wait until a worker is free, and how long after that does it start?",
    axes={"start_method": ("fork", "forkserver", "spawn"), "workers": (N,)},
    view=View(
        measure="From submitting N + 1 tasks of 20 ms to N workers until the last one starts, and from the end of "
        "the first finished task until then.",
        unit="until task N + 1 starts",
        operations=("task_start_delay", "after_first_end"),
        names=("operation",),
        facets=("workers", "start_method"),
        words={"task_start_delay": "after submitting", "after_first_end": "after the first end"},
        place=47,
    ),
    source="multiprocessing.Pool.apply_async",
    article="2 cpu_count() + 1 tasks",
    contrasts=(Contrast("workers"),),
    estimate_s=0.25,
    profiles={
        "smoke": {"start_method": ["spawn"], "workers": ["N"], "quota": {}},
        "standard": {"start_method": ["fork"], "workers": [1, "N", "2N"], "quota": {}},
        "full": {"quota": {}},
    },
)
def overflow(case: Case) -> None:
    """``task_start_delay``: from submission to the start of the last task; ``after_first_end``: from the first end.

    ``waited``: whether the last task started after the first end. ``apply_waited_for_end``: whether ``apply`` returned
    after its task's end. ``apply_async_came_before_end``: whether ``apply_async`` returned before it.
    """
    workers = case["workers"]
    case.describe(tasks=workers + 1)
    with case.context().Pool(workers) as pool:
        verify_pool(case, pool, workers)
        for index in range(REPEATS):
            submitted = time.perf_counter_ns()
            pending = [pool.apply_async(task, (number,)) for number in range(workers + 1)]
            done = sorted(result.get() for result in pending)
            case.verify([number for number, _, _ in done] == list(range(workers + 1)), "a task's result is missing")
            last_began = max(began for _, began, _ in done)
            first_end = min(ended for _, _, ended in done)
            # A last task that starts before the first end would be a finding, so a negative time is recorded as well.
            case.record_time("after_first_end", last_began - first_end, index=index)
            case.record_time("task_start_delay", last_began - submitted, index=index)
            case.record("waited", "count", int(last_began >= first_end), index=index)
            record_who_waits(case, pool, index)
        pool.close()
        pool.join()


def record_who_waits(case: Case, pool: Pool, index: int) -> None:
    """Record whether ``apply_async`` and ``apply`` return before or after their task has ended, on a free worker."""
    pending = pool.apply_async(task, (1,))
    returned = time.perf_counter_ns()
    number, _, ended = pending.get()
    case.verify(number == 1, "the task of apply_async returned a wrong result")
    case.record("apply_async_came_before_end", "count", int(returned < ended), index=index)
    number, _, ended = pool.apply(task, (2,))
    returned = time.perf_counter_ns()
    case.verify(number == 2, "the task of apply returned a wrong result")  # noqa: PLR2004 - as above
    case.record("apply_waited_for_end", "count", int(returned >= ended), index=index)
