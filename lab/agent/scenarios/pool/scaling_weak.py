"""A job that grows with the workers, so that each worker's share stays the same (weak scaling)."""

from __future__ import annotations

import math

from lab.agent.scenario import LADDER, Contrast, View, scenario
from lab.agent.scenarios.pool.scaling import measure_job, sensible
from lab.agent.toolkit.jobs import CHUNKS, LEAST_TASKS, LONGEST_NS, WORKER_NS, Job
from lab.agent.toolkit.work import TASK_NS, WORKS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lab.agent.case import Case


@scenario(
    family="pool",
    question="Does a job that grows with its workers take as long as one worker's share?",
    axes={
        "work": tuple(WORKS),
        "executor": ("serial", "threads", "processes", "independent"),
        "start_method": ("fork", "forkserver", "spawn"),
        "workers": (LADDER,),
    },
    view=View(
        "lines",
        measure="Time of a job with the same tasks per worker: ideally flat up to as many workers as CPUs.",
        unit="per job",
        operations=("job",),
        x="workers",
        names=("executor", "start_method"),
        facets=("work",),
        words={"independent": "independent processes"},
        place=13,
    ),
    source="multiprocessing.Pool.map",
    article="2 process pool; multi-core speed-up",
    shape=sensible,
    natural=lambda axis, values: "fork" if axis == "start_method" and values["executor"] == "independent" else None,
    contrasts=(Contrast("work", baseline={"executor": ("serial",)}, operations=("job",)),),
    estimate_s=0.6,
    profiles={
        "smoke": {"only": "pure_python-processes-fork-{N}"},
        "quick": {"only": "pure_python-processes-fork-{N}"},
        "standard": {"start_method": ["fork"], "only": "*-serial-1 *-processes-fork-{N} *-independent-{N}"},
        "full": {"quota": {"start_method": ["fork"], "work": ["pure_python"]}},
    },
)
def scaling_weak(case: Case) -> None:
    """``job``: about 20 ms of tasks per worker. With N CPUs and no overhead, N workers would take as long as one."""
    job = Job(tasks_per_worker(TASK_NS[case["work"]], 2 * len(case.cpus)) * case["workers"])
    measure_job(case, job)


def tasks_per_worker(task_ns: int, largest: int) -> int:
    """Tasks per worker, in four chunks: 20 ms of work, but less where the largest job would take one process long."""
    wanted_ns = min(WORKER_NS, LONGEST_NS / largest)
    return max(LEAST_TASKS, math.ceil(wanted_ns / task_ns / CHUNKS) * CHUNKS)
