"""Applies a function to all items by one choice of executor, as the user would write it, and takes the time.

Each worker's initializer, which also runs the user's, appends one line with the time to a file: so the host knows when
the last worker was ready, at the price of one short write for each worker.
"""

from __future__ import annotations

import importlib
import os
import threading
import time

from lab.agent import interpreter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, List, Optional, Tuple

    from lab.agent.own.code import Code

Function = "Callable[[Any], Any]"


class Pass:
    """The results of one pass, and its times in ns: ``map_ns`` from the start of the pool, ``end_ns`` for its end."""

    def __init__(self, results: List[Any], map_ns: int, end_ns: int, start_ns: int, workers: int) -> None:
        self.results = results
        self.map_ns = map_ns
        self.end_ns = end_ns
        self.start_ns = start_ns
        self.workers = workers


def ready(note: str, init: Optional[Callable[[], Any]]) -> None:
    """The initializer of a worker: the user's own, then one line in the file ``note``."""
    if init is not None:
        init()
    line = b"%d %d\n" % (os.getpid(), time.monotonic_ns())
    file = os.open(note, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    try:
        os.write(file, line)
    finally:
        os.close(file)


class Spanned:
    """The function with the time and the place of each call instead of its result."""

    def __init__(self, function: Callable[[Any], Any]) -> None:
        self.function = function

    def __call__(self, item: Any) -> Tuple[str, int, int]:
        """Worker, begin and end (monotonic ns)."""
        began_ns = time.monotonic_ns()
        self.function(item)
        ended_ns = time.monotonic_ns()
        return "%d-%d" % (os.getpid(), threading.get_ident()), began_ns, ended_ns


def run(
    values: Dict[str, Any],
    code: Code,
    function: Callable[[Any], Any],
    items: List[Any],
    *,
    note: str,
    look: Callable[[], None],
) -> Pass:
    """Run one pass. ``look`` is called when all results are there and the workers still live; it is not timed.

    Raises:
        Exception: whatever the function or the executor raises.
    """
    import gc

    made = MAKERS[values["executor"]](values, (ready, (note, code.init)))
    gc.collect()
    began_ns = time.perf_counter_ns()
    began_monotonic_ns = time.monotonic_ns()
    if values["executor"] == "serial" and code.init is not None:
        code.init()
    pool, mapped = made()
    try:
        results = mapped(function, items)
        map_ns = time.perf_counter_ns() - began_ns
        look()
    finally:
        again_ns = time.perf_counter_ns()
        if pool is not None:
            pool.__exit__(None, None, None)
        end_ns = time.perf_counter_ns() - again_ns
    ready_ns = ready_times(note)
    start_ns = sum(ready_ns) // len(ready_ns) - began_monotonic_ns if ready_ns else 0  # the first ones work already
    return Pass(results, map_ns, end_ns, max(0, start_ns), len(ready_ns))


def ready_times(note: str) -> List[int]:
    """The times at which workers were ready (monotonic ns)."""
    try:
        with open(note, "rb") as file:
            return [int(line.split()[1]) for line in file]
    except FileNotFoundError:
        return []


Start = "Callable[[], Tuple[Any, Callable[[Function, List[Any]], List[Any]]]]"


def _serial(_values: Dict[str, Any], _begin: Tuple[Any, Any]) -> Any:
    return lambda: (None, lambda function, items: [function(item) for item in items])


def _pool(values: Dict[str, Any], begin: Tuple[Any, Any]) -> Any:
    import multiprocessing

    context = multiprocessing.get_context(values["start_method"] or None)
    size, chunksize = values["workers"] or None, values["chunksize"] or None

    def start() -> Any:
        pool = context.Pool(size, *begin)
        return pool, lambda function, items: pool.map(function, items, chunksize)

    return start


def _futures(executor: Any, values: Dict[str, Any], begin: Tuple[Any, Any], **more: Any) -> Any:
    chunksize = {"chunksize": values["chunksize"]} if values["chunksize"] else {}
    size = {"max_workers": values["workers"]} if values["workers"] else {}

    def start() -> Any:
        pool = executor(initializer=begin[0], initargs=begin[1], **size, **more)
        return pool, lambda function, items: list(pool.map(function, items, **chunksize))

    return start


def _threads(values: Dict[str, Any], begin: Tuple[Any, Any]) -> Any:
    from concurrent.futures import ThreadPoolExecutor

    return _futures(ThreadPoolExecutor, values, begin)


def _processes(values: Dict[str, Any], begin: Tuple[Any, Any]) -> Any:
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor

    method = values["start_method"]
    more = {"mp_context": multiprocessing.get_context(method)} if method else {}
    return _futures(ProcessPoolExecutor, values, begin, **more)


def _interpreters(values: Dict[str, Any], begin: Tuple[Any, Any]) -> Any:
    from concurrent import futures

    return _futures(futures.InterpreterPoolExecutor, values, begin)  # type: ignore[attr-defined,unused-ignore]  # new in Python 3.14


def _loky(values: Dict[str, Any], begin: Tuple[Any, Any]) -> Any:
    loky = importlib.import_module("loky")  # of the user's environment

    return _futures(loky.ProcessPoolExecutor, values, begin)


def _joblib(values: Dict[str, Any], begin: Tuple[Any, Any]) -> Any:
    from lab.agent.own.code import Fault

    if begin[1][1] is not None:
        raise Fault("joblib runs no initializer in its workers, so --init cannot be used with it")
    joblib = importlib.import_module("joblib")  # of the user's environment

    batch = {"batch_size": values["chunksize"]} if values["chunksize"] else {}

    def start() -> Any:
        parallel = joblib.Parallel(n_jobs=values["workers"], **batch)
        return None, lambda function, items: parallel(joblib.delayed(function)(item) for item in items)

    return start


MAKERS = {
    "serial": _serial,
    "threads": _threads,
    "pool": _pool,
    "process_pool_executor": _processes,
    "interpreter_pool_executor": _interpreters,
    "loky": _loky,
    "joblib": _joblib,
}


def unavailable() -> Dict[str, str]:
    """Executor, or ``pool/START_METHOD`` -> why this interpreter lacks it."""
    import importlib.util
    import multiprocessing
    import sys

    found = {}
    for name in ("loky", "joblib"):
        if importlib.util.find_spec(name) is None:
            found[name] = "%s is not installed for %s" % (name, interpreter.path())
    if sys.version_info < (3, 14):
        found["interpreter_pool_executor"] = "InterpreterPoolExecutor is new in Python 3.14"
    for method in ("fork", "forkserver", "spawn"):
        if method not in multiprocessing.get_all_start_methods():
            found["pool/" + method] = "the start method %s does not exist on this system" % method
    return found
