"""Shares of a team that use synchronisation primitives: single operations, hand-overs, and checks.

All of them work with the primitives of ``multiprocessing`` and with those of ``threading``.
"""

from __future__ import annotations

from itertools import cycle, repeat
from threading import BrokenBarrierError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict

LOCKS = ("lock", "rlock", "semaphore", "bounded_semaphore")
ALONE_S = 0.01
RING = 3  # number of locks in the ring of ``hand_over_ring``


# --- one operation on one primitive, by one or several members --------------------------------------------------------


def acquire_release(loops: int, index: int, lock: Any) -> None:  # noqa: ARG001 - every share has this shape
    """Acquire and release a lock."""
    for _ in repeat(None, loops):
        lock.acquire()
        lock.release()


def set_is_set(loops: int, index: int, event: Any) -> None:  # noqa: ARG001
    """Set an Event, and check it."""
    for _ in repeat(None, loops):
        event.set()
        event.is_set()


def notify(loops: int, index: int, condition: Any) -> None:  # noqa: ARG001
    """Notify a Condition without waiters, under its lock."""
    for _ in repeat(None, loops):
        with condition:
            condition.notify()


def wait(loops: int, index: int, barrier: Any) -> None:  # noqa: ARG001
    """Pass a Barrier together with all its parties."""
    for _ in repeat(None, loops):
        barrier.wait()


OPERATIONS = {**dict.fromkeys(LOCKS, acquire_release), "event": set_is_set, "condition": notify, "barrier": wait}


# --- there and back between two sides, each of which waits for the other ----------------------------------------------


def hand_over_lock(loops: int, index: int, first: Any, second: Any) -> None:
    """Each side releases the lock that the other waits for; locks and semaphores may be released by any process."""
    if index == 0:
        for _ in repeat(None, loops):
            second.release()
            first.acquire()
    else:
        for _ in repeat(None, loops):
            second.acquire()
            first.release()


def hand_over_ring(loops: int, index: int, both: Any, *locks: Any) -> None:
    """Two owners follow each other through a ring of three RLocks, because only its owner may release an RLock.

    Each side acquires the next lock and releases its present one, which lets the other side continue; one step of both
    sides is there and back.
    """
    ring = [locks[(index + step) % RING] for step in range(RING)]
    steps = cycle(zip(ring, ring[1:] + ring[:1]))
    ring[0].acquire()  # the position of this side before its first step
    both.wait()  # otherwise the first side would run ahead before the other has acquired its lock
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
    """Each side waits for its turn under one Condition, and passes the turn to the other."""
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


# --- for the checks before the first batch ----------------------------------------------------------------------------


def idle(loops: int, index: int, primitive: Any) -> None:
    """Do nothing: the share of members that only answer ``ask``."""


def take(lock: Any) -> bool:
    """Try to acquire a lock without waiting; return whether it was free."""
    return bool(lock.acquire(False))


def leave(lock: Any) -> None:
    """Release a lock."""
    lock.release()


def set_it(event: Any) -> None:
    """Set an Event."""
    event.set()


def is_set(event: Any) -> bool:
    """Whether an Event is set."""
    return bool(event.is_set())


def is_held_back(barrier: Any) -> bool:
    """Whether a Barrier blocks a party that waits alone."""
    try:
        barrier.wait(ALONE_S)
    except BrokenBarrierError:
        return True
    return False
