"""What is done with synchronisation primitives, as shares of a team: one operation, handing over, and looking.

All of them work on ``multiprocessing``'s primitives as on those of ``threading``.
"""

from __future__ import annotations

from itertools import cycle, repeat
from threading import BrokenBarrierError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict

LOCKS = ("lock", "rlock", "semaphore", "bounded_semaphore")
ALONE_S = 0.01
RING = 3  # locks of a ring in which two owners follow one another


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
    if index == 0:
        for _ in repeat(None, loops):
            second.release()
            first.acquire()
    else:
        for _ in repeat(None, loops):
            second.acquire()
            first.release()


def hand_over_ring(loops: int, index: int, both: Any, *locks: Any) -> None:
    """Only its owner may release an RLock: two owners follow one another through a ring of three.

    Each takes the next one and leaves its own, which lets the other go on; a step of both is there and back.
    """
    ring = [locks[(index + step) % RING] for step in range(RING)]
    steps = cycle(zip(ring, ring[1:] + ring[:1]))
    ring[0].acquire()  # where this side stands before its first step
    both.wait()  # else the first to start would run ahead of nobody
    for _, (own, following) in zip(repeat(None, loops), steps):
        following.acquire()
        own.release()
    ring[loops % RING].release()


def hand_over_event(loops: int, index: int, first: Any, second: Any) -> None:
    """Each side sets the other's Event and waits for its own."""
    if index == 0:
        for _ in repeat(None, loops):
            second.set()
            first.wait()
            first.clear()
    else:
        for _ in repeat(None, loops):
            second.wait()
            second.clear()
            first.set()


def hand_over_turn(loops: int, index: int, condition: Any, turn: Any) -> None:
    """Each side waits for its turn under one Condition, and gives it to the other."""
    other = 1 - index
    for _ in repeat(None, loops):
        with condition:
            while turn.value != index:
                condition.wait()
            turn.value = other
            condition.notify()


HANDED_OVER: Dict[str, Callable[..., None]] = {
    **dict.fromkeys(LOCKS, hand_over_lock),
    "rlock": hand_over_ring,
    "event": hand_over_event,
    "condition": hand_over_turn,
    "barrier": wait,
}


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
