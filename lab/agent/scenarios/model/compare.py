"""One job by each model of concurrency: serial, threads, processes, asyncio and interpreters."""

from __future__ import annotations

import contextlib
import functools
import time

from lab.agent.case import Case
from lab.agent.measuring import meters
from lab.agent.measuring.batches import timed
from lab.agent.scenario import LADDER, Contrast, View, scenario
from lab.agent.toolkit.jobs import Job, measure_verified, proportional
from lab.agent.toolkit.pool_workers import interpreter_executor, interpreters_unsupported, verify_pool
from lab.agent.toolkit.waiting_server import WaitingServer, fetch, fetch_async
from lab.agent.toolkit.work import TASK_NS, WORKS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from multiprocessing.context import BaseContext
    from typing import Any, Callable, Dict, Iterator, List, Optional

    Run = Callable[[], List[int]]

DELAY_NS = 2_000_000
PROBE = 16  # number of the request that is checked
CONCURRENCY = 8  # for I/O, whatever the number of CPUs
MOST_AT_ONCE = 64  # of I/O: the largest number that its job is in proportion to
EXECUTORS = ("serial", "threads", "processes", "asyncio", "interpreters")


def sensible(values: Dict[str, Any]) -> Optional[Dict[str, Any]]:
    """The case of these values; serial work has one worker."""
    return {**values, "workers": 1} if values["executor"] == "serial" else values


@scenario(
    family="model",
    question="Threads, processes, interpreters or asyncio: for compute-bound and for I/O-bound work?",
    axes={"work": (*WORKS, "io"), "executor": EXECUTORS, "workers": (LADDER, CONCURRENCY)},
    view=View(
        measure="Time of one job, the same for every model, by kind of work.",
        unit="per job",
        operations=("job", "job_with_start"),
        names=("executor", "workers"),
        facets=("work",),
        hollow=(
            "operation",
            {"job": "the workers exist already", "job_with_start": "the workers are started and ended with the job"},
        ),
        words={"io": "I/O"},
        terms={"I/O": "each task opens a connection to a server on loopback that answers after 2 ms."},
    ),
    source="concurrent.futures, asyncio",
    article="introduction and conclusion: threads or processes, compute-bound or I/O-bound",
    shape=sensible,
    needs=interpreters_unsupported,
    requires="io: a loopback interface",
    unsupported="interpreters: before Python 3.14",
    contrasts=(
        Contrast("work", baseline={"executor": ("serial",)}, operations=("job",)),
        Contrast(where={"work": ("pure_python", "hashing", "io")}, questions=("model",)),
    ),
    estimate_s=1.2,
    profiles={
        "smoke": {
            "work": ["pure_python", "io"],
            "workers": ["N", 8],
            "only": (
                "pure_python-serial-1 pure_python-threads-{N} pure_python-processes-{N} io-threads-8 "
                "io-processes-8 io-asyncio-8 io-interpreters-8"
            ),
        },
        "quick": {
            "workers": ["N", 8],
            "only": (
                "pure_python-serial-1 pure_python-threads-{N} pure_python-processes-{N} io-threads-8 "
                "io-processes-8 io-asyncio-8 io-interpreters-8"
            ),
        },
        "standard": {"workers": ["N", 8], "only": "*-serial-1 pure_python-*-{N} hashing-*-{N} io-*-8"},
    },
)
def compare(case: Case) -> None:
    """``job``: the same tasks by running workers; ``job_with_start``: including the workers' start and end.

    There are at least 16 tasks per worker. Each task of ``io`` opens a connection to a server process on loopback,
    which answers after 2 ms; ``workers`` is the number of tasks that wait at once. Tasks are handed over one by one
    (chunks of one). CPU time covers all processes, including the server; ``memory`` is the PSS of this process and its
    workers, without the server.
    """
    context = case.context()
    if case["executor"] != "processes":
        case.describe(start_method=None)
    job = job_of(case)
    case.describe(tasks=job.tasks, chunksize=1)
    with contextlib.ExitStack() as stack:
        server = None
        if case["work"] == "io":
            server = stack.enter_context(WaitingServer(context, DELAY_NS))
            task: Callable[[int], int] = functools.partial(fetch, server.port)
            check_delay(case, task)
            expected = job.seeds
        else:
            task, expected = job.task(WORKS[case["work"]]), job.results(WORKS[case["work"]])
        workers = functools.partial(WORKERS.get(case["executor"], pool_job), case, context, task, job.seeds)
        with workers() as run:
            measure_verified(case, run, expected)
            pids = meters.process_tree() - ({server.pid} if server else set())
            sizes = meters.pss_sizes(pids)
            if sizes:
                case.record("memory", "pss", sum(sizes))
        if case["executor"] != "serial":
            case.measure("job_with_start", timed(functools.partial(start_and_run, workers)))


def job_of(case: Case) -> Job:
    """The job of this case's kind of work, the same for each number of workers."""
    cpus = len(case.cpus)
    if case["work"] == "io":
        return Job(proportional(DELAY_NS, (CONCURRENCY, min(cpus, MOST_AT_ONCE)), cpus).tasks)
    return proportional(TASK_NS[case["work"]], (CONCURRENCY, cpus), cpus)


def check_delay(case: Case, work: Callable[[int], int]) -> None:
    """Verify that the server gives the right answer, and not before its delay."""
    began = time.perf_counter_ns()
    case.verify(work(PROBE) == PROBE, "the server gave a wrong answer")
    case.verify(time.perf_counter_ns() - began >= DELAY_NS, "the server answered before its delay")


def start_and_run(workers: Any) -> None:
    """Run the job with new workers."""
    with workers(known=True) as run:
        run()


@contextlib.contextmanager
def serial_job(case: Case, context: BaseContext, task: Callable[[int], int], seeds: List[int]) -> Iterator[Run]:  # noqa: ARG001
    """The job as a loop over the tasks in this process."""
    yield lambda: [task(seed) for seed in seeds]


@contextlib.contextmanager
def event_loop_job(
    case: Case,
    context: BaseContext,  # noqa: ARG001 - the jobs share their parameters
    task: Callable[[int], int],
    seeds: List[int],
    known: bool = False,  # noqa: ARG001
) -> Iterator[Run]:
    """The job as coroutines on one event loop; compute-bound ones never yield, so they run one after the other."""
    import asyncio

    async def all_tasks() -> List[int]:
        gate = asyncio.Semaphore(case["workers"])

        async def one(seed: int) -> int:
            async with gate:
                if case["work"] == "io":
                    return await fetch_async(task.args[0], seed)  # type: ignore[attr-defined]
                return task(seed)

        return list(await asyncio.gather(*map(one, seeds)))

    loop = asyncio.new_event_loop()
    try:
        yield lambda: loop.run_until_complete(all_tasks())
    finally:
        loop.close()


@contextlib.contextmanager
def pool_job(
    case: Case, context: BaseContext, task: Callable[[int], int], seeds: List[int], known: bool = False
) -> Iterator[Run]:
    """The job in an executor of ``concurrent.futures``, whose workers are verified unless they are ``known``."""
    with new_executor(case["executor"], case["workers"], context) as pool:
        if not known:
            verify_pool(case, pool, case["workers"])
        yield lambda: list(pool.map(task, seeds))


WORKERS: Dict[str, Any] = {"serial": serial_job, "asyncio": event_loop_job}


def new_executor(executor: str, workers: int, context: BaseContext) -> Any:
    """A new executor of this kind with so many workers."""
    import concurrent.futures

    if executor == "threads":
        return concurrent.futures.ThreadPoolExecutor(workers)
    if executor == "processes":
        return concurrent.futures.ProcessPoolExecutor(workers, mp_context=context)
    return interpreter_executor(workers)
