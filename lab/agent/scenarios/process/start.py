"""Start and join of one process that does no work, by start method."""

from __future__ import annotations

import multiprocessing
import os
import tempfile

from lab.agent.case import Case, Unsupported
from lab.agent.measuring import placement
from lab.agent.scenario import Contrast, View, scenario
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
    """The case of these values, or None: forked children import nothing, so cached bytecode does not affect them."""
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
                "first_start_join": "the parent's first (forkserver then starts its server)",
            },
        ),
        words={
            "none": "",
            "light": "light imports",
            "heavy": "heavy imports",
            "compiled": "",
            "shipped": "no .pyc",
        },
        terms={"no .pyc": "each child compiles its imports, as in official slim images with a read-only root."},
        place=10,
    ),
    source="multiprocessing.Process",
    article="1 Process, start, join, getpid, getppid",
    shape=sensible,
    natural=lambda axis, _values: NATURAL.get(axis),
    contrasts=(
        Contrast("placement", "imports", "bytecode", baseline={"start_method": ("fork",)}, operations=("start_join",)),
        Contrast(
            where={"placement": ("same_cpu",), "imports": ("none",), "bytecode": ("compiled",)},
            questions=("start", "versions"),
        ),
    ),
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
    """``start_join``: from before the start until the join has returned, divided into ``start`` and ``join``.

    ``first_start_join`` is the parent's first start, when forkserver starts its server. ``first_instruction`` is
    measured separately, and only with default imports and bytecode: from before start() to the first instruction of
    the child's target, by the clock that both processes share. Neither the main program nor its children import the
    lab. ``imports`` are the import lines of the main program of a small (light) or a large (heavy) application.

    ``shipped`` bytecode represents most images as they are shipped: official slim images and packed ones contain no
    ``.pyc``, and a read-only root never gains any, so each child compiles its imports. Here the children search for
    cached bytecode in an empty folder (``-X pycache_prefix``) and write none (``-B``).
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
    # A fresh program is measured: the imports for the check above would make this one larger and its fork slower.
    with Bare("process_start", tier, start_method=method, pycache_prefix=prefix) as main:
        case.record_time("first_start_join", main.call("first"))
        record_modules(case, main)
        # A batch of 10 ms may be a single start. Without a warm-up it would be the first after reading the counters.
        case.measure("start_join", main.batch, least_warm_up=1)
        if all(case.values.get(axis, usual) == usual for axis, usual in NATURAL.items()):
            case.measure("first_instruction", main.batch_of("first_instruction"))


def verify_child(case: Case, main: Bare, *, shipped: bool = False) -> None:
    """Verify a child's ids, its exit code, that it did not import the lab, and whether it found cached bytecode."""
    answer = main.call("child")
    child = answer["child"]
    case.verify(child["pid"] == answer["pid"], "the child's getpid() is not the pid that start() set")
    case.verify(answer["exitcode"] == 0, "the child ended with code %s" % answer["exitcode"])
    case.verify(not child["lab"], "the child has imported a module of the lab")
    if shipped:
        case.verify(bool(child["uncached"]), "the child found cached bytecode although it should find none")
        child["uncached"] = []
    method = case["start_method"]
    used = multiprocessing.get_all_start_methods()[0] if method == "default" else method
    case.verify_workers([child], parent=None if used == "forkserver" else answer["parent"])


def record_modules(case: Case, main: Bare) -> None:
    """Record the number of modules that a child of this program has loaded."""
    path = os.path.join(tempfile.gettempdir(), "modules")
    case.record("child_modules", "count", main.call("child_modules", path))
