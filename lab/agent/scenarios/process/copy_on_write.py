"""Memory of a forked child once it touches what it shares with its parent."""

from __future__ import annotations

import multiprocessing

from lab.agent.measuring import meters
from lab.agent.scenario import View, scenario
from lab.agent.toolkit.bare import Bare

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Optional

    from lab.agent.case import Case

ASSIGNMENTS = 100
OBJECT_BYTES = 88 + 8  # a list of one element as its allocator and the collector keep it, and the place that holds it
SHARED_BYTES = 50 * 1024 * 1024


def why_not(values: Dict[str, Any]) -> Optional[str]:
    """Why it cannot be seen here, or None."""
    if "fork" not in multiprocessing.get_all_start_methods():
        return "sharing memory until it is written needs fork, which this system does not have"
    return meters.why_no_memory(values)


@scenario(
    family="process",
    question="How much of what a forked child shares with its parent does it copy by merely reading it?",
    axes={"parent": ("plain", "frozen", "threaded"), "parent_bytes": (SHARED_BYTES,)},
    view=View(
        measure="Memory of a forked child of a parent of 50 MiB.",
        unit="per child",
        metrics=("pss", "uss"),
        operations=("untouched", "read", "collection"),
        names=("parent", "operation"),
        hollow=(
            "metric",
            {"pss": "PSS: its own pages and its share of shared ones", "uss": "USS: what its end would free"},
        ),
        scale="linear",
        words={
            "plain": "plain parent",
            "frozen": "after gc.freeze()",
            "threaded": "parent with threads",
            "untouched": "nothing touched",
            "read": "all objects read",
            "collection": "after a collection",
        },
        place=31,
    ),
    source="os.fork, gc.freeze",
    article="conclusion: processes share no variables, and cost resources",
    natural=lambda axis, _values: SHARED_BYTES if axis == "parent_bytes" else None,
    needs=why_not,
    estimate_s=0.6,
    profiles={
        "smoke": {"parent": ["plain", "threaded"]},
        "quick": {"parent": ["plain"]},
    },
)
def copy_on_write(case: Case) -> None:
    """PSS and USS of a child ``untouched``, after it has ``read`` all objects, and of another after a ``collection``.

    The parent is plain, has called ``gc.freeze()``, or has four more threads. ``seen_by_parent``: of 100 assignments
    in the child those that its parent sees. ``warnings``: how often Python warned of forking with threads.
    """
    case.describe(start_method="fork")
    parent = case["parent"]
    objects = case["parent_bytes"] // OBJECT_BYTES
    with Bare("copy_on_write", parent=parent, objects=objects) as main:
        expected = objects * (objects - 1) // 2
        pid = fork(case, main, first=True)
        before = case.record_memory_of("untouched", pid)
        case.verify(before["uss"] < case["parent_bytes"] // 2, "the child had its own copy before it touched anything")
        case.verify(main.call("order", "read") == expected, "the child read something else than its parent's objects")
        case.record_memory_of("read", pid)
        case.verify(main.call("order", "assign") == ASSIGNMENTS, "the child does not see its own assignments")
        case.record("seen_by_parent", "count", main.call("seen"))
        case.verify(main.call("join") == 0, "the child did not end well")
        pid = fork(case, main)
        case.verify(main.call("order", "collect") == objects, "the collection lost objects")
        case.record_memory_of("collection", pid)
        case.verify(main.call("join") == 0, "the child did not end well")


def fork(case: Case, main: Bare, *, first: bool = False) -> int:
    """Fork a child and look who it is; its process id."""
    forked = main.call("fork")
    told: List[Dict[str, Any]] = [main.call("order", "describe")]
    case.verify(told[0]["pid"] == forked["pid"], "the child's getpid() is not the pid that start() gave")
    case.verify((forked["threads"] > 1) == (case["parent"] == "threaded"), "the parent has not the threads asked for")
    case.verify_workers(told, parent=main.pid)
    if first:
        case.record("warnings", "count", forked["warnings"])
    return int(forked["pid"])
