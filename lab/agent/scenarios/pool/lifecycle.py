"""A pool from its construction to its end, with each way to set it up and to end it."""

from __future__ import annotations

import time

from lab.agent.case import observe
from lab.agent.scenario import Contrast, N, View, scenario
from lab.agent.toolkit.work import identity

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Tuple

    from lab.agent.case import Case

TASKS_PER_WORKER = 4
LIVES = ("close", "terminate", "initializer", "maxtasksperchild")
_STATE: Dict[str, int] = {}


def prepare(value: int) -> None:
    """Initializer of a worker: keep ``value`` for its tasks."""
    _STATE["value"] = value


def prepared_value(_task: int) -> Tuple[int, int]:
    """Process id of the worker that runs this task, and the value from its initializer (0: none)."""
    return observe()["pid"], _STATE.get("value", 0)


@scenario(
    family="pool",
    question="What do a pool's first map, its end, an initializer and maxtasksperchild cost?",
    axes={"life": LIVES, "start_method": ("fork", "forkserver", "spawn"), "workers": (N,)},
    view=View(
        measure="Time of a pool with two maps of four tasks per worker, in total and by part.",
        unit="per pool",
        operations=("life", "construct", "first_map", "next_map", "close_join", "terminate_join"),
        names=("life", "operation"),
        facets=("workers", "start_method"),
        words={"life": "in total", "close_join": "close and join", "terminate_join": "terminate and join"},
        place=46,
    ),
    source="multiprocessing.pool.Pool",
    article="2 process pool, close, join, terminate",
    contrasts=(Contrast("start_method", "workers", baseline={"life": ("close",)}, operations=("life",)),),
    estimate_s=1.0,
    profiles={
        "smoke": {"life": ["close", "initializer", "maxtasksperchild"], "workers": ["N"]},
        "quick": {"life": ["close"]},
        "standard": {"start_method": ["fork"], "workers": ["N"]},
        "full": {"quota": {"start_method": ["fork"]}},
    },
)
def lifecycle(case: Case) -> None:
    """``life``: a pool with two maps of four tasks per worker, from construction to end.

    Its parts are ``construct``, ``first_map``, ``next_map``, and ``close_join`` or ``terminate_join``. Each worker runs
    the ``initializer`` once; with ``maxtasksperchild=1`` each task gets a new process.
    """
    life, workers = case["life"], case["workers"]
    context: Any = case.context()
    settings: Dict[str, Any] = {}
    if life == "initializer":
        settings = {"initializer": prepare, "initargs": (7,)}
    elif life == "maxtasksperchild":
        settings = {"maxtasksperchild": 1}
    tasks = list(range(TASKS_PER_WORKER * workers))
    case.describe(tasks=len(tasks), chunksize=1)
    verify(case, context, settings, tasks)
    ending = "terminate" if life == "terminate" else "close"

    def batch(loops: int) -> Dict[str, int]:
        clock = time.perf_counter_ns
        elapsed = {"life": 0, "construct": 0, "first_map": 0, "next_map": 0, ending + "_join": 0}
        for _ in range(loops):
            moments = [clock()]
            pool = context.Pool(workers, **settings)
            moments.append(clock())
            pool.map(identity, tasks, 1)
            moments.append(clock())
            pool.map(identity, tasks, 1)
            moments.append(clock())
            getattr(pool, ending)()
            pool.join()
            moments.append(clock())
            spans = [moments[-1] - moments[0], *(after - before for before, after in zip(moments, moments[1:]))]
            for name, span in zip(elapsed, spans):
                elapsed[name] += span
        return elapsed

    case.measure("life", batch)


def verify(case: Case, context: Any, settings: Dict[str, Any], tasks: List[int]) -> None:
    """Verify the results, that each worker ran the initializer, and that maxtasksperchild limits tasks per process."""
    with context.Pool(case["workers"], **settings) as pool:
        case.verify(pool.map(identity, tasks, 1) == tasks, "map did not return the results of all tasks in their order")
        found = pool.map(prepared_value, tasks, 1)
        expected = 7 if case["life"] == "initializer" else 0
        case.verify(
            {value for _, value in found} == {expected}, "the initializer did not run in every worker, or ran unasked"
        )
        pids = {pid for pid, _ in found}
        if case["life"] == "maxtasksperchild":
            case.verify(len(pids) == len(tasks), "%d tasks ran in %d processes" % (len(tasks), len(pids)))
        else:
            case.verify(len(pids) <= case["workers"], "the tasks ran in %d processes" % len(pids))
        case.verify_workers(pool.starmap(observe, [()] * len(tasks), 1), parent=case.parent_of_workers())
        pool.close()
        pool.join()
