"""The workers of a pool, all of them, before anything is timed.

A pool hands a task to whoever asks first: the first worker that is up can answer any number of questions while the
others still start, and then the first batches would measure their starting.
"""

from __future__ import annotations

import time

from lab.agent.case import observe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List

    from lab.agent.case import Case

HOLD_S = 0.005
READY_S = 30.0  # a spawned worker may need 200 ms until its first task, on a slow machine seconds


def verify_pool(case: Case, pool: Any, workers: int) -> List[Dict[str, Any]]:
    """What each of the workers of a Pool or a ProcessPoolExecutor says of itself, once all are up and are verified."""
    seen = all_workers(pool, workers)
    case.verify(len(seen) == workers, "of %d workers only %d took a task" % (workers, len(seen)))
    case.verify_workers(seen, parent=case.parent_of_workers())
    return seen


def all_workers(pool: Any, workers: int) -> List[Dict[str, Any]]:
    """What each worker says of itself; fewer where they do not come."""
    seen: Dict[int, Dict[str, Any]] = {}
    limit = time.monotonic() + READY_S
    while len(seen) < workers and time.monotonic() < limit:
        seen.update((worker["pid"], worker) for worker in ask(pool, workers))
    return list(seen.values())


def ask(pool: Any, questions: int) -> List[Dict[str, Any]]:
    """So many answers, each of whichever worker took the question."""
    if hasattr(pool, "submit"):
        return [future.result() for future in [pool.submit(introduce) for _ in range(questions)]]
    found: List[Dict[str, Any]] = pool.starmap(introduce, [()] * questions, 1)
    return found


def introduce() -> Dict[str, Any]:
    """Hold a worker for 5 ms, so that the next question goes to another one."""
    time.sleep(HOLD_S)
    return observe()
