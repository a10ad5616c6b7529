"""Locks, semaphores, events, conditions and barriers: uncontended, handed over between two sides, and contended."""

from __future__ import annotations

import threading

from lab.agent.measuring import placement
from lab.agent.scenario import TWICE_N, Contrast, N, View, scenario
from lab.agent.toolkit.shares import (
    HANDED_OVER,
    LOCKS,
    OPERATIONS,
    RING,
    idle,
    is_held_back,
    is_set,
    leave,
    set_it,
    take,
)
from lab.agent.toolkit.teams import Team, ThreadTeam

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, List, Optional, Tuple

    from lab.agent.case import Case

FACTORIES = {
    "lock": "Lock",
    "rlock": "RLock",
    "semaphore": "Semaphore",
    "bounded_semaphore": "BoundedSemaphore",
    "event": "Event",
    "condition": "Condition",
}


class Turn:
    """Index of the side whose turn it is, for threads; processes use a RawValue."""

    value = 0


def sensible(values: Dict[str, Any]) -> Optional[Dict[str, Any]]:
    """The case of these values, or None: one side if uncontended, two if handed over, several if contended."""
    if values["contention"] == "uncontended":
        return {**values, "workers": 1, "placement": "same_cpu"}
    if values["contention"] == "handed_over":
        return {**values, "workers": 2}
    return values if values["workers"] > 1 else None


def natural(axis: str, values: Dict[str, Any]) -> Any:
    """The default value of an axis: the number of sides if it is fixed, and the placement of a single side."""
    contention = values["contention"]
    if axis == "workers":
        return {"uncontended": 1, "handed_over": 2}.get(contention)
    return "same_cpu" if axis == "placement" and contention == "uncontended" else None


@scenario(
    family="sync",
    question="What does each synchronisation primitive cost, alone, handed over, contended, in processes and threads?",
    axes={
        "primitive": (*FACTORIES, "barrier"),
        "contention": ("uncontended", "handed_over", "contended"),
        "executor": ("processes", "threads"),
        "workers": (1, 2, N, TWICE_N),
        "placement": ("same_cpu", "cross_cpu", "free"),
    },
    view=View(
        measure="Time of one operation, all sides on one CPU.",
        where={"placement": ("same_cpu",), "workers": (1, 2)},
        names=("primitive",),
        facets=("contention",),
        hollow=(
            "executor",
            {"processes": "processes, multiprocessing", "threads": "threads of one process, threading"},
        ),
        note="Handed over: there and back between two sides. Contended: both sides use one primitive at once; the time "
        "until each has done one operation.",
        place=10,
    ),
    source="multiprocessing and threading: Lock, RLock, Semaphore, BoundedSemaphore, Event, Condition, Barrier",
    article="3 semaphore: keeping processes, and threads of one, in step",
    shape=sensible,
    natural=natural,
    contrasts=(
        Contrast("contention", "workers", "placement"),
        Contrast(where={"primitive": ("lock",), "placement": ("same_cpu",)}, questions=("state",)),
    ),
    estimate_s=0.1,
    profiles={
        "smoke": {
            "workers": [2],
            "only": ("*-handed_over-processes-same_cpu lock-uncontended-threads lock-contended-processes-2-same_cpu"),
        },
        "quick": {"workers": [2], "only": "lock-uncontended-processes lock-handed_over-*-same_cpu"},
        "standard": {
            "workers": ["N"],
            "only": (
                "*-uncontended-* *-handed_over-*-same_cpu lock-handed_over-*-cross_cpu "
                "lock-contended-*-{N}-cross_cpu barrier-contended-*-{N}-cross_cpu"
            ),
        },
    },
)
def primitives(case: Case) -> None:
    """Uncontended: one operation (acquire and release, set and is_set, notify, wait) of a single side.

    Contended: all sides use one primitive at once; the value is the time until each has done one operation. Handed
    over: there and back between two sides. Processes use multiprocessing's primitives, threads those of threading.
    """
    name, contention, workers = case["primitive"], case["contention"], case["workers"]
    # A system without affinity can still run the uncontended case: a single thread uses one CPU at a time.
    bound = contention != "uncontended" or placement.allowed_cpus() is not None
    mine, theirs = case.sides() if bound else (None, None)
    several = contention == "contended" and case["placement"] == "cross_cpu"
    cpus = (case.team_cpus(workers) or []) if several else [*(mine or []), *(theirs or [])]
    source: Any = case.context() if case["executor"] == "processes" else threading
    with team(case, 2, idle, (new_primitive(source, name, 2),), cpus) as two:
        check_effect(case, name, two)
    if contention == "uncontended":
        placement.pin(mine)
        run, primitive = OPERATIONS[name], new_primitive(source, name, 1)
        case.measure(run.__name__, local_batch(run, primitive))
        return
    if contention == "handed_over":
        operation, share, args = "there_and_back", HANDED_OVER[name], hand_over_args(source, name)
    else:
        share, args = OPERATIONS[name], (new_primitive(source, name, workers),)
        operation = share.__name__
    with team(case, workers, share, args, cpus) as members:
        if case["executor"] == "processes":
            case.verify_workers(members.observe(), parent=case.parent_of_workers())
        members.batch(3)  # returns only if no side waits for ever
        case.measure(operation, members.batch)


def team(case: Case, size: int, share: Callable[..., None], args: Tuple[Any, ...], cpus: List[int]) -> Any:
    """A team of threads or processes, whose members are bound to the ``cpus`` in turn (empty: unbound)."""
    if case["executor"] == "threads":
        return ThreadTeam(size, share, args, cpus)
    return Team(case.context(), size, share, args, cpus)


def new_primitive(source: Any, name: str, parties: int) -> Any:
    """A new primitive of this name from ``multiprocessing`` or ``threading``."""
    return source.Barrier(parties) if name == "barrier" else getattr(source, FACTORIES[name])()


def hand_over_args(source: Any, name: str) -> Tuple[Any, ...]:
    """Arguments of the share in which two sides hand over to each other; locks are acquired already."""
    if name == "barrier":
        return (source.Barrier(2),)
    if name == "condition":
        return source.Condition(), (Turn() if source is threading else source.RawValue("i", 0))
    pair = tuple(new_primitive(source, name, 2) for _ in range(RING if name == "rlock" else 2))
    if name in LOCKS and name != "rlock":
        for lock in pair:
            lock.acquire()
    return (source.Barrier(2), *pair) if name == "rlock" else pair


def local_batch(run: Callable[..., None], primitive: Any) -> Any:
    """A batch that runs in this process and thread."""
    import time

    def batch(loops: int) -> int:
        start = time.perf_counter_ns()
        run(loops, 0, primitive)
        return time.perf_counter_ns() - start

    return batch


def check_effect(case: Case, name: str, two: Any) -> None:
    """Verify that the primitive of one member blocks the other, or that the other sees its Event set."""
    if name == "event":
        seen = [two.ask(1, is_set), two.ask(0, set_it), two.ask(1, is_set)]
        case.verify(seen == [False, None, True], "one side does not see the Event that the other side has set")
    elif name == "barrier":
        case.verify(two.ask(0, is_held_back), "a Barrier of two parties let one pass alone")
    else:
        seen = [two.ask(0, take), two.ask(1, take), two.ask(0, leave), two.ask(1, take), two.ask(1, leave)]
        case.verify(seen == [True, False, None, True, None], "one side did not block the other: %s" % seen)
