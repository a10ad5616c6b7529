"""One job of fixed size, divided among more and more workers (strong scaling)."""

from __future__ import annotations

from lab.agent.case import Case
from lab.agent.measuring.batches import timed
from lab.agent.scenario import LADDER, SHORT_LADDER, TWICE_N, Contrast, N, View, scenario, worker_ladder
from lab.agent.toolkit.jobs import SEEDS, Job, measure_verified, proportional
from lab.agent.toolkit.pool_workers import interpreters_unsupported, new_pool, verify_pool
from lab.agent.toolkit.teams import Team
from lab.agent.toolkit.work import TASK_NS, WORKS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, List, Optional

CHECKED = 3  # tasks of each independent process
EXECUTORS = ("serial", "threads", "processes", "interpreters", "independent")


def sensible(values: Dict[str, Any]) -> Optional[Dict[str, Any]]:
    """The case of these values, or None: serial work has one worker, and only processes have a start method.

    Independent processes measure the capacity of the CPUs, and are always forked.
    """
    executor = values["executor"]
    if executor == "serial" and values["workers"] != 1:
        return None
    if executor == "independent":
        values = {**values, "start_method": "fork"}
    return values if executor in ("processes", "independent") else {**values, "start_method": None}


def run_share(loops: int, index: int, work: Callable[..., int], job: Job, size: int) -> None:
    """Share of one of ``size`` members in ``loops`` jobs, without a pool: as many steps of work as any other's."""
    task = job.task(work)
    tasks, part = job.share(index, size)
    for _ in range(loops):
        for number in tasks:
            task(number % SEEDS)
        if part:
            work(index, size=part)


def first_results(index: int, work: Callable[..., int], job: Job, size: int) -> List[int]:
    """Results of a member's first tasks and of its shorter one, for the check before the first batch."""
    tasks, part = job.share(index, size)
    return [*map(job.task(work), [number % SEEDS for number in tasks[:CHECKED]]), work(index, size=part)]


@scenario(
    family="pool",
    question="How much faster does a fixed job get with more workers?",
    axes={
        "work": tuple(WORKS),
        "executor": EXECUTORS,
        "start_method": ("fork", "forkserver", "spawn"),
        "workers": (LADDER,),
    },
    view=(
        "pool_scaling",
        "pool_efficiency",
        "pool_heat_map",
        View(
            "lines",
            name="quota_cost",
            title="What does a CPU quota cost a pool?",
            measure="Time of one job of fixed size: wall (on the clock), CPU (computed by all processes), throttled "
            "(waited for the quota's next period).",
            unit="per job",
            metrics=("wall_time", "cpu_time", "throttled_time"),
            operations=("job",),
            where={"cpu_mode": ("quota",), "executor": ("threads", "processes")},
            x="workers",
            names=("metric",),
            facets=("work", "executor", "start_method"),
            words={"cpu_time": "CPU time"},
            scale="linear",
            note="Throttled time is the cgroup's sum over its CPUs: with several workers it can exceed the wall time.",
            place=14,
        ),
    ),
    source="multiprocessing.Pool.map, concurrent.futures.InterpreterPoolExecutor",
    article="2 process pool; multi-core speed-up",
    shape=sensible,
    natural=lambda axis, values: "fork" if axis == "start_method" and values["executor"] == "independent" else None,
    needs=interpreters_unsupported,
    unsupported="interpreters: before Python 3.14",
    contrasts=(
        Contrast("work", baseline={"executor": ("serial",)}, operations=("job",), law=True),
        # Under a quota pool.defaults answers, for each sample there takes a second.
        # Nor does a single CPU say how many workers several of them carry.
        Contrast(
            where={"work": ("pure_python",), "cpu_mode": ("cpuset", "affinity", "none"), "least_cpus": (2,)},
            questions=("workers",),
        ),
        Contrast(
            where={
                "work": ("pure_python",),
                "executor": ("serial", "threads", "processes", "interpreters"),
                "cpu_mode": ("cpuset", "affinity", "none"),
                "least_cpus": (2,),
            },
            questions=("model",),
        ),
        Contrast(
            where={
                "work": ("pure_python",),
                "executor": ("serial", "threads", "processes"),
                "workers": (1, N),
                "cpu_mode": ("cpuset", "affinity", "none"),
            },
            questions=("versions",),
        ),
    ),
    estimate_s=0.9,
    profiles={
        "smoke": {
            "work": ["pure_python", "memory", "waiting"],
            "workers": [SHORT_LADDER],
            "only": (
                "pure_python-serial-1 pure_python-threads-{N} pure_python-processes-* pure_python-independent-{N} "
                "pure_python-interpreters-{N} memory-processes-fork-{N} waiting-processes-fork-{N}"
            ),
            "quota": {"workers": [1, N], "only": "pure_python-serial-1 pure_python-processes-*"},
        },
        "quick": {
            "workers": [SHORT_LADDER],
            "only": (
                "pure_python-serial-1 pure_python-threads-{N} pure_python-processes-* "
                "pure_python-independent-{N} hashing-serial-1 hashing-threads-{N} "
                "hashing-processes-fork-{N} hashing-independent-{N}"
            ),
            "quota": {"only": "pure_python-serial-1 pure_python-processes-fork-{N}"},
            "repeat": {
                "only": (
                    "pure_python-serial-1 pure_python-threads-{N} pure_python-processes-fork-{N} "
                    "pure_python-processes-fork-{2N}"
                )
            },
        },
        "standard": {
            "workers": [LADDER],
            "start_method": ["fork", "spawn"],
            "only": (
                "pure_python-* hashing-* *-serial-1 *-threads-{N} *-independent-{N} memory-processes-fork-* "
                "waiting-processes-fork-*"
            ),
            "quota": {
                "start_method": ["fork"],
                "workers": [1, N, TWICE_N],
                "work": ["pure_python", "hashing"],
                "only": "*-serial-1 *-processes-* *-threads-{N}",
            },
        },
        "full": {"quota": {"work": ["pure_python", "hashing"]}},
    },
)
def scaling(case: Case) -> None:
    """``job``: the same tasks of 0.2 to 1 ms for every number of workers, in proportion to the largest.

    Independent processes share the job's steps without a pool, each bound to a core as far as there are any.
    """
    cpus = len(case.cpus)
    measure_job(case, proportional(TASK_NS[case["work"]], worker_ladder(cpus), cpus))


def measure_job(case: Case, job: Job) -> None:
    """Time a job by the case's executor, whose results must be those of a serial run."""
    work = WORKS[case["work"]]
    executor, workers = case["executor"], case["workers"]
    task, seeds = job.task(work), job.seeds
    case.describe(tasks=job.tasks)
    if executor == "serial":
        case.measure("job", timed(lambda: [task(seed) for seed in seeds]))
    elif executor == "independent":
        # Each member is bound to a CPU. Otherwise the system may run two of them on one CPU during a whole batch, and
        # the batch would show the scheduler's placement instead of the CPUs' capacity.
        with Team(case.context(), workers, run_share, (work, job, workers), case.team_cpus(workers)) as team:
            case.verify_workers(team.observe(), parent=case.parent_of_workers())
            for index in range(workers):
                found = team.ask(index, first_results, index, work, job, workers)
                correct = found == first_results(index, work, job, workers)
                case.verify(correct, "a member's results differ from those of a serial run")
            case.measure("job", team.batch)
            case.record_memory(team.pids())
    else:
        expected, chunk = job.results(work), job.chunk(workers)
        case.describe(chunksize=chunk)
        with new_pool(case) as pool:
            seen = verify_pool(case, pool, workers)
            measure_verified(case, lambda: pool.map(task, seeds, chunk), expected)
            if executor == "processes":
                case.record_memory({worker["pid"] for worker in seen})
            pool.close()
            pool.join()
