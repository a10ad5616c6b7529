"""Cost of one task by its length and by the chunk size."""

from __future__ import annotations

import itertools
import time

from lab.agent.scenario import Contrast, N, View, scenario
from lab.agent.toolkit.pool_workers import verify_pool
from lab.agent.toolkit.work import spin

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, List

    from lab.agent.case import Case

MOST_TASKS, FEWEST_TASKS = 512, 64
JOB_NS = 16_000_000


def task_count(task_ns: int, workers: int) -> int:
    """Number of tasks of a job, the same for all chunk sizes: each worker gets at least four chunks of 16."""
    return max(FEWEST_TASKS * workers, min(MOST_TASKS, JOB_NS // task_ns))


@scenario(
    family="pool",
    question="Which chunk size is best for which task length?",
    axes={
        "task_ns": (1_000, 10_000, 100_000, 1_000_000),
        "chunksize": (1, 4, 16, 64),
        "workers": (N,),
        "operation": ("map", "imap"),
    },
    view=View(
        "heat",
        measure="Time per task divided by that with the best chunk size of its row (1.00): the darker, the slower.",
        targets="largest",
        x="chunksize",
        names=("task_ns",),
        facets=("operation",),
        note="Tasks are counted steps of pure Python, as many on every target as take so long on the first.",
        place=41,
    ),
    source="multiprocessing.Pool.map(chunksize=…), imap(chunksize=…)",
    article="2 map",
    natural=lambda axis, _values: "map" if axis == "operation" else None,
    contrasts=(Contrast("task_ns", "workers", "operation"),),
    estimate_s=0.25,
    profiles={
        "smoke": {"only": "100000-16-{N}"},
        "quick": {"task_ns": [100_000], "chunksize": [1, 16], "operation": ["imap"]},
        "standard": {"task_ns": [10_000, 100_000, 1_000_000], "only": "*-{N} *-1-{N}-imap *-16-{N}-imap"},
        "full": {"quota": {"chunksize": [1, 16]}},
    },
)
def chunksize(case: Case) -> None:
    """``map`` or ``imap``: time per task. A batch consists of whole calls, and its ``loops`` count tasks."""
    operation, chunk = case["operation"], case["chunksize"]
    count = task_count(case["task_ns"], case["workers"])
    steps = [case.steps(case["task_ns"])] * count
    case.describe(tasks=count)
    with case.context().Pool(case["workers"]) as pool:
        verify_pool(case, pool, case["workers"])
        call = pool.map if operation == "map" else pool.imap
        run: Callable[[], List[Any]] = lambda: list(call(spin, steps, chunk))  # noqa: E731 - keeps the timed loop short
        case.verify(run() == [spin(steps[0])] * count, "the workers' results differ from those of a serial run")

        def batch(loops: int) -> int:
            clock = time.perf_counter_ns
            start = clock()
            for _ in itertools.repeat(None, loops // count):
                run()
            return clock() - start

        case.measure(operation, batch, step=count, takes_turns=True)
        pool.close()
        pool.join()
