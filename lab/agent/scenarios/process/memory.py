"""Memory of idle worker processes: private pages (USS), and with the share of shared pages (PSS)."""

from __future__ import annotations

from lab.agent.measuring import meters
from lab.agent.scenario import TWICE_N, Contrast, N, View, scenario
from lab.agent.scenarios.process.start import TIERS
from lab.agent.toolkit.bare import Bare

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lab.agent.case import Case


@scenario(
    family="process",
    question="How much memory does a worker process take, by start method?",
    axes={
        "start_method": ("fork", "forkserver", "spawn"),
        "workers": (1, N, TWICE_N),
        "imports": ("none", "heavy"),
    },
    view=View(
        measure="Memory of a process that was started and is idle, read from outside.",
        unit="per worker",
        metrics=("pss", "uss"),
        operations=("worker_memory",),
        names=("start_method", "imports"),
        facets=("workers",),
        hollow=(
            "metric",
            {"pss": "PSS: its own pages and its share of shared ones", "uss": "USS: memory that its end would free"},
        ),
        scale="linear",
        words={"none": "", "heavy": "heavy imports"},
        note="A forked worker shares with its parent until one of them writes; a spawned one has loaded everything "
        "itself.",
        place=30,
    ),
    source="/proc/PID/smaps_rollup",
    article="conclusion: processes cost resources",
    natural=lambda axis, _values: "none" if axis == "imports" else None,
    needs=meters.memory_unsupported,
    contrasts=(Contrast("workers", "imports", questions=("start",)),),
    estimate_s=0.25,
    profiles={
        "smoke": {"start_method": ["fork", "forkserver", "spawn"], "workers": ["N"]},
        "quick": {"start_method": ["fork", "spawn"], "workers": ["N"]},
        "standard": {"workers": ["N"]},
    },
)
def memory(case: Case) -> None:
    """``worker_memory`` of each worker and ``parent_memory`` as PSS and USS; ``all_processes``: the sum of all PSS.

    PSS divides a shared page among its users, so that the sum is the memory in use; USS is the memory that the end of
    one worker would free. ``all_processes`` includes the fork server and the resource tracker.
    """
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
