"""Read, write and update of one number that processes share, by each kind of shared container."""

from __future__ import annotations

import contextlib
from itertools import repeat

from lab.agent.scenario import TWICE_N, Contrast, N, View, scenario
from lab.agent.toolkit.teams import Team

TYPE_CHECKING = False
if TYPE_CHECKING:
    from multiprocessing.context import BaseContext
    from typing import Any, Callable, Dict, Iterator, Tuple

    from lab.agent.case import Case

CELLS = 8
CELL_BYTES = 8
FROM_THE_PARENT, FROM_A_WRITER = 4_100, 7


def read_value(loops: int, index: int, cell: Any) -> None:  # noqa: ARG001 - every share of a Team has this shape
    """Read ``value.value`` of a Value or a RawValue."""
    for _ in repeat(None, loops):
        cell.value  # noqa: B018 - reading it is what is measured


def write_value(loops: int, index: int, cell: Any) -> None:  # noqa: ARG001
    """Write ``value.value = 7``."""
    number = FROM_A_WRITER  # a local name, because a global would be looked up in each loop
    for _ in repeat(None, loops):
        cell.value = number


def update_locked_value(loops: int, index: int, cell: Any) -> None:  # noqa: ARG001
    """Increment a Value under its own lock."""
    lock = cell.get_lock()
    for _ in repeat(None, loops):
        with lock:
            cell.value += 1


def update_value(loops: int, index: int, cell: Any) -> None:  # noqa: ARG001
    """Increment a RawValue, which has no lock."""
    for _ in repeat(None, loops):
        cell.value += 1


def read_item(loops: int, index: int, cells: Any) -> None:  # noqa: ARG001
    """Read ``array[0]`` of an Array, a memoryview or a ShareableList."""
    for _ in repeat(None, loops):
        cells[0]


def write_item(loops: int, index: int, cells: Any) -> None:  # noqa: ARG001
    """Write ``array[0] = 7``."""
    number = FROM_A_WRITER
    for _ in repeat(None, loops):
        cells[0] = number


def update_locked_item(loops: int, index: int, cells: Any) -> None:  # noqa: ARG001
    """Increment an Array's first element under its own lock."""
    lock = cells.get_lock()
    for _ in repeat(None, loops):
        with lock:
            cells[0] += 1


def update_item(loops: int, index: int, cells: Any) -> None:  # noqa: ARG001
    """Increment the first element of a memoryview, which has no lock."""
    for _ in repeat(None, loops):
        cells[0] += 1


def update_listed(loops: int, index: int, cells: Any, lock: Any) -> None:  # noqa: ARG001
    """Increment a ShareableList under a separate lock; without one, two writers corrupt it, and reading raises."""
    for _ in repeat(None, loops):
        with lock:
            cells[0] += 1


def in_segment(loops: int, index: int, segment: Any, share: Callable[..., None]) -> None:
    """Run a share on the first cell of a SharedMemory, viewed as 64-bit integers."""
    with segment.buf.cast("q") as cells:
        share(loops, index, cells)


VALUE_SHARES = {"read": read_value, "write": write_value, "update": update_locked_value}
ITEM_SHARES = {"read": read_item, "write": write_item, "update": update_locked_item}
SHARES: Dict[str, Dict[str, Callable[..., None]]] = {
    "value": VALUE_SHARES,
    "raw_value": {**VALUE_SHARES, "update": update_value},
    "array": ITEM_SHARES,
    "shared_memory": {**ITEM_SHARES, "update": update_item},
    "shareable_list": {**ITEM_SHARES, "update": update_listed},
}
LOCKED = ("value", "array", "shareable_list")


@contextlib.contextmanager
def new_container(container: str, context: BaseContext) -> Iterator[Any]:
    """A context that gives a new container and removes its shared-memory segment, if any, at the end."""
    if container == "value":
        yield context.Value("q", 0)
    elif container == "raw_value":
        yield context.RawValue("q", 0)
    elif container == "array":
        yield context.Array("q", CELLS)
    else:
        from multiprocessing import shared_memory

        if container == "shared_memory":
            segment = shared_memory.SharedMemory(create=True, size=CELLS * CELL_BYTES)
            shared: Any = segment
        else:
            shared = shared_memory.ShareableList([0] * CELLS)
            segment = shared.shm
        try:
            yield shared
        finally:
            segment.close()
            segment.unlink()


def get(shared: Any) -> int:
    """The number that this process reads."""
    if hasattr(shared, "value"):
        return int(shared.value)
    if hasattr(shared, "buf"):
        return int.from_bytes(shared.buf[:CELL_BYTES], "little")
    return int(shared[0])


def put(shared: Any, number: int) -> None:
    """Write the number from this process."""
    if hasattr(shared, "value"):
        shared.value = number
    elif hasattr(shared, "buf"):
        shared.buf[:CELL_BYTES] = number.to_bytes(CELL_BYTES, "little")
    else:
        shared[0] = number


def get_first(shared: Any, *_share: Any) -> int:
    """The number that a member of the team reads; the further arguments of its share are ignored."""
    return get(shared)


@scenario(
    family="state",
    question="What does reading, writing or updating a shared number cost, with 1 to N writers?",
    axes={"container": tuple(SHARES), "operation": ("read", "write", "update"), "workers": (1, N, TWICE_N)},
    view=View(
        measure="Time of one operation per process, while all processes run theirs at once.",
        targets="largest",
        names=("container", "workers"),
        facets=("operation",),
        note="Value and Array take their own lock for each operation, and updates of a ShareableList a separate Lock; "
        "RawValue and SharedMemory take none, and lose updates when several processes write.",
        place=20,
    ),
    source="multiprocessing.Value, RawValue, Array; multiprocessing.shared_memory.SharedMemory, ShareableList",
    article="data sharing, 1: Value and Array; shared memory",
    contrasts=(
        Contrast("operation", "workers", baseline={"container": ("shared_memory",)}),
        Contrast(where={"operation": ("write", "update"), "workers": (1, N)}, questions=("state",)),
    ),
    estimate_s=0.2,
    profiles={
        "smoke": {
            "workers": [1, 2],
            "only": (
                "value-*-1 value-update-2 raw_value-update-1 array-update-1 shared_memory-update-1 "
                "shareable_list-update-1"
            ),
        },
        "quick": {"workers": [1], "only": "value-write-1 shared_memory-write-1"},
        "standard": {"workers": [1, "N"], "only": "*-1 *-update-{N}"},
    },
)
def update(case: Case) -> None:
    """All workers do ``loops`` operations on the same number at once, each bound to a CPU in turn.

    The value is the time of one operation of one worker. ``update`` is ``+= 1`` under the container's own lock, if it
    has one (Value, Array). A ShareableList gets a separate Lock, because its entries also hold their type and unlocked
    writers corrupt them. RawValue and SharedMemory are not locked and lose increments when several processes write.
    """
    container, operation, workers = case["container"], case["operation"], case["workers"]
    context = case.context()
    share = SHARES[container][operation]
    run = in_segment if container == "shared_memory" else share
    with new_container(container, context) as shared:
        more: Tuple[Any, ...] = (share,) if run is in_segment else (context.Lock(),) if run is update_listed else ()
        with Team(context, workers, run, (shared, *more), case.team_cpus(workers)) as team:
            case.verify_workers(team.observe(), parent=case.parent_of_workers())
            put(shared, FROM_THE_PARENT)
            seen = team.ask_all(get_first)
            case.verify(set(seen) == {FROM_THE_PARENT}, "the workers read %s instead of %d" % (seen, FROM_THE_PARENT))
            team.batch(10)
            check_effect(case, operation, get(shared) - FROM_THE_PARENT, 10 * workers)
            case.measure(operation, team.batch)


def check_effect(case: Case, operation: str, change: int, updates: int) -> None:
    """Verify the ``change`` of the number after ten operations of each worker, ``updates`` operations in all."""
    if operation == "read":
        case.verify(change == 0, "reading changed the number")
    elif operation == "write":
        case.verify(change == FROM_A_WRITER - FROM_THE_PARENT, "the parent does not see the number that a worker wrote")
    elif case["container"] in LOCKED or case["workers"] == 1:
        case.verify(change == updates, "%d of %d updates arrived" % (change, updates))
    else:
        case.verify(0 < change <= updates, "%d of %d updates without a lock arrived" % (change, updates))
