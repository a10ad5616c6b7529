"""Memory of a forked child before and after it touches the objects that it shares with its parent."""

from __future__ import annotations

import multiprocessing

from lab.agent.measuring import meters
from lab.agent.scenario import Contrast, View, scenario
from lab.agent.toolkit.bare import Bare

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Optional

    from lab.agent.case import Case

ASSIGNMENTS = 100
OBJECT_BYTES = 88 + 8  # a list of one element with its allocator and collector overhead, and the reference to it
SHARED_BYTES = 50 * 1024 * 1024


def unsupported_reason(values: Dict[str, Any]) -> Optional[str]:
    """Reason why copy-on-write cannot be measured here, or None if it can."""
    if "fork" not in multiprocessing.get_all_start_methods():
        return "copy-on-write needs the start method fork, which this system does not have"
    return meters.memory_unsupported(values)


@scenario(
    family="process",
    question="How much of the memory shared with its parent does a forked child copy by merely reading it?",
    axes={"parent": ("plain", "frozen", "threaded"), "parent_bytes": (SHARED_BYTES,)},
    view=View(
        measure="Memory of a forked child of a parent of 50 MiB.",
        unit="per child",
        metrics=("pss", "uss"),
        operations=("untouched", "read", "collection"),
        names=("parent", "operation"),
        hollow=(
            "metric",
            {"pss": "PSS: its own pages and its share of shared ones", "uss": "USS: memory that its end would free"},
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
    needs=unsupported_reason,
    contrasts=(Contrast("parent_bytes"),),
    estimate_s=0.3,
    profiles={
        "smoke": {"parent": ["plain", "threaded"]},
        "quick": {"parent": ["plain"]},
    },
)
def copy_on_write(case: Case) -> None:
    """PSS and USS of a child ``untouched``, after it has ``read`` all objects, and of another after a ``collection``.

    The parent is plain, has called ``gc.freeze()``, or has four more threads. ``seen_by_parent``: number of 100
    assignments in the child that its parent sees. ``warnings``: number of Python's warnings about forking with threads.
    """
    case.describe(start_method="fork")
    parent = case["parent"]
    objects = case["parent_bytes"] // OBJECT_BYTES
    with Bare("copy_on_write", parent=parent, objects=objects) as main:
        expected = objects * (objects - 1) // 2
        pid = fork(case, main, first=True)
        before = case.record_memory_of("untouched", pid)
        case.verify(before["uss"] < case["parent_bytes"] // 2, "the child had its own copy before it touched anything")
        case.verify(main.call("order", "read") == expected, "the child did not read its parent's objects correctly")
        case.record_memory_of("read", pid)
        case.verify(main.call("order", "assign") == ASSIGNMENTS, "the child does not see its own assignments")
        case.record("seen_by_parent", "count", main.call("seen"))
        case.verify(main.call("join") == 0, "the child ended with an error")
        pid = fork(case, main)
        case.verify(main.call("order", "collect") == objects, "the child lost objects in the collection")
        case.record_memory_of("collection", pid)
        case.verify(main.call("join") == 0, "the child ended with an error")


def fork(case: Case, main: Bare, *, first: bool = False) -> int:
    """Fork and verify a child; return its process id. The warnings of the ``first`` fork are recorded."""
    forked = main.call("fork")
    child: Dict[str, Any] = main.call("order", "describe")
    case.verify(child["pid"] == forked["pid"], "the child's getpid() is not the pid that start() set")
    with_threads = forked["threads"] > 1
    complaint = "the parent should be %s, but has %d threads" % (case["parent"], forked["threads"])
    case.verify(with_threads == (case["parent"] == "threaded"), complaint)
    case.verify_workers([child], parent=main.pid)
    if first:
        case.record("warnings", "count", forked["warnings"])
    return int(forked["pid"])
