"""Start and join of a process by the size of its parent: fork copies the parent's page tables, spawn does not."""

from __future__ import annotations

import os

from lab.agent.facts import cgroup
from lab.agent.measuring import placement
from lab.agent.scenario import Contrast, View, scenario
from lab.agent.scenarios.process.start import record_modules, verify_child
from lab.agent.toolkit.bare import Bare

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Optional

    from lab.agent.case import Case

MIB = 1024 * 1024
PARENT_BYTES = (50 * MIB, 200 * MIB, 500 * MIB, 1000 * MIB, 2000 * MIB)
ROOM_BYTES = 256 * MIB  # for the interpreters, the page tables and the kernel's reserve


def on_one_cpu(values: Dict[str, Any]) -> Optional[Dict[str, Any]]:
    """The case of these values, or None: only ``same_cpu`` is measured, so that no CPU has to be woken."""
    return values if values["placement"] == "same_cpu" else None


def unsupported_reason(values: Dict[str, Any]) -> Optional[str]:
    """Reason why a parent of this size does not fit into this target's memory, or None if it does."""
    return memory_shortage(values["parent_bytes"], cgroup.memory_limit(), available_bytes())


def memory_shortage(parent_bytes: int, limit: Optional[int], available: Optional[int]) -> Optional[str]:
    """Reason why a parent does not fit into the memory limit or the available memory, in bytes (None: unknown)."""
    for size, words in ((limit, "this target's memory limit of %d MiB"), (available, "the %d MiB available here")):
        if size is not None and parent_bytes + ROOM_BYTES > size:
            return "a parent of %d MiB does not fit into %s" % (parent_bytes // MIB, words % (size // MIB))
    return None


def available_bytes(root: str = cgroup.ROOT) -> Optional[int]:
    """Memory available without swapping, in bytes; None if ``/proc/meminfo`` does not report it."""
    try:
        with open(os.path.join(root, "proc/meminfo"), encoding="ascii") as file:
            for line in file:
                if line.startswith("MemAvailable:"):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass
    return None


@scenario(
    family="process",
    question="What does starting a process cost as its parent grows?",
    axes={
        "start_method": ("fork", "forkserver", "spawn"),
        "parent_bytes": PARENT_BYTES,
        "placement": ("same_cpu",),
    },
    view=View(
        "lines",
        measure="Time from start() until join() has returned, of a process that does nothing.",
        unit="per process",
        operations=("start_join",),
        x="parent_bytes",
        names=("start_method",),
        place=20,
    ),
    source="multiprocessing.Process",
    article="conclusion: processes cost resources",
    shape=on_one_cpu,
    natural=lambda axis, _values: "same_cpu" if axis == "placement" else None,
    needs=unsupported_reason,
    contrasts=(Contrast("parent_bytes", "placement", operations=("start_join",)),),
    estimate_s=0.8,
    profiles={
        "quick": {"parent_bytes": [524_288_000]},
        "standard": {"parent_bytes": [52_428_800, 524_288_000, 1_048_576_000], "only": "fork-* *-524288000"},
    },
)
def start_by_parent_size(case: Case) -> None:
    """``start_join``: until join() has returned, of a child of a parent that holds ``parent_bytes``.

    The memory consists of blocks of 1 MiB, the size of the arenas of Python's allocator, and each page was written
    once. If the kernel backs such memory with huge pages, forking costs less.
    """
    case.context()
    placement.pin(case.sides()[0])
    with Bare("process_start", start_method=case["start_method"], parent_bytes=case["parent_bytes"]) as main:
        if os.path.exists(cgroup.PROC + "self/statm"):
            resident = main.call("resident_bytes")
            case.verify(resident >= case["parent_bytes"], "the parent has only %d bytes in memory" % resident)
        verify_child(case, main)
        record_modules(case, main)
        case.measure("start_join", main.batch, least_warm_up=1)  # see process.start
