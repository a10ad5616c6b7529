"""Wait until all workers of a pool have started, and verify them, before anything is timed.

A pool hands a task to the worker that asks first. The first worker could answer all questions while the others still
start, and then the first batches would include their start.
"""

from __future__ import annotations

import time

from lab.agent.case import observe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List

    from lab.agent.case import Case

HOLD_S = 0.005
READY_S = 30.0  # a spawned worker may need 200 ms until its first task, and seconds on a slow machine


def verify_pool(case: Case, pool: Any, workers: int) -> List[Dict[str, Any]]:
    """Wait for and verify all workers of a Pool or a ProcessPoolExecutor; return their own descriptions."""
    seen = all_workers(pool, workers)
    case.verify(len(seen) == workers, "only %d of %d workers took a task" % (len(seen), workers))
    case.verify_workers(seen, parent=case.parent_of_workers())
    return seen


def all_workers(pool: Any, workers: int) -> List[Dict[str, Any]]:
    """Descriptions of the workers, one per worker; fewer if some do not start within ``READY_S``."""
    seen: Dict[int, Dict[str, Any]] = {}
    limit = time.monotonic() + READY_S
    while len(seen) < workers and time.monotonic() < limit:
        seen.update((worker["pid"], worker) for worker in ask(pool, workers))
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
    return observe()
