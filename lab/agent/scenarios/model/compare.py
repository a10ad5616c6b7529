"""One job by each model of concurrency: serial, threads, processes, asyncio, interpreters."""

from __future__ import annotations

import contextlib
import functools
import importlib
import os
import sys
import threading
import time

from lab.agent.case import Case, observe
from lab.agent.measuring import meters
from lab.agent.measuring.batches import timed
from lab.agent.scenario import N, View, scenario
from lab.agent.toolkit.waiting_server import WaitingServer, fetch, fetch_async
from lab.agent.toolkit.work import WORKS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from multiprocessing.context import BaseContext
    from typing import Any, Callable, Dict, Iterator, List, Optional

    Job = Callable[[], List[int]]

TASKS = 16
DELAY_NS = 2_000_000
HOLD_S = 0.005
CONCURRENCY = 8  # for I/O, whatever the number of CPUs
EXECUTORS = ("serial", "threads", "processes", "asyncio", "interpreters")
INTERPRETERS_SINCE = (3, 14)


def sensible(values: Dict[str, Any]) -> Optional[Dict[str, Any]]:
    """Serial work has one worker."""
    return {**values, "workers": 1} if values["executor"] == "serial" else values


def too_old(values: Dict[str, Any]) -> Optional[str]:
    """InterpreterPoolExecutor is an addition of Python 3.14."""
    if values["executor"] == "interpreters" and sys.version_info[:2] < INTERPRETERS_SINCE:
        version = "%d.%d" % sys.version_info[:2]
        return "InterpreterPoolExecutor came with Python 3.14, this is %s" % version
    return None


@scenario(
    family="model",
    question="Threads, processes, interpreters or asyncio: for compute-bound and for I/O-bound work?",
    axes={"work": (*WORKS, "io"), "executor": EXECUTORS, "workers": (N, CONCURRENCY)},
    view=View(
        measure="Time of one job of 16 tasks, by kind of work and model.",
        unit="per job",
        operations=("job", "job_with_start"),
        names=("executor", "workers"),
        facets=("work",),
        hollow=(
            "operation",
            {"job": "the workers exist already", "job_with_start": "the workers are started and ended with the job"},
        ),
        words={"io": "I/O"},
        terms={"I/O": "each task is a connection of its own to a server on loopback that answers after 2 ms."},
    ),
    source="concurrent.futures, asyncio",
    article="introduction and conclusion: threads or processes, compute-bound or I/O-bound",
    shape=sensible,
    needs=too_old,
    requires="io: a loopback interface",
    unsupported="interpreters: before Python 3.14",
    estimate_s=0.7,
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
    """``job``: 16 tasks, the workers being there; ``job_with_start``: the same with starting and ending the workers.

    ``io``: each task is a connection of its own to a server on loopback, in a process of its own, which answers after
    2 ms; ``workers`` is how many wait at once. Tasks are handed over one by one (chunks of one). CPU time is of all
    processes, the server's included; ``memory`` is the PSS of this process and its workers, without the server.
    """
    context = case.context()
    if case["executor"] != "processes":
        case.describe(start_method=None)
    case.describe(tasks=TASKS, chunksize=1)
    with contextlib.ExitStack() as around:
        server = None
        if case["work"] == "io":
            server = around.enter_context(WaitingServer(context, DELAY_NS))
            work: Callable[[int], int] = functools.partial(fetch, server.port)
            check_delay(case, work)
        else:
            work = WORKS[case["work"]]
        expected = list(range(TASKS)) if server else [work(task) for task in range(TASKS)]
        workers = WORKERS.get(case["executor"], in_a_pool)
        with workers(case, context, work) as job:
            case.verify(job() == expected, "the results differ from the serial ones")
            case.measure("job", timed(job))
            pids = meters.process_tree() - ({server.pid} if server else set())
            sizes = meters.peak_pss(pids)
            if sizes:
                case.record("memory", "pss", sum(sizes))
        if case["executor"] != "serial":
            case.measure("job_with_start", timed(functools.partial(start_and_run, workers, case, context, work)))


def check_delay(case: Case, work: Callable[[int], int]) -> None:
    """The server answers what it was asked, and not before its delay."""
    began = time.perf_counter_ns()
    case.verify(work(TASKS) == TASKS, "the server did not answer what it was asked")
    case.verify(time.perf_counter_ns() - began >= DELAY_NS, "the server answered before its delay")


def start_and_run(workers: Any, case: Case, context: BaseContext, work: Callable[[int], int]) -> None:
    """The job with workers of its own."""
    with workers(case, context, work, known=True) as job:
        job()


@contextlib.contextmanager
def in_line(case: Case, context: BaseContext, work: Callable[[int], int]) -> Iterator[Job]:  # noqa: ARG001
    """One task after the other."""
    yield lambda: [work(task) for task in range(TASKS)]


@contextlib.contextmanager
def on_a_loop(
    case: Case,
    context: BaseContext,  # noqa: ARG001 - as the others
    work: Callable[[int], int],
    known: bool = False,  # noqa: ARG001
) -> Iterator[Job]:
    """Coroutines on one event loop. A compute-bound one gives nothing up, so that they run one after the other."""
    import asyncio

    async def all_tasks() -> List[int]:
        gate = asyncio.Semaphore(case["workers"])

        async def one(task: int) -> int:
            async with gate:
                if isinstance(work, functools.partial):
                    return await fetch_async(work.args[0], task)
                return work(task)

        return list(await asyncio.gather(*(one(task) for task in range(TASKS))))

    loop = asyncio.new_event_loop()
    try:
        yield lambda: loop.run_until_complete(all_tasks())
    finally:
        loop.close()


@contextlib.contextmanager
def in_a_pool(case: Case, context: BaseContext, work: Callable[[int], int], known: bool = False) -> Iterator[Job]:
    """An executor of ``concurrent.futures``; unless its kind is ``known``, its workers are asked what they are."""
    with pool_of(case["executor"], case["workers"], context) as pool:
        if not known:
            check_workers(case, list(pool.map(introduce, range(2 * case["workers"]))))
        yield lambda: list(pool.map(work, range(TASKS)))


WORKERS: Dict[str, Any] = {"serial": in_line, "asyncio": on_a_loop}


def pool_of(executor: str, workers: int, context: BaseContext) -> Any:
    """The executor of this kind."""
    import concurrent.futures

    if executor == "threads":
        return concurrent.futures.ThreadPoolExecutor(workers)
    if executor == "processes":
        return concurrent.futures.ProcessPoolExecutor(workers, mp_context=context)
    kind: Any = concurrent.futures.InterpreterPoolExecutor  # type: ignore[attr-defined]
    # An interpreter finds the lab's modules as the first one does, whose path begins with the staged folder.
    return kind(workers, initializer=exec, initargs=("import sys; sys.path[:] = %r" % (sys.path,), {}))


def introduce(_task: int) -> Dict[str, Any]:
    """What a worker is; it holds on for 5 ms, so that the next task goes to another one."""
    time.sleep(HOLD_S)
    return {**observe(), "thread": threading.get_ident(), "interpreter": interpreter()}


def interpreter() -> int:
    """The number of the interpreter that this runs in; 0 is the first."""
    if sys.version_info[:2] < INTERPRETERS_SINCE:
        return 0
    found: int = importlib.import_module("concurrent.interpreters").get_current().id
    return found


def check_workers(case: Case, seen: List[Dict[str, Any]]) -> None:
    """Each kind of worker is what it is called."""
    mine, executor = os.getpid(), case["executor"]
    if executor == "processes":
        case.verify_workers(seen, parent=case.parent_of_workers())
        return
    case.verify({worker["pid"] for worker in seen} == {mine}, "a worker is another process")
    case.verify(threading.get_ident() not in {worker["thread"] for worker in seen}, "a worker is the main thread")
    separate = [worker["interpreter"] != interpreter() for worker in seen]
    case.verify(all(separate) == (executor == "interpreters"), "the workers' interpreters are %s" % separate)
