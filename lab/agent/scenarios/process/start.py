"""Start and join of one process that does nothing, by each start method."""

from __future__ import annotations

import multiprocessing
import os
import tempfile

from lab.agent.case import Case, Unsupported
from lab.agent.measuring import placement
from lab.agent.scenario import View, scenario
from lab.agent.toolkit.bare import Bare

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Optional

METHODS = ("fork", "forkserver", "spawn", "default")
TIERS = {
    "none": (),
    "light": ("argparse", "json", "re", "logging"),
    "heavy": (
        "asyncio", "concurrent.futures", "decimal", "email.message", "http.client", "http.server", "logging.config",
        "statistics", "unittest.mock", "urllib.request", "xml.etree.ElementTree", "zipfile",
    ),
}  # fmt: skip
NATURAL = {"imports": "none", "bytecode": "compiled"}


def sensible(values: Dict[str, Any]) -> Optional[Dict[str, Any]]:
    """A forked child imports nothing, so that cached bytecode makes no difference to it."""
    if values["bytecode"] == "shipped" and values["start_method"] not in ("spawn", "forkserver"):
        return None
    return values


@scenario(
    family="process",
    question="What does starting a process cost, by start method?",
    axes={
        "start_method": METHODS,
        "placement": ("same_cpu", "free"),
        "imports": tuple(TIERS),
        "bytecode": ("compiled", "shipped"),
    },
    view=View(
        measure="Time from start() until join() has returned, of a process that does nothing.",
        unit="per process",
        operations=("start_join", "first_start_join"),
        names=("start_method", "imports", "bytecode"),
        facets=("placement",),
        hollow=(
            "operation",
            {
                "start_join": "start() and join(), repeated",
                "first_start_join": "the first of its parent (forkserver starts its server then)",
            },
        ),
        words={
            "none": "",
            "light": "light imports",
            "heavy": "heavy imports",
            "compiled": "",
            "shipped": "no .pyc",
        },
        terms={"no .pyc": "each child compiles what it imports, as in official slim images with a read-only root."},
        place=10,
    ),
    source="multiprocessing.Process",
    article="1 Process, start, join, getpid, getppid",
    shape=sensible,
    natural=lambda axis, _values: NATURAL.get(axis),
    estimate_s=0.8,
    profiles={
        "smoke": {
            "start_method": ["fork", "forkserver", "spawn", "default"],
            "placement": ["same_cpu"],
            "bytecode": ["compiled", "shipped"],
            "only": "*-same_cpu spawn-same_cpu-shipped",
        },
        "quick": {
            "start_method": ["fork", "forkserver", "spawn"],
            "placement": ["same_cpu"],
            "only": "*-same_cpu",
            "repeat": {"start_method": ["fork", "spawn"]},
        },
        "standard": {
            "start_method": ["fork", "forkserver", "spawn", "default"],
            "placement": ["same_cpu"],
            "only": "*-same_cpu spawn-same_cpu-light spawn-same_cpu-heavy *-same_cpu-shipped",
        },
        "full": {
            "only": (
                "*-same_cpu *-free *-same_cpu-light *-same_cpu-heavy *-same_cpu-shipped spawn-same_cpu-heavy-shipped"
            )
        },
    },
)
def start(case: Case) -> None:
    """``start``: until Process.start() has returned; ``join``: from then until join() has; ``start_join``: both.

    ``first_start_join`` is the first of its parent: forkserver starts its server then. ``first_instruction``, a pass of
    its own and only of plain starts: from before start() to the first instruction of the child's target, by one clock
    for both processes.
    The main program imports nothing of the lab, and neither do its children; ``imports`` are the import lines that the
    main program of a small or a large application has.

    ``shipped`` stands for an image as most are shipped: official slim images and packed ones carry no ``.pyc``, and a
    read-only root never gains any, so that each child compiles what it imports. Here the children are told to look for
    cached bytecode in an empty folder (``-X pycache_prefix``) and to write none (``-B``).
    """
    method = case["start_method"]
    if method != "default" and method not in multiprocessing.get_all_start_methods():
        raise Unsupported("the start method %s does not exist on this system" % method)
    shipped = case.values.get("bytecode") == "shipped"
    prefix = os.path.join(tempfile.gettempdir(), "no-bytecode") if shipped else ""
    placement.pin(case.sides()[0])
    tier = TIERS[case.values.get("imports", "none")]
    with Bare("process_start", tier, start_method=method, pycache_prefix=prefix) as main:
        verify_child(case, main, shipped=shipped)
    # Another program is measured: what a child needs to say who it is would make this one larger and its fork dearer.
    with Bare("process_start", tier, start_method=method, pycache_prefix=prefix) as main:
        case.record_time("first_start_join", main.call("first"))
        record_modules(case, main)
        # In 10 ms there may be one start: without a run-in it would be the first since the counters were read.
        case.measure("start_join", main.batch, run_in=1)
        if all(case.values.get(axis, usual) == usual for axis, usual in NATURAL.items()):
            case.measure("first_instruction", main.batch_of("first_instruction"))


def verify_child(case: Case, main: Bare, *, shipped: bool = False) -> None:
    """The child is who start() and getppid() say, ended well, knows nothing of the lab, and has the bytecode asked."""
    answer = main.call("child")
    child = answer["child"]
    case.verify(child["pid"] == answer["pid"], "the child's getpid() is not the pid that start() gave")
    case.verify(answer["exitcode"] == 0, "the child ended with code %s" % answer["exitcode"])
    case.verify(not child["lab"], "the child has imported a module of the lab")
    if shipped:
        case.verify(bool(child["uncached"]), "the child found cached bytecode where there should be none")
        child["uncached"] = []
    method = case["start_method"]
    used = multiprocessing.get_all_start_methods()[0] if method == "default" else method
    case.verify_workers([child], parent=None if used == "forkserver" else answer["parent"])


def record_modules(case: Case, main: Bare) -> None:
    """How many modules a child of this program has loaded."""
    path = os.path.join(tempfile.gettempdir(), "modules")
    case.record("child_modules", "count", main.call("child_modules", path))
