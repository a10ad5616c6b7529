"""Jobs in proportion to the workers that share them, so that a perfect machine comes out as perfect.

Of 32 tasks in chunks of two, the last chunk leaves 13 of 24 workers idle: a machine without any overhead would reach a
speed-up of 16. A job here has the same tasks for each number of workers that is measured on a target. They are at least
``LEAST_TASKS`` and about ``WORKER_NS`` of work per worker of the largest number, and share out evenly among every
number not above the CPUs, where a law of scaling is fitted, and among the others where that is possible.
"""

from __future__ import annotations

import functools
import math

from lab.agent.measuring.batches import timed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, List, Sequence, Tuple

    from lab.agent.case import Case

LEAST_TASKS = 16
MOST_TASKS = 200  # per worker; more would measure how tasks are handed over
WORKER_NS = 20_000_000
LONGEST_NS = 3_000_000_000  # in one process: a cell runs a job five times, and has a minute
SEEDS = 37  # different tasks of a job; no chunk size divides it, so chunks do not begin alike
CHUNKS = 4  # per worker, as Pool.map picks them
FEWEST_CHUNKS, MOST_CHUNKS = 2, 16


class Job:
    """A job of ``tasks`` equal tasks. Each has the length ``size``, as a share of the work's usual length."""

    def __init__(self, tasks: int, size: float = 1.0) -> None:
        self.tasks = tasks
        self.size = size

    @property
    def seeds(self) -> List[int]:
        """The tasks' arguments, which repeat, so that a few serial results verify a job of any length."""
        return [number % SEEDS for number in range(self.tasks)]

    def results(self, work: Callable[..., int]) -> List[int]:
        """Results of all tasks, from a serial run of those that differ."""
        once = list(map(self.task(work), range(SEEDS)))
        return [once[seed] for seed in self.seeds]

    def task(self, work: Callable[..., int]) -> Callable[[int], int]:
        """The function that runs one task, given its seed."""
        return work if self.size == 1 else functools.partial(work, size=self.size)

    def chunk(self, workers: int) -> int:
        """The chunk size that leaves workers idle for the shortest time; of several, that nearest to ``Pool.map``'s."""
        share = self.tasks / workers

        def cost(size: int) -> Tuple[int, float]:
            waves = math.ceil(math.ceil(self.tasks / size) / workers)
            return waves * size, abs(share / size - CHUNKS)

        return min(range(math.ceil(share / MOST_CHUNKS), math.ceil(share / FEWEST_CHUNKS) + 1), key=cost)

    def share(self, index: int, workers: int) -> Tuple[range, float]:
        """The share of one of the workers if all do the same: its tasks, and the size of a last, shorter one."""
        whole, rest = divmod(self.tasks, workers)
        return range(index * whole, (index + 1) * whole), self.size * rest / workers


def measure_verified(case: Case, run: Callable[[], List[int]], expected: List[int]) -> None:
    """Time a job as ``job``, after the results of its warm-up batch were compared with those of a serial run."""
    results: List[List[int]] = [[]]

    def once() -> None:
        results[0] = run()

    def check() -> None:
        case.verify(results[0] == expected, "the workers' results differ from those of a serial run")

    case.measure("job", timed(once), check=check)


def proportional(task_ns: int, counts: Sequence[int], cpus: int) -> Job:
    """The job for these numbers of workers on so many CPUs, of tasks that take about ``task_ns``.

    Workers beyond twice the CPUs, as a default size may start, get their number of tasks and no longer job.

    A job that would take one process longer than ``LONGEST_NS`` gets shorter tasks. Their length follows from their
    number alone, so jobs of the same work with as many tasks are the same job, on any target.
    """
    largest = max(counts)
    least = max(LEAST_TASKS * largest, math.ceil(WORKER_NS / task_ns) * min(largest, 2 * cpus))
    tasks = 0
    for alike in (counts, [count for count in counts if count <= cpus], ()):
        step = math.lcm(CHUNKS * largest, *alike)
        tasks = math.ceil(least / step) * step
        if tasks <= MOST_TASKS * largest:
            break
    return Job(tasks, min(1.0, LONGEST_NS / (tasks * task_ns)))
