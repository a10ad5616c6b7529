"""One job of fixed size, divided among more and more workers (strong scaling)."""

from __future__ import annotations

from multiprocessing.pool import ThreadPool

from lab.agent.case import Case
from lab.agent.measuring import placement
from lab.agent.measuring.batches import timed
from lab.agent.scenario import LADDER, SHORT_LADDER, TWICE_N, Contrast, N, View, scenario
from lab.agent.toolkit.pool_workers import verify_pool
from lab.agent.toolkit.teams import Team
from lab.agent.toolkit.work import WORKS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, List, Optional, Tuple

TASKS = 32
EXECUTORS = ("serial", "threads", "processes", "independent")


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


def run_share(loops: int, index: int, work: Callable[[int], int], size: int, tasks: int) -> None:
    """Share of one of ``size`` members in ``loops`` jobs: every ``size``-th task, without a pool."""
    for _ in range(loops):
        for task in range(index, tasks, size):
            work(task)


def share_results(work: Callable[[int], int], index: int, size: int, tasks: int) -> List[Tuple[int, int]]:
    """Pairs of task and result of a member's share, for the check before the first batch."""
    return [(task, work(task)) for task in range(index, tasks, size)]


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
    source="multiprocessing.Pool.map",
    article="2 process pool; multi-core speed-up",
    shape=sensible,
    natural=lambda axis, values: "fork" if axis == "start_method" and values["executor"] == "independent" else None,
    contrasts=(
        Contrast("work", baseline={"executor": ("serial",)}, operations=("job",), law=True),
        # Under a quota pool.defaults answers, for each sample there takes a second.
        Contrast(where={"work": ("pure_python",), "cpu_mode": ("cpuset", "affinity", "none")}, questions=("workers",)),
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
    estimate_s=0.4,
    profiles={
        "smoke": {
            "work": ["pure_python", "memory", "waiting"],
            "workers": [SHORT_LADDER],
            "only": (
                "pure_python-serial-1 pure_python-threads-{N} pure_python-processes-* pure_python-independent-{N} "
                "memory-processes-fork-{N} waiting-processes-fork-{N}"
            ),
            "quota": {"workers": [1, N], "only": "pure_python-serial-1 pure_python-processes-*"},
        },
        "quick": {
            "workers": [SHORT_LADDER],
            "only": (
                "pure_python-serial-1 pure_python-threads-{N} pure_python-threads-{2N} pure_python-processes-* "
                "pure_python-independent-1 pure_python-independent-{N} hashing-serial-1 hashing-threads-{N} "
                "hashing-processes-fork-{N} hashing-independent-{N}"
            ),
            "quota": {"only": "pure_python-serial-1 pure_python-processes-fork-{N} pure_python-processes-fork-{2N}"},
            "repeat": {"only": "pure_python-serial-1 pure_python-threads-{N} pure_python-processes-*"},
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
    """``job``: 32 tasks of 0.2 to 1 ms each. Independent processes share them without a pool, each bound to a CPU."""
    measure_job(case, TASKS)


def measure_job(case: Case, count: int) -> None:
    """Compare the results of a job of ``count`` tasks by the case's executor with a serial run, then time it."""
    work = WORKS[case["work"]]
    executor, workers = case["executor"], case["workers"]
    tasks = list(range(count))
    expected = [work(task) for task in tasks]
    chunk = -(-count // (4 * workers))
    case.describe(tasks=count)
    if executor == "serial":
        case.measure("job", timed(lambda: [work(task) for task in tasks]))
    elif executor == "independent":
        # Each member is bound to a CPU. Otherwise the system may run two of them on one CPU during a whole batch, and
        # the batch would show the scheduler's placement instead of the CPUs' capacity.
        with Team(case.context(), workers, run_share, (work, workers, count), placement.allowed_cpus()) as team:
            case.verify_workers(team.observe(), parent=case.parent_of_workers())
            shares = [team.ask(index, share_results, work, index, workers, count) for index in range(workers)]
            together = {task: result for share in shares for task, result in share}
            case.verify(
                [together.get(task) for task in tasks] == expected, "the members' shares do not add up to the whole job"
            )
            case.measure("job", team.batch)
            case.record_memory(team.pids())
    elif executor == "threads":
        with ThreadPool(workers) as threads:
            case.describe(chunksize=chunk)
            found = threads.map(work, tasks, chunk)
            case.verify(found == expected, "the threads' results differ from those of a serial run")
            case.measure("job", timed(lambda: threads.map(work, tasks, chunk)))
    else:
        measure_in_processes(case, work, expected, chunk)


def measure_in_processes(case: Case, work: Callable[[int], int], expected: List[int], chunk: int) -> None:
    """Verify and time the job in a Pool whose workers have all started before the first batch."""
    tasks = list(range(len(expected)))
    context = case.context()
    with context.Pool(case["workers"]) as pool:
        case.describe(chunksize=chunk)
        found = pool.map(work, tasks, chunk)
        case.verify(found == expected, "the workers' results differ from those of a serial run")
        seen = verify_pool(case, pool, case["workers"])
        case.measure("job", timed(lambda: pool.map(work, tasks, chunk)))
        case.record_memory({worker["pid"] for worker in seen})
        pool.close()
        pool.join()
