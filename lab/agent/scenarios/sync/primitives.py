"""Locks, semaphores, events, conditions and barriers: alone, handed over between two, used by N at once."""

from __future__ import annotations

import threading
from itertools import repeat
from threading import BrokenBarrierError

from lab.agent import placement
from lab.agent.scenario import TWICE_N, N, scenario
from lab.agent.team import Team, ThreadTeam

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, List, Optional, Tuple

    from lab.agent.case import Case

LOCKS = ("lock", "rlock", "semaphore", "bounded_semaphore")
FACTORIES = {
    "lock": "Lock",
    "rlock": "RLock",
    "semaphore": "Semaphore",
    "bounded_semaphore": "BoundedSemaphore",
    "event": "Event",
    "condition": "Condition",
}
ALONE_S = 0.01
RING = 3  # locks of a ring in which two owners follow one another


class Turn:
    """Whose turn it is, for threads; processes have a RawValue for it."""

    value = 0


# --- one operation on one primitive, by one or by several -------------------------------------------------------------


def acquire_release(loops: int, index: int, lock: Any) -> None:  # noqa: ARG001 - every share has this shape
    """Take it and give it back."""
    for _ in repeat(None, loops):
        lock.acquire()
        lock.release()


def set_is_set(loops: int, index: int, event: Any) -> None:  # noqa: ARG001
    """Set an Event, and look."""
    for _ in repeat(None, loops):
        event.set()
        event.is_set()


def notify(loops: int, index: int, condition: Any) -> None:  # noqa: ARG001
    """Notify a Condition for which nobody waits, under its lock."""
    for _ in repeat(None, loops):
        with condition:
            condition.notify()


def wait(loops: int, index: int, barrier: Any) -> None:  # noqa: ARG001
    """Pass a Barrier together with all its parties."""
    for _ in repeat(None, loops):
        barrier.wait()


OPERATIONS = {**dict.fromkeys(LOCKS, acquire_release), "event": set_is_set, "condition": notify, "barrier": wait}


# --- there and back between two: each side waits for what the other gives ---------------------------------------------


def hand_over_lock(loops: int, index: int, first: Any, second: Any) -> None:
    """Each side releases what the other waits for: locks and semaphores that anybody may release."""
    mine, theirs = (first, second) if index == 0 else (second, first)
    for _ in repeat(None, loops):
        if index == 0:
            theirs.release()
            mine.acquire()
        else:
            mine.acquire()
            theirs.release()


def hand_over_ring(loops: int, index: int, both: Any, *locks: Any) -> None:
    """Only its owner may release an RLock: two owners follow one another through a ring of three.

    Each takes the next one and leaves its own, which lets the other go on; a step of both is there and back.
    """
    at = index  # where this side stands; it took that one before its first step
    locks[at].acquire()
    both.wait()  # else the first to start would run ahead of nobody
    for _ in repeat(None, loops):
        following = (at + 1) % RING
        locks[following].acquire()
        locks[at].release()
        at = following
    locks[at].release()


def hand_over_event(loops: int, index: int, first: Any, second: Any) -> None:
    """Each side sets the other's Event and waits for its own."""
    mine, theirs = (first, second) if index == 0 else (second, first)
    for _ in repeat(None, loops):
        if index == 0:
            theirs.set()
            mine.wait()
            mine.clear()
        else:
            mine.wait()
            mine.clear()
            theirs.set()


def hand_over_turn(loops: int, index: int, condition: Any, turn: Any) -> None:
    """Each side waits for its turn under one Condition, and gives it to the other."""
    for _ in repeat(None, loops):
        with condition:
            while turn.value != index:
                condition.wait()
            turn.value = 1 - index
            condition.notify()


HANDED_OVER: Dict[str, Callable[..., None]] = {
    **dict.fromkeys(LOCKS, hand_over_lock),
    "rlock": hand_over_ring,
    "event": hand_over_event,
    "condition": hand_over_turn,
    "barrier": wait,
}


# --- what it is that they do ------------------------------------------------------------------------------------------


def sensible(values: Dict[str, Any]) -> Optional[Dict[str, Any]]:
    """Alone there is one side on one CPU, handed over there are two; contention needs two at least."""
    if values["contention"] == "uncontended":
        return {**values, "workers": 1, "placement": "same_cpu"}
    if values["contention"] == "handed_over":
        return {**values, "workers": 2}
    return values if values["workers"] > 1 else None


def natural(axis: str, values: Dict[str, Any]) -> Any:
    """What goes without saying: the number of sides, and the CPU of a single one."""
    contention = values["contention"]
    if axis == "workers":
        return {"uncontended": 1, "handed_over": 2}.get(contention)
    return "same_cpu" if axis == "placement" and contention == "uncontended" else None


@scenario(
    family="sync",
    question="What does each synchronisation primitive cost: alone, handed over, contended; processes against threads?",
    axes={
        "primitive": (*FACTORIES, "barrier"),
        "contention": ("uncontended", "handed_over", "contended"),
        "executor": ("processes", "threads"),
        "workers": (1, 2, N, TWICE_N),
        "placement": ("same_cpu", "cross_cpu", "free"),
    },
    view="sync_primitives",
    source="multiprocessing and threading: Lock, RLock, Semaphore, BoundedSemaphore, Event, Condition, Barrier",
    article="3 semaphore: keeping processes, and threads of one, in step",
    shape=sensible,
    natural=natural,
    estimate_s=0.35,
)
def primitives(case: Case) -> None:
    """Uncontended and contended: one operation of each worker (acquire and release, set and look, notify, wait).

    Contended, all of them use one primitive at once, and the value is the time until each has done one. Handed over:
    there and back between two sides. Processes use multiprocessing's primitives, threads those of threading.
    """
    name, contention, workers = case["primitive"], case["contention"], case["workers"]
    mine, theirs = case.sides()
    several = contention == "contended" and case["placement"] == "cross_cpu"
    cpus = case.cpus if several else [*(mine or []), *(theirs or [])]
    source: Any = case.context() if case["executor"] == "processes" else threading
    with team(case, 2, nothing, (made(source, name, 2),), cpus) as two:
        check_effect(case, name, two)
    if contention == "uncontended":
        placement.pin(mine)
        run, primitive = OPERATIONS[name], made(source, name, 1)
        case.measure(run.__name__, in_this_one(run, primitive))
        return
    if contention == "handed_over":
        operation, share, args = "there_and_back", HANDED_OVER[name], handed(source, name)
    else:
        share, args = OPERATIONS[name], (made(source, name, workers),)
        operation = share.__name__
    with team(case, workers, share, args, cpus) as members:
        if case["executor"] == "processes":
            case.verify_workers(members.observe(), parent=None)
        members.batch(3)  # it comes back: each side got what it waited for
        case.measure(operation, members.batch)


def team(case: Case, size: int, share: Callable[..., None], args: Tuple[Any, ...], cpus: List[int]) -> Any:
    """Members that are bound to the two sides' CPUs in turn, or free."""
    if case["executor"] == "threads":
        return ThreadTeam(size, share, args, cpus)
    return Team(case.context(), size, share, args, cpus)


def made(source: Any, name: str, parties: int) -> Any:
    """One primitive of ``multiprocessing`` or ``threading``."""
    return source.Barrier(parties) if name == "barrier" else getattr(source, FACTORIES[name])()


def handed(source: Any, name: str) -> Tuple[Any, ...]:
    """What two sides need to hand something over: nothing is there to be taken at first."""
    if name == "barrier":
        return (source.Barrier(2),)
    if name == "condition":
        return source.Condition(), (Turn() if source is threading else source.RawValue("i", 0))
    pair = tuple(made(source, name, 2) for _ in range(RING if name == "rlock" else 2))
    if name in LOCKS and name != "rlock":
        for lock in pair:
            lock.acquire()
    return (source.Barrier(2), *pair) if name == "rlock" else pair


def in_this_one(run: Callable[..., None], primitive: Any) -> Any:
    """A batch in this very process and thread."""
    import time

    def batch(loops: int) -> int:
        start = time.perf_counter_ns()
        run(loops, 0, primitive)
        return time.perf_counter_ns() - start

    return batch


# --- verified before it is timed --------------------------------------------------------------------------------------


def nothing(loops: int, index: int, primitive: Any) -> None:
    """The share of two that are only asked."""


def take(lock: Any) -> bool:
    """Take it if it is free."""
    return bool(lock.acquire(False))


def leave(lock: Any) -> None:
    """Give it back."""
    lock.release()


def set_it(event: Any) -> None:
    """Set an Event."""
    event.set()


def is_set(event: Any) -> bool:
    """Whether it is set."""
    return bool(event.is_set())


def is_held_back(barrier: Any) -> bool:
    """Whether a Barrier of two lets nobody pass alone."""
    try:
        barrier.wait(ALONE_S)
    except BrokenBarrierError:
        return True
    return False


def check_effect(case: Case, name: str, two: Any) -> None:
    """One member holds the other back, or is seen by it."""
    if name == "event":
        seen = [two.ask(1, is_set), two.ask(0, set_it), two.ask(1, is_set)]
        case.verify(seen == [False, None, True], "a set Event is not seen by the other side")
    elif name == "barrier":
        case.verify(two.ask(0, is_held_back), "a Barrier of two let one pass")
    else:
        seen = [two.ask(0, take), two.ask(1, take), two.ask(0, leave), two.ask(1, take), two.ask(1, leave)]
        case.verify(seen == [True, False, None, True, None], "one side did not keep the other out: %s" % seen)
