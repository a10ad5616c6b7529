"""``+= 1`` on one shared Value or Array element by several processes, with and without its lock."""

from __future__ import annotations

import time

from lab.agent.scenario import TWICE_N, Contrast, View, scenario
from lab.agent.toolkit.teams import Team

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Tuple

    from lab.agent.case import Case

INCREMENTS = 20_000

spent: Dict[str, int] = {}  # in a writer: CPU time and context switches of its last share


def account_for(loops: int, increment: Any, cell: Any) -> None:
    """Run the increments, and keep their CPU time and context switches in this process."""
    switches, cpu_ns = switches_so_far(), time.process_time_ns()
    increment(loops, cell)
    spent.update(cpu_ns=time.process_time_ns() - cpu_ns, switches=switches_so_far() - switches)


def switches_so_far() -> int:
    """Voluntary and involuntary context switches of this process; 0 if the system does not report them."""
    try:
        import resource
    except ImportError:
        return 0
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_nvcsw + used.ru_nivcsw


def spent_last(*args: Any) -> Tuple[int, int]:  # noqa: ARG001 - called with the share's arguments
    """CPU time (ns) and context switches of this writer's last share."""
    return spent["cpu_ns"], spent["switches"]


def unlocked_value(loops: int, cell: Any) -> None:
    """Increment a Value without its lock: another process may write between reading and writing."""
    for _ in range(loops):
        cell.value += 1


def locked_value(loops: int, cell: Any) -> None:
    """Increment a Value under its own lock."""
    lock = cell.get_lock()
    for _ in range(loops):
        with lock:
            cell.value += 1


def unlocked_item(loops: int, cell: Any) -> None:
    """Increment an Array's first element without the lock."""
    for _ in range(loops):
        cell[0] += 1


def locked_item(loops: int, cell: Any) -> None:
    """Increment an Array's first element under its own lock."""
    lock = cell.get_lock()
    for _ in range(loops):
        with lock:
            cell[0] += 1


SHARES = {
    ("value", "no_lock"): unlocked_value,
    ("value", "get_lock"): locked_value,
    ("array", "no_lock"): unlocked_item,
    ("array", "get_lock"): locked_item,
}


def share(loops: int, index: int, cell: Any, increment: Any) -> None:  # noqa: ARG001 - every share has this shape
    """A writer's share of a batch: ``loops`` increments."""
    account_for(loops, increment, cell)


@scenario(
    family="state",
    question="How many of N processes' increments of one Value or Array element are lost?",
    axes={"container": ("value", "array"), "locking": ("no_lock", "get_lock"), "workers": (2, TWICE_N)},
    view=View(
        name="lost_updates",
        measure="Share of all writers' increments that are lost, with and without the container's own lock.",
        unit="of increments lost",
        metrics=("count",),
        operations=("lost",),
        names=("container", "locking", "workers"),
        scale="linear",
        share_of="tasks",
        words={"no_lock": "without its lock", "get_lock": "get_lock()"},
        note="On one CPU a process is seldom interrupted between reading and writing: no loss there proves nothing.",
        place=30,
    ),
    source="multiprocessing.Value, multiprocessing.Array",
    article="data sharing, 1: Value and Array are process-safe",
    natural=lambda axis, values: "value" if axis == "container" else None,  # noqa: ARG005
    contrasts=(Contrast("container", "workers", questions=("state",)),),
    estimate_s=0.35,
    profiles={
        "smoke": {"workers": [2], "only": "no_lock-2 get_lock-2 array-no_lock-2"},
        "quick": {"workers": [2], "only": "no_lock-2 get_lock-2 array-no_lock-2"},
        "standard": {"workers": [2, "2N"]},
    },
)
def lost_updates(case: Case) -> None:
    """``lost``: number of ``tasks`` increments that were lost; ``increment``: wall time over all writers' increments.

    Two counts describe the contention: ``writers_at_once`` is the writers' CPU time over the wall time (1.0: they ran
    one after the other; less: the machine was busy with other work), ``switches`` are their context switches during
    the batch. On one CPU a process is seldom interrupted between reading and writing, so no loss there proves nothing.
    """
    workers, locking = case["workers"], case["locking"]
    context = case.context()
    cell: Any = context.Array("q", 1) if case["container"] == "array" else context.Value("q", 0)
    case.describe(tasks=workers * INCREMENTS)
    with Team(context, workers, share, (cell, SHARES[case["container"], locking])) as team:
        case.verify_workers(team.observe(), parent=case.parent_of_workers())
        team.batch(1)
        case.verify(0 < get(cell) <= workers, "one increment per worker gave %d of %d" % (get(cell), workers))
        for index in range(3):
            put_zero(cell)
            elapsed_ns = team.batch(INCREMENTS)
            lost = workers * INCREMENTS - get(cell)
            case.verify(lost >= 0, "more increments arrived than were made")
            case.verify(locking == "no_lock" or lost == 0, "%d increments were lost under the lock" % lost)
            case.record("lost", "count", lost, index=index)
            case.record_time("increment", elapsed_ns, loops=workers * INCREMENTS, index=index)
            record_contention(case, team.ask_all(spent_last), elapsed_ns, index)


def record_contention(case: Case, shares: List[Tuple[int, int]], elapsed_ns: int, index: int) -> None:
    """Record the average number of writers that ran at once, and their context switches."""
    case.record("writers_at_once", "count", sum(cpu_ns for cpu_ns, _ in shares) / elapsed_ns, index=index)
    case.record("switches", "count", sum(switches for _, switches in shares), index=index)


def get(cell: Any) -> int:
    """The number in a Value or in the first element of an Array."""
    return int(cell.value if hasattr(cell, "value") else cell[0])


def put_zero(cell: Any) -> None:
    """Set a Value or the first element of an Array to 0."""
    if hasattr(cell, "value"):
        cell.value = 0
    else:
        cell[0] = 0
