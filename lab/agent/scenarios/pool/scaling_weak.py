"""A job that grows with the workers, so that each worker's share stays the same (weak scaling)."""

from __future__ import annotations

from lab.agent.scenario import LADDER, Contrast, View, scenario
from lab.agent.scenarios.pool.scaling import measure_job, sensible
from lab.agent.toolkit.work import WORKS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lab.agent.case import Case

TASKS_PER_WORKER = 16


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
        measure="Time of a job of 16 tasks per worker: ideally flat up to as many workers as CPUs.",
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
    estimate_s=0.4,
    profiles={
        "smoke": {"only": "pure_python-processes-fork-{N}"},
        "quick": {"only": "pure_python-processes-fork-{N}"},
        "standard": {"start_method": ["fork"], "only": "*-serial-1 *-processes-fork-{N} *-independent-{N}"},
        "full": {"quota": {"start_method": ["fork"], "work": ["pure_python"]}},
    },
)
def scaling_weak(case: Case) -> None:
    """``job``: 16 tasks per worker. With N CPUs and no overhead, N workers would take as long as one."""
    measure_job(case, TASKS_PER_WORKER * case["workers"])
