"""Cost of one task of a pool as its argument, or its result, grows."""

from __future__ import annotations

import itertools
import time

from lab.agent.scenario import NATURAL, Contrast, N, View, scenario
from lab.agent.toolkit.allocator import FRESH, RETAINED, STATES, allocated, prepare
from lab.agent.toolkit.pool_workers import interpreters_unsupported, new_pool, only_processes_start, verify_pool

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Optional

    from lab.agent.case import Case

TASKS = 8
SIZES = (64, 1024, 16_384, 65_536, 262_144, 1_048_576, 4_194_304, 16_777_216)
_RESULTS: Dict[int, bytes] = {}


def size_of(payload: bytes) -> int:
    """Task with a large argument and a small result: the payload's length, or -1 if its first or last byte is wrong."""
    return len(payload) if payload[:1] == payload[-1:] == b"\1" else -1


def result_of(size: int) -> bytes:
    """Task with a small argument and a large result, which each worker creates only once."""
    if size not in _RESULTS:
        _RESULTS[size] = b"\1" * size
    return _RESULTS[size]


def sensible(values: Dict[str, Any]) -> Optional[Dict[str, Any]]:
    """The case of these values, or None; interpreters share one allocator, so each has the natural state only."""
    found = allocated(values)
    if found is None or (found["executor"] == "interpreters" and found["allocator"] == RETAINED):
        return None
    return only_processes_start(found)


@scenario(
    family="pool",
    question="What does a task cost as its argument or its result grows?",
    axes={
        "direction": ("argument", "result"),
        "payload_bytes": SIZES,
        "start_method": ("fork", "spawn"),
        "workers": (N,),
        "allocator": STATES,
        "executor": ("processes", "interpreters"),
    },
    view=View(
        "lines",
        measure="Time per task of a map of 8 tasks that do nothing, handed over one by one.",
        unit="per task",
        where={"allocator": (NATURAL,)},
        x="payload_bytes",
        names=("direction",),
        facets=("executor", "start_method"),
        words={"argument": "as the argument", "result": "as the result"},
        place=44,
    ),
    source="multiprocessing.Pool.map, concurrent.futures.InterpreterPoolExecutor",
    article="2 map",
    contrasts=(Contrast("payload_bytes", "direction", "workers", "executor"),),
    shape=sensible,
    natural=lambda axis, _values: {"allocator": FRESH, "executor": "processes"}.get(axis),
    needs=interpreters_unsupported,
    unsupported="interpreters: before Python 3.14",
    estimate_s=0.5,
    profiles={
        "smoke": {"payload_bytes": [65_536], "direction": ["argument"], "workers": ["N"], "allocator": [FRESH]},
        "quick": {
            "executor": ["processes"],
            "direction": ["argument"],
            "payload_bytes": [1_048_576],
            "allocator": [FRESH],
        },
        "standard": {"start_method": ["fork"], "workers": ["N"], "payload_bytes": [64, 16_384, 65_536, 1_048_576]},
        "full": {
            "quota": {
                "executor": ["processes"],
                "start_method": ["fork"],
                "payload_bytes": [64, 1_048_576],
                "allocator": [FRESH],
            }
        },
    },
)
def payload(case: Case) -> None:
    """``task``: time per task of a ``map`` over 8 tasks in chunks of 1; the tasks themselves do no work."""
    direction, size, workers = case["direction"], case["payload_bytes"], case["workers"]
    case.describe(tasks=TASKS, chunksize=1)
    state = case.values.get("allocator")
    prepare(state)
    with new_pool(case, *((prepare, (state,)) if state == RETAINED else ())) as pool:
        verify_pool(case, pool, workers)
        task: Any = size_of if direction == "argument" else result_of
        arguments: List[Any] = [b"\1" * size if direction == "argument" else size] * TASKS
        expected: List[Any] = [size if direction == "argument" else b"\1" * size] * TASKS
        case.verify(pool.map(task, arguments, 1) == expected, "the payload did not arrive unchanged")
        expected.clear()

        def batch(loops: int) -> int:
            clock = time.perf_counter_ns
            start = clock()
            for _ in itertools.repeat(None, loops // TASKS):
                pool.map(task, arguments, 1)
            return clock() - start

        case.measure("task", batch, step=TASKS, takes_turns=True)
        pool.close()
        pool.join()
