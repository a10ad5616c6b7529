"""One job of tasks of very different lengths, by the chunk size."""

from __future__ import annotations

import random

from lab.agent.measuring.batches import timed
from lab.agent.scenario import Contrast, N, View, scenario
from lab.agent.toolkit.pool_workers import verify_pool
from lab.agent.toolkit.work import spin

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import List

    from lab.agent.case import Case

TASKS = 64
MEAN_NS = 250_000
TAIL = 1.2  # Pareto's alpha, with which the longest of 64 tasks is a fifth of the whole work
ORDER = 5  # seed of the order of the tasks, which is the same for all cases and targets


def shares(lengths: str) -> List[float]:
    """Each task's share of the whole work, in the order of the tasks; the shares add up to 1."""
    if lengths == "even":
        return [1 / TASKS] * TASKS
    weights = [(1 - (index + 0.5) / TASKS) ** (-1 / TAIL) for index in range(TASKS)]
    random.Random(ORDER).shuffle(weights)  # noqa: S311 - the order must be the same everywhere
    return [weight / sum(weights) for weight in weights]


@scenario(
    family="pool",
    question="Which chunk size is best when the tasks' lengths differ a lot?",
    axes={"lengths": ("heavy_tail", "even"), "chunksize": (1, 2, 4, 8, 16, 32), "workers": (N,)},
    view=View(
        "lines",
        measure="Time of one job of 64 tasks, 16 ms in total; heavy tail: the longest is a fifth of it.",
        unit="per job",
        operations=("serial", "job"),
        x="chunksize",
        names=("operation",),
        facets=("lengths",),
        words={"serial": "without a pool", "job": "in a pool", "even": "tasks of equal length"},
        place=42,
    ),
    source="multiprocessing.Pool.map(chunksize=…)",
    article="2 map",
    contrasts=(Contrast("lengths", "workers", operations=("serial", "job")),),
    estimate_s=0.5,
    profiles={
        "smoke": {"only": "heavy_tail-1-{N}"},
        "quick": {"lengths": ["heavy_tail"], "chunksize": [1]},
        "standard": {"chunksize": [1, 4, 16], "workers": ["N"]},
        "full": {"quota": {"chunksize": [1, 8]}},
    },
)
def uneven(case: Case) -> None:
    """``job``: 64 tasks of 16 ms in all; ``serial``: the same job without a pool.

    The tasks have either the same length or lengths by Pareto's law, of which the longest is a fifth of the whole. The
    short tasks in the same chunk as the longest must wait for it.
    """
    whole = case.steps(TASKS * MEAN_NS)
    steps = [max(1, round(share * whole)) for share in shares(case["lengths"])]
    chunk = case["chunksize"]
    case.describe(tasks=TASKS)
    expected = [spin(count) for count in steps]
    with case.context().Pool(case["workers"]) as pool:
        verify_pool(case, pool, case["workers"])
        case.verify(pool.map(spin, steps, chunk) == expected, "the workers' results differ from those of a serial run")
        case.measure("job", timed(lambda: pool.map(spin, steps, chunk)))
        case.measure("serial", timed(lambda: [spin(count) for count in steps]))
        pool.close()
        pool.join()
