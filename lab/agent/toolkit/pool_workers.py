"""Pools of processes, threads or interpreters: all of a pool's workers are awaited and verified before timing starts.

A pool hands a task to the worker that asks first. The first worker could answer all questions while the others still
start, and then the first batches would include their start.
"""

from __future__ import annotations

import functools
import importlib
import os
import sys
import threading
import time

from lab.agent.case import observe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, List, Optional, Sequence

    from lab.agent.case import Case

HOLD_S = 0.005
READY_S = 30.0  # a spawned worker may need 200 ms until its first task, and seconds on a slow machine
INTERPRETERS_SINCE = (3, 14)


def interpreters_unsupported(values: Dict[str, Any]) -> Optional[str]:
    """Reason why this Python cannot run the executor of a case, or None if it can."""
    if values.get("executor") == "interpreters" and sys.version_info[:2] < INTERPRETERS_SINCE:
        version = "%d.%d" % sys.version_info[:2]
        return "InterpreterPoolExecutor needs Python 3.14 or newer, but this is Python %s" % version
    return None


def only_processes_start(values: Dict[str, Any]) -> Dict[str, Any]:
    """The case of these values: threads and interpreters have no start method."""
    return values if values["executor"] == "processes" else {**values, "start_method": None}


def new_pool(case: Case, *initial: Any) -> Any:
    """A new Pool of the case's executor and number of workers, with the same methods if they are interpreters.

    ``initial`` are the initializer of processes or threads and its arguments.
    """
    executor, workers = case.values.get("executor"), case["workers"]
    if executor == "interpreters":
        return InterpreterPool(workers)
    if executor == "threads":
        from multiprocessing.pool import ThreadPool

        return ThreadPool(workers, *initial)
    return case.context().Pool(workers, *initial)


class InterpreterPool:
    """An InterpreterPoolExecutor with the methods of a Pool that scenarios use.

    The executor hands over one task at a time and ignores ``chunksize``, so chunks are tasks here, as Pool makes them.
    """

    def __init__(self, workers: int) -> None:
        self._executor = interpreter_executor(workers)

    def __enter__(self) -> InterpreterPool:
        return self

    def __exit__(self, *_error: object) -> None:
        self.join()

    def map(self, task: Callable[[Any], Any], items: Sequence[Any], chunk: int) -> List[Any]:
        """Results of the tasks, in order; see ``Pool.map``."""
        if chunk == 1:
            return list(self._executor.map(task, items))
        chunks = [items[start : start + chunk] for start in range(0, len(items), chunk)]
        return [result for part in self._executor.map(functools.partial(run_chunk, task), chunks) for result in part]

    def submit(self, function: Callable[..., Any], *args: Any) -> Any:
        """See ``Executor.submit``."""
        return self._executor.submit(function, *args)

    def close(self) -> None:
        """Nothing: ``join`` ends the workers once they have done their tasks."""

    def join(self) -> None:
        """End all workers and wait for them."""
        self._executor.shutdown()


def run_chunk(task: Callable[[Any], Any], items: Sequence[Any]) -> List[Any]:
    """Results of one chunk of tasks."""
    return list(map(task, items))


def interpreter_executor(workers: int) -> Any:
    """A new InterpreterPoolExecutor, whose workers can import the lab.

    They get the main interpreter's path, which begins with the staged folder.
    """
    import concurrent.futures

    kind: Any = concurrent.futures.InterpreterPoolExecutor  # type: ignore[attr-defined]
    return kind(workers, initializer=exec, initargs=("import sys; sys.path[:] = %r" % (sys.path,), {}))


def verify_pool(case: Case, pool: Any, workers: int, executor: str = "") -> List[Dict[str, Any]]:
    """Wait for and verify all workers of a pool or an executor; return their own descriptions.

    They are of the kind ``executor``, by default that of the case; a case without one has processes.
    """
    executor = executor or case.values.get("executor") or "processes"
    seen = all_workers(pool, workers)
    case.verify(len(seen) == workers, "only %d of %d workers took a task" % (len(seen), workers))
    if executor == "processes":
        case.verify_workers(seen, parent=case.parent_of_workers())
        return seen
    mine = introduce()
    case.verify({worker["pid"] for worker in seen} == {os.getpid()}, "a worker is not in this process")
    case.verify(mine["thread"] not in {worker["thread"] for worker in seen}, "a worker is the main thread")
    case.verify(all(worker["gil"] == mine["gil"] for worker in seen), "a worker has another state of the GIL")
    interpreters = {worker["interpreter"] for worker in seen}
    expected = workers if executor == "interpreters" else 1
    case.verify(
        len(interpreters) == expected and (mine["interpreter"] in interpreters) == (executor == "threads"),
        "the workers are in the interpreters %s" % sorted(interpreters),
    )
    return seen


def all_workers(pool: Any, workers: int) -> List[Dict[str, Any]]:
    """Descriptions of the workers, one per worker; fewer if some do not start within ``READY_S``."""
    seen: Dict[Any, Dict[str, Any]] = {}
    limit = time.monotonic() + READY_S
    while len(seen) < workers and time.monotonic() < limit:
        seen.update(((worker["pid"], worker.get("thread")), worker) for worker in ask(pool, workers))
    return list(seen.values())


def ask(pool: Any, questions: int) -> List[Dict[str, Any]]:
    """Descriptions from so many tasks, each of the worker that took the task."""
    if hasattr(pool, "submit"):
        return [future.result() for future in [pool.submit(introduce) for _ in range(questions)]]
    found: List[Dict[str, Any]] = pool.starmap(introduce, [()] * questions, 1)
    return found


def introduce() -> Dict[str, Any]:
    """Describe the worker that runs this; it stays busy for 5 ms, so that the next task goes to another worker."""
    time.sleep(HOLD_S)
    return {**observe(), "thread": threading.get_ident(), "interpreter": interpreter()}


def interpreter() -> int:
    """Id of the interpreter that runs this; the main interpreter has 0."""
    if sys.version_info[:2] < INTERPRETERS_SINCE:
        return 0
    found: int = importlib.import_module("concurrent.interpreters").get_current().id
    return found
