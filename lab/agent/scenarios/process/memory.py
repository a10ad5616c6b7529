"""Memory of idle worker processes: private pages (USS), and with the share of shared pages (PSS)."""

from __future__ import annotations

from lab.agent.measuring import meters
from lab.agent.scenario import TWICE_N, Contrast, N, View, scenario
from lab.agent.scenarios.process.start import TIERS
from lab.agent.toolkit.bare import Bare
from lab.agent.toolkit.pool_workers import interpreters_unsupported, only_processes_start

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lab.agent.case import Case


@scenario(
    family="process",
    question="How much memory does a worker take, by start method?",
    axes={
        "start_method": ("fork", "forkserver", "spawn"),
        "workers": (1, N, TWICE_N),
        "imports": ("none", "heavy"),
        "executor": ("processes", "interpreters"),
    },
    view=View(
        measure="Memory of a process that was started and is idle, read from outside.",
        unit="per worker",
        metrics=("pss", "uss"),
        operations=("worker_memory",),
        names=("executor", "start_method", "imports"),
        facets=("workers",),
        hollow=(
            "metric",
            {"pss": "PSS: its own pages and its share of shared ones", "uss": "USS: memory that its end would free"},
        ),
        scale="linear",
        words={"processes": "", "none": "", "heavy": "heavy imports"},
        note="A forked worker shares with its parent until one of them writes; a spawned one has loaded everything "
        "itself. An interpreter is in the process of its parent: the process's growth is divided by the interpreters.",
        place=30,
    ),
    source="/proc/PID/smaps_rollup",
    article="conclusion: processes cost resources",
    shape=only_processes_start,
    natural=lambda axis, _values: {"imports": "none", "executor": "processes"}.get(axis),
    needs=lambda values: interpreters_unsupported(values) or meters.memory_unsupported(values),
    unsupported="interpreters: before Python 3.14",
    contrasts=(Contrast("workers", "imports", questions=("start", "model")),),
    estimate_s=0.25,
    profiles={
        "smoke": {"start_method": ["fork", "forkserver", "spawn"], "workers": ["N"]},
        "quick": {"executor": ["processes"], "start_method": ["fork", "spawn"], "workers": ["N"]},
        "standard": {"workers": ["N"]},
    },
)
def memory(case: Case) -> None:
    """``worker_memory`` of each worker and ``parent_memory`` as PSS and USS; ``all_processes``: the sum of all PSS.

    PSS divides a shared page among its users, so that the sum is the memory in use; USS is the memory that the end of
    one worker would free. ``all_processes`` includes the fork server and the resource tracker.
    """
    if case.values.get("executor") == "interpreters":
        memory_of_interpreters(case)
        return
    case.context()
    method, workers = case["start_method"], case["workers"]
    imports = TIERS[case.values.get("imports", "none")]
    with Bare("idle_workers", imports, start_method=method, workers=workers) as main:
        started = main.call("start")
        count = len({worker["pid"] for worker in started})
        case.verify(count == workers, "%d processes were started instead of %d" % (count, workers))
        case.verify(not any(worker["lab"] for worker in started), "a worker has imported a module of the lab")
        case.verify_workers(started, parent=None if method == "forkserver" else main.pid)
        for index, worker in enumerate(started):
            sizes = case.record_memory_of("worker_memory", worker["pid"], index=index)
            case.verify(0 < sizes.get("uss", 0) <= sizes.get("pss", 0), "a worker has no private memory")
        case.record_memory_of("parent_memory", main.pid)
        everything = meters.pss_sizes(meters.process_tree(main.pid))
        case.record("all_processes", "pss", sum(everything))
        case.verify(set(main.call("stop")) == {0}, "a worker ended with an error")


def memory_of_interpreters(case: Case) -> None:
    """Record by how much the process grows with each idle interpreter, whose thread has run one task."""
    workers = case["workers"]
    with Bare("interpreters", TIERS[case.values.get("imports", "none")], workers=workers) as main:
        main.call("ready")  # the program has been loaded
        before = meters.memory_of(main.pid)
        found = main.call("start")
        case.verify(len(set(found["interpreters"])) == workers, "not every worker took a task")
        case.verify(not found["lab"], "a worker has imported a module of the lab")
        after = meters.memory_of(main.pid)
        for metric, size in after.items():
            case.verify(size > before[metric], "the interpreters take no memory")
            case.record("worker_memory", metric, (size - before[metric]) / workers)
            case.record("parent_memory", metric, before[metric])
        case.record("all_processes", "pss", after["pss"])
        main.call("stop")
