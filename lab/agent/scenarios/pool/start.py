"""Start of a pool, until its first answers and until all workers have answered, and its end."""

from __future__ import annotations

import multiprocessing

from lab.agent.case import Case, Unsupported
from lab.agent.scenario import TWICE_N, Contrast, N, View, scenario
from lab.agent.toolkit.bare import Bare
from lab.agent.toolkit.pool_workers import interpreters_unsupported, only_processes_start

METHODS = ("fork", "forkserver", "spawn", "default")


@scenario(
    family="pool",
    question="What does starting a pool cost, by start method and workers?",
    axes={"start_method": METHODS, "workers": (1, N, TWICE_N), "executor": ("processes", "interpreters")},
    view=View(
        measure="Time from calling Pool(), or InterpreterPoolExecutor(), until each worker has answered one task.",
        unit="per pool",
        operations=("start_ready", "first_start_ready"),
        names=("executor", "start_method"),
        words={"processes": ""},
        facets=("workers",),
        hollow=(
            "operation",
            {
                "start_ready": "repeated",
                "first_start_ready": "the parent's first pool (forkserver then starts its server)",
            },
        ),
        place=45,
    ),
    source="multiprocessing.Pool, concurrent.futures.InterpreterPoolExecutor",
    article="2 process pool",
    shape=only_processes_start,
    natural=lambda axis, _values: "processes" if axis == "executor" else None,
    needs=interpreters_unsupported,
    unsupported="interpreters: before Python 3.14",
    contrasts=(Contrast("workers", operations=("start_ready",), questions=("start", "versions", "model")),),
    estimate_s=0.5,
    profiles={
        "smoke": {"start_method": ["fork", "spawn"], "workers": ["N"]},
        "quick": {"start_method": ["default", "fork"], "workers": ["N"]},
        "standard": {"workers": ["N"], "quota": {"start_method": ["default"]}},
        "full": {"quota": {}},
    },
)
def start(case: Case) -> None:
    """``start_ready``: from calling Pool() until every worker has taken a task and all have answered.

    ``first_answer``: until one task per worker is answered, by whichever workers there are, often by the first alone;
    ``construct``: until Pool() has returned; ``close_join``: end of the pool; ``first_start_ready``: the parent's first
    pool (forkserver then starts its server). Neither the main program nor the workers import the lab.
    """
    method, workers = case["start_method"], case["workers"]
    if case.values.get("executor") == "interpreters":
        start_interpreters(case, workers)
        return
    if method != "default" and method not in multiprocessing.get_all_start_methods():
        raise Unsupported("the start method %s does not exist on this system" % method)
    case.describe(tasks=workers, chunksize=1)
    with Bare("pool_start", start_method=method, workers=workers) as main:
        case.record_time("first_start_ready", main.call("first"))
        answer = main.call("children")
        answered = answer["workers"]
        case.verify(answer["count"] == workers, "the pool has %s workers instead of %d" % (answer["count"], workers))
        pids = {worker["pid"] for worker in answered}
        case.verify(len(pids) == workers, "only %d of %d workers took a task" % (len(pids), workers))
        case.verify(not any(worker["lab"] for worker in answered), "a worker has imported a module of the lab")
        used = multiprocessing.get_all_start_methods()[0] if method == "default" else method
        case.verify_workers(answered, parent=None if used == "forkserver" else answer["parent"])
        case.measure("start_ready", main.batch, least_warm_up=1)  # as in process.start


def start_interpreters(case: Case, workers: int) -> None:
    """Measure the same of an InterpreterPoolExecutor; its process starts no others, so it has no first pool apart."""
    case.describe(tasks=workers, chunksize=1)
    with Bare("interpreters", workers=workers) as main:
        answer = main.call("children")
        case.verify(len(set(answer["interpreters"])) == workers, "not every worker took a task")
        case.verify(answer["main"] not in answer["interpreters"], "a worker is in the main interpreter")
        case.verify(not answer["lab"], "a worker has imported a module of the lab")
        case.measure("start_ready", main.batch, least_warm_up=1)
