"""Start and join of one process that does nothing, by each start method."""

from __future__ import annotations

import multiprocessing

from lab.agent import placement
from lab.agent.bare import Bare
from lab.agent.case import Case, Unsupported
from lab.agent.scenario import scenario

METHODS = ("fork", "forkserver", "spawn", "default")


@scenario(
    family="process",
    question="What does starting a process cost, by start method?",
    axes={"start_method": METHODS, "placement": ("same_cpu", "free")},
    view="process_start",
    source="multiprocessing.Process",
    article="1 Process, start, join, getpid, getppid",
    estimate_s=0.5,
)
def start(case: Case) -> None:
    """``start``: until Process.start() has returned; ``start_join``: until join() has; ``first_start_join``: the first.

    The main program imports nothing of the lab, and neither do its children.
    """
    method = case["start_method"]
    if method != "default" and method not in multiprocessing.get_all_start_methods():
        raise Unsupported("the start method %s does not exist on this system" % method)
    placement.pin(case.sides()[0])
    with Bare("process_start", start_method=method) as main:
        case.record_time("first_start_join", main.call("first"))
        answer = main.call("child")
        child = answer["child"]
        case.verify(child["pid"] == answer["pid"], "the child's getpid() is not the pid that start() gave")
        case.verify(answer["exitcode"] == 0, "the child ended with code %s" % answer["exitcode"])
        case.verify(not child["lab"], "the child has imported a module of the lab")
        used = multiprocessing.get_all_start_methods()[0] if method == "default" else method
        case.verify_workers([child], parent=None if used == "forkserver" else answer["parent"])
        case.record("child_modules", "count", child["modules"])
        case.measure("start_join", main.batch)
