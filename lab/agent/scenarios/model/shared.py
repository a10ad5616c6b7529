"""Threads that share one dict, list, counter or lock, against processes that share it by a Manager or shared memory."""

from __future__ import annotations

import contextlib
import os
import threading
from itertools import repeat

from lab.agent.facts.build import gil_enabled
from lab.agent.scenario import TWICE_N, Contrast, N, View, scenario
from lab.agent.toolkit.teams import Team, ThreadTeam, introduce

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, List, Optional, Tuple

    from lab.agent.case import Case

CHECKED_LOOPS = 10


class Counter:
    """A number as an attribute, as a program would share it among threads."""

    def __init__(self) -> None:
        self.value = 0


def set_item(loops: int, index: int, objects: List[Any], locks: List[Any]) -> None:  # noqa: ARG001 - as every share
    """Assign to this worker's own item of the dict, list or array."""
    shared = objects[index]
    for _ in repeat(None, loops):
        shared[index] = loops


def count(loops: int, index: int, objects: List[Any], locks: List[Any]) -> None:
    """Increment the counter under its lock, so that no increment is lost."""
    shared, lock = objects[index], locks[index]
    for _ in repeat(None, loops):
        with lock:
            shared.value += 1


def take_lock(loops: int, index: int, objects: List[Any], locks: List[Any]) -> None:  # noqa: ARG001
    """Acquire and release the lock; nothing is done while it is held."""
    lock = locks[index]
    for _ in repeat(None, loops):
        with lock:
            pass


def can_take_lock(objects: List[Any], locks: List[Any]) -> bool:  # noqa: ARG001 - called with a share's arguments
    """Whether the first worker's lock is free, as the worker sees it."""
    taken: bool = locks[0].acquire(False)
    if taken:
        locks[0].release()
    return taken


SHARES: Dict[str, Callable[..., None]] = {"dict": set_item, "list": set_item, "counter": count, "lock": take_lock}
SHARING = ("threads", "threads_apart", "manager", "shared_memory")


def sensible(values: Dict[str, Any]) -> Optional[Dict[str, Any]]:
    """The case of these values, or None: shared memory holds no dict, and a single thread shares with nobody."""
    if values["object"] == "dict" and values["sharing"] == "shared_memory":
        return None
    return None if values["sharing"] == "threads_apart" and values["workers"] == 1 else values


def of_threads(kind: str, workers: int) -> Tuple[Any, Any]:
    """A new object of this kind, and its lock, for threads."""
    made: Dict[str, Any] = {"dict": {}, "list": [0] * workers, "counter": Counter()}
    return made.get(kind), threading.Lock()


def of_manager(kind: str, workers: int, manager: Any) -> Tuple[Any, Any]:
    """Proxies of a new object in the Manager's process, and of its lock."""
    make = {"dict": manager.dict, "list": lambda: manager.list([0] * workers), "counter": lambda: manager.Value("q", 0)}
    return make.get(kind, lambda: None)(), manager.Lock()


def of_shared_memory(kind: str, workers: int, context: Any) -> Tuple[Any, Any]:
    """A new Array or Value, and its lock; the lock alone is a semaphore."""
    if kind == "lock":
        return None, context.Lock()
    made = context.Array("q", workers) if kind == "list" else context.Value("q", 0)
    return made, made.get_lock()


@scenario(
    family="model",
    question="What does an operation on a shared object cost threads, and processes?",
    axes={"object": tuple(SHARES), "sharing": SHARING, "workers": (1, N, TWICE_N)},
    view=View(
        measure="Time of one operation per worker, while all workers run theirs at once.",
        targets="largest",
        names=("sharing", "workers"),
        facets=("object",),
        words={
            "threads": "threads, one object",
            "threads_apart": "threads, an object each",
            "manager": "processes, Manager",
            "shared_memory": "processes, Value or Array",
        },
        terms={
            "an object each": "the same without sharing: what the others take longer is the price of sharing.",
            "Manager": "each operation is a message to the Manager's process; a counted increment takes four.",
        },
        note="dict and list: each worker assigns to an item of its own. counter: += 1 under a lock. lock: acquire and "
        "release alone.",
        place=20,
    ),
    source="threading.Lock; multiprocessing.Manager, Value, Array, Lock; CPython issue 134761",
    article="data sharing",
    shape=sensible,
    contrasts=(Contrast("object", "workers", baseline={"sharing": ("threads",)}, questions=("model",)),),
    estimate_s=0.35,
    profiles={
        "smoke": {
            "workers": ["N"],
            "only": "*-threads-{N} counter-threads_apart-{N} counter-manager-* counter-shared*",
        },
        "quick": {"workers": ["N"], "only": "counter-threads-{N} counter-shared_memory-{N}"},
        "standard": {"workers": [1, "N"]},
    },
)
def shared(case: Case) -> None:
    """``operation``: what ``object`` names. All workers run ``loops`` of it at once, each bound to a CPU in turn."""
    kind, sharing, workers = case["object"], case["sharing"], case["workers"]
    with contextlib.ExitStack() as stack:
        if sharing in ("threads", "threads_apart"):
            one = of_threads(kind, workers)
            pairs = [one if sharing == "threads" else of_threads(kind, workers) for _ in range(workers)]
        else:
            context = case.context()
            if sharing == "manager":
                one = of_manager(kind, workers, stack.enter_context(context.Manager()))
            else:
                one = of_shared_memory(kind, workers, context)
            pairs = [one] * workers
        args = [thing for thing, _ in pairs], [lock for _, lock in pairs]
        team: Any = (
            ThreadTeam(workers, SHARES[kind], args, case.team_cpus(workers))
            if sharing.startswith("threads")
            else Team(context, workers, SHARES[kind], args, case.team_cpus(workers))
        )
        stack.enter_context(team)
        check_workers(case, team)
        check_effect(case, team, pairs)
        case.measure("operation", team.batch)


def check_workers(case: Case, team: Any) -> None:
    """Verify that the workers are what the case says: threads of this process, or processes."""
    seen = [team.ask(member, introduce) for member in range(case["workers"])]
    if case["sharing"].startswith("threads"):
        case.verify({worker["pid"] for worker in seen} == {os.getpid()}, "a worker is not in this process")
        case.verify({worker["gil"] for worker in seen} == {gil_enabled()}, "a worker has another state of the GIL")
    else:
        case.verify_workers(seen, parent=case.parent_of_workers())


def check_effect(case: Case, team: Any, pairs: List[Tuple[Any, Any]]) -> None:
    """Verify that the object has every worker's operations, or that the lock excludes the others."""
    kind, workers = case["object"], case["workers"]
    team.batch(CHECKED_LOOPS)
    if kind == "counter":
        counted = sum(thing.value for thing in ([pairs[0][0]] if is_one(pairs) else [thing for thing, _ in pairs]))
        case.verify(counted == CHECKED_LOOPS * workers, "%d of %d updates arrived" % (counted, CHECKED_LOOPS * workers))
    elif kind != "lock":
        found = [thing[index] for index, (thing, _) in enumerate(pairs)]
        case.verify(found == [CHECKED_LOOPS] * workers, "the object holds %s" % found)
    with pairs[-1][1]:
        free = team.ask(0, can_take_lock)
    case.verify(free != is_one(pairs), "a lock that another one holds was free" if free else "a lock was not free")


def is_one(pairs: List[Tuple[Any, Any]]) -> bool:
    """Whether all workers have the same object and lock."""
    return all(lock is pairs[0][1] for _, lock in pairs)
