"""Start and join of a process by the size of its parent: fork copies the parent's page tables, spawn does not."""

from __future__ import annotations

import os

from lab.agent.facts import cgroup
from lab.agent.measuring import placement
from lab.agent.scenario import View, scenario
from lab.agent.scenarios.process.start import record_modules, verify_child
from lab.agent.toolkit.bare import Bare

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Optional

    from lab.agent.case import Case

MIB = 1024 * 1024
PARENT_BYTES = (50 * MIB, 200 * MIB, 500 * MIB, 1000 * MIB, 2000 * MIB)
ROOM_BYTES = 256 * MIB  # the interpreters, page tables and what the kernel keeps free


def on_one_cpu(values: Dict[str, Any]) -> Optional[Dict[str, Any]]:
    """Parent and child on one CPU, so that no CPU has to be woken."""
    return values if values["placement"] == "same_cpu" else None


def why_too_large(values: Dict[str, Any]) -> Optional[str]:
    """Why a parent of this size cannot be had on this target, or None."""
    return too_large(values["parent_bytes"], cgroup.memory_limit(), available_bytes())


def too_large(parent_bytes: int, limit: Optional[int], available: Optional[int]) -> Optional[str]:
    """The same for a known memory limit and available memory in bytes (None: unknown)."""
    for size, words in ((limit, "this target's memory limit of %d MiB"), (available, "the %d MiB available here")):
        if size is not None and parent_bytes + ROOM_BYTES > size:
            return "a parent of %d MiB does not fit %s" % (parent_bytes // MIB, words % (size // MIB))
    return None


def available_bytes(root: str = cgroup.ROOT) -> Optional[int]:
    """Memory that can be had without swapping, or None where ``/proc/meminfo`` does not tell."""
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
    needs=why_too_large,
    estimate_s=0.8,
    profiles={
        "quick": {"parent_bytes": [524_288_000]},
        "standard": {"parent_bytes": [52_428_800, 524_288_000, 1_048_576_000], "only": "fork-* *-524288000"},
    },
)
def start_by_parent_size(case: Case) -> None:
    """The parent holds ``parent_bytes`` in blocks of 1 MiB, as large as the arenas of Python's own allocator.

    Each page was written once. Where the kernel backs such memory by huge pages unasked, forking it costs less.
    """
    case.context()
    placement.pin(case.sides()[0])
    with Bare("process_start", start_method=case["start_method"], parent_bytes=case["parent_bytes"]) as main:
        if os.path.exists(cgroup.PROC + "self/statm"):
            resident = main.call("resident_bytes")
            case.verify(resident >= case["parent_bytes"], "the parent has only %d bytes in memory" % resident)
        verify_child(case, main)
        record_modules(case, main)
        case.measure("start_join", main.batch, run_in=1)  # see process.start
