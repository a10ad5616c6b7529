"""Cost of one task through each call that hands tasks to a pool."""

from __future__ import annotations

import concurrent.futures
import functools
import sys
import time

from lab.agent.case import Case
from lab.agent.scenario import Contrast, N, View, scenario
from lab.agent.toolkit.pool_workers import (
    INTERPRETERS_SINCE,
    interpreter_executor,
    interpreters_unsupported,
    verify_pool,
)
from lab.agent.toolkit.work import identity

TYPE_CHECKING = False
if TYPE_CHECKING:
    from multiprocessing.pool import Pool
    from typing import Any, Callable, Dict, List, Optional

    Call = Callable[[range], List[int]]

TASKS = 100

POOL_CALLS = ("apply", "apply_async", "map", "map_async", "imap", "imap_unordered", "starmap")
EXECUTOR_CALLS = ("executor_submit", "executor_map", "executor_map_buffered")
INTERPRETER_CALLS = ("interpreters_submit", "interpreters_map")


def sensible(values: Dict[str, Any]) -> Dict[str, Any]:
    """The case of these values; interpreters have no start method."""
    return {**values, "start_method": None} if values["operation"] in INTERPRETER_CALLS else values


def unsupported_reason(values: Dict[str, Any]) -> Optional[str]:
    """Reason why this Python does not have the call, or None if it does."""
    if values["operation"] in INTERPRETER_CALLS:
        return interpreters_unsupported({"executor": "interpreters"})
    if values["operation"] == "executor_map_buffered" and sys.version_info[:2] < INTERPRETERS_SINCE:
        return "Executor.map has buffersize since Python 3.14, but this is Python %d.%d" % sys.version_info[:2]
    return None


@scenario(
    family="pool",
    question="What does one trivial task cost through each call of a pool or an executor?",
    axes={
        "operation": POOL_CALLS + EXECUTOR_CALLS + INTERPRETER_CALLS,
        "start_method": ("fork", "forkserver", "spawn"),
        "workers": (N,),
    },
    view=View(
        measure="Time of 100 tasks that only return their argument, divided by 100.",
        unit="per task",
        names=("operation",),
        facets=("workers", "start_method"),
        words={
            "apply_async": "apply_async",
            "map_async": "map_async",
            "imap_unordered": "imap_unordered",
            "executor_submit": "executor.submit",
            "executor_map": "executor.map",
            "executor_map_buffered": "executor.map(buffersize=)",
            "interpreters_submit": "interpreters.submit",
            "interpreters_map": "interpreters.map",
        },
        terms={
            "executor.": "concurrent.futures.ProcessPoolExecutor; the other calls of processes: multiprocessing.Pool.",
            "interpreters.": "concurrent.futures.InterpreterPoolExecutor, whose workers are in one process.",
            "buffersize": "tasks that are handed over before results are taken: twice the workers.",
        },
        note="map, map_async and starmap hand over chunks of tasks, the other calls one task at a time.",
        place=40,
    ),
    source="multiprocessing.pool.Pool, concurrent.futures.ProcessPoolExecutor and InterpreterPoolExecutor",
    article="2 apply, apply_async, map, map_async",
    shape=sensible,
    needs=unsupported_reason,
    unsupported="interpreters_submit, interpreters_map, executor_map_buffered: before Python 3.14",
    contrasts=(
        Contrast("start_method", "workers", baseline={"operation": ("map",)}),
        Contrast(where={"operation": ("apply", "map"), "workers": (N,)}, questions=("versions",)),
    ),
    estimate_s=0.35,
    profiles={
        "smoke": {"workers": ["N"]},
        "quick": {
            "operation": ["apply", "apply_async", "map", "imap", "executor_submit", "executor_map"],
            "repeat": {"operation": ["apply", "map"]},
        },
        "standard": {
            "start_method": ["fork"],
            "workers": [1, "N", "2N"],
            "quota": {"operation": ["map", "executor_map"]},
        },
        "full": {"quota": {}},
    },
)
def api(case: Case) -> None:
    """Each operation is one task. A batch consists of whole calls over 100 tasks, and its ``loops`` count tasks.

    ``apply`` makes one call per task, so its batches may have any number of tasks.
    """
    operation, workers = case["operation"], case["workers"]
    case.describe(tasks=TASKS)
    if operation not in POOL_CALLS:
        interpreters = operation in INTERPRETER_CALLS
        executor: concurrent.futures.Executor = (
            interpreter_executor(workers)
            if interpreters
            else concurrent.futures.ProcessPoolExecutor(workers, mp_context=case.context())
        )
        with executor:
            verify_pool(case, executor, workers, "interpreters" if interpreters else "processes")
            case.describe(chunksize=1)
            measure_call(case, operation, executor_call(operation, executor, workers))
        return
    with case.context().Pool(workers) as pool:
        verify_pool(case, pool, workers)
        if operation in ("map", "map_async", "starmap"):
            case.describe(chunksize=-(-TASKS // (4 * workers)))
        elif operation in ("imap", "imap_unordered"):
            case.describe(chunksize=1)
        measure_call(case, operation, pool_call(operation, pool))
        pool.close()
        pool.join()


def measure_call(case: Case, operation: str, call: Call) -> None:
    """Verify the call's results, then time it."""
    tasks = range(TASKS)
    found = call(tasks)
    if operation == "imap_unordered":
        found = sorted(found)
    case.verify(found == list(tasks), "%s did not return the results of all tasks in their order" % operation)

    def batch(loops: int) -> int:
        clock = time.perf_counter_ns
        calls, rest = divmod(loops, TASKS)
        parts = [tasks] * calls + [range(rest)] * bool(rest)
        start = clock()
        for part in parts:
            call(part)
        return clock() - start

    case.measure(operation, batch, step=1 if operation == "apply" else TASKS, takes_turns=True)


def pool_call(operation: str, pool: Pool) -> Call:
    """A function that runs all tasks through one method of a Pool and returns their results."""
    arguments = [(task,) for task in range(TASKS)]  # made once, because making the tuples is not part of starmap's cost
    calls: dict[str, Call] = {
        "apply": lambda tasks: [pool.apply(identity, (task,)) for task in tasks],
        "apply_async": lambda tasks: collected([pool.apply_async(identity, (task,)) for task in tasks]),
        "map": lambda tasks: pool.map(identity, tasks),
        "map_async": lambda tasks: pool.map_async(identity, tasks).get(),
        "imap": lambda tasks: list(pool.imap(identity, tasks)),
        "imap_unordered": lambda tasks: list(pool.imap_unordered(identity, tasks)),
        "starmap": lambda _tasks: pool.starmap(identity, arguments),
    }
    return calls[operation]


def executor_call(operation: str, executor: concurrent.futures.Executor, workers: int) -> Call:
    """A function that runs all tasks through one method of an executor and returns their results."""
    if operation.endswith("_submit"):
        return lambda tasks: [future.result() for future in [executor.submit(identity, task) for task in tasks]]
    hand_over: Any = executor.map
    if operation == "executor_map_buffered":
        hand_over = functools.partial(hand_over, buffersize=2 * workers)
    return lambda tasks: list(hand_over(identity, tasks))


def collected(pending: List[Any]) -> List[int]:
    """Results of the pending calls of ``apply_async``, in order."""
    return [result.get() for result in pending]
