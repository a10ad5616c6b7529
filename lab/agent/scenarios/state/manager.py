"""Reads and writes through a Manager's proxies, one item or a hundred at a time."""

from __future__ import annotations

from multiprocessing.managers import DictProxy, SyncManager

from lab.agent.case import Case, observe
from lab.agent.measuring import placement
from lab.agent.measuring.batches import timed
from lab.agent.scenario import Contrast, View, scenario

TYPE_CHECKING = False
if TYPE_CHECKING:
    from multiprocessing.context import BaseContext
    from typing import Any, Callable, Dict, List, Optional

    Calls = Dict[str, Callable[[], Any]]

BATCH = 100
NUMBER = 7
ANYTHING = {"text": ("nested", 1.5, None)}  # an object that neither Value nor Array can hold
JOIN_S = 10.0


class Observed(SyncManager):
    """A Manager like that of ``multiprocessing.Manager()``, whose server can also describe itself."""


Observed.register("observe", callable=observe, proxytype=DictProxy)


def dict_calls(shared: Any) -> Calls:
    """Calls to time on a dict, which is filled with a hundred items."""
    items = dict.fromkeys(range(BATCH), NUMBER)
    shared.update(items)
    return {
        "get": lambda: shared[0],
        "set": lambda: shared.__setitem__(0, NUMBER),
        "get_batch": shared.copy,
        "set_batch": lambda: shared.update(items),
    }


def list_calls(shared: Any) -> Calls:
    """Calls to time on a list, which is filled with a hundred items."""
    items = [NUMBER] * BATCH
    shared.extend(items)
    return {
        "get": lambda: shared[0],
        "set": lambda: shared.__setitem__(0, NUMBER),
        "get_batch": lambda: shared[:],
        "set_batch": lambda: shared.__setitem__(slice(None), items),
    }


def namespace_calls(shared: Any) -> Calls:
    """Calls to time on a Namespace's attribute."""
    shared.number = NUMBER
    return {"get": lambda: shared.number, "set": lambda: setattr(shared, "number", NUMBER)}


def value_calls(shared: Any) -> Calls:
    """Calls to time on a Value."""
    shared.value = NUMBER
    return {"get": lambda: shared.value, "set": lambda: setattr(shared, "value", NUMBER)}


CALLS = {"dict": dict_calls, "list": list_calls, "namespace": namespace_calls, "value": value_calls}


def offered(values: Dict[str, Any]) -> Optional[Dict[str, Any]]:
    """The case of these values, or None: only dict and list have calls for many items."""
    return None if values["operation"].endswith("_batch") and values["container"] not in ("dict", "list") else values


def create(manager: Any, container: str) -> Any:
    """Create an empty container of this kind in the Manager."""
    makers = {"dict": manager.dict, "list": manager.list, "namespace": manager.Namespace}
    return makers[container]() if container in makers else manager.Value("q", 0)


def leave_anything(shared: Dict[str, Any]) -> None:
    """Put an object into each of the containers; runs in another process."""
    shared["dict"]["key"] = ANYTHING
    shared["list"].append(ANYTHING)
    shared["namespace"].thing = ANYTHING
    shared["value"].value = ANYTHING


def types_verified(manager: Any, context: BaseContext) -> List[str]:
    """Kinds of containers in which this process finds an object that another process has put there."""
    shared = {name: create(manager, name) for name in CALLS}
    other = context.Process(target=leave_anything, args=(shared,))  # type: ignore[attr-defined]
    other.start()
    other.join(JOIN_S)
    found = {
        "dict": shared["dict"].copy().get("key"),
        "list": shared["list"][:][-1:],
        "namespace": getattr(shared["namespace"], "thing", None),
        "value": shared["value"].value,
    }
    return [name for name, thing in found.items() if thing in (ANYTHING, [ANYTHING])]


def shared_memory_refuses(context: BaseContext) -> bool:
    """Whether a Value and an Array both refuse an object that the Manager accepts."""
    try:
        context.Value("q", 0).value = ANYTHING
    except TypeError:
        pass
    else:
        return False
    try:
        context.Array("q", 1)[0] = ANYTHING
    except TypeError:
        return True
    return False


@scenario(
    family="state",
    question="What does it cost to read and write through a Manager, one item or a hundred at a time?",
    axes={
        "container": tuple(CALLS),
        "operation": ("get", "set", "get_batch", "set_batch"),
        "placement": ("same_cpu", "cross_cpu", "free"),
    },
    view=View(
        measure="Time of one item through a proxy, from call to answer.",
        unit="per item",
        operations=("get", "set", "get_batch", "set_batch"),
        targets="largest",
        names=("container", "operation"),
        facets=("placement",),
        terms={"batch": "a hundred items in one call."},
        place=40,
    ),
    source="multiprocessing.Manager",
    article="data sharing, 2: Manager; more types, slower",
    shape=offered,
    contrasts=(
        Contrast("operation", "placement"),
        Contrast(
            where={"container": ("value", "dict"), "operation": ("get", "set"), "placement": ("same_cpu",)},
            questions=("state",),
        ),
    ),
    estimate_s=0.15,
    profiles={
        "smoke": {
            "only": (
                "value-set-same_cpu dict-set-same_cpu dict-set_batch-same_cpu namespace-get-same_cpu list-get-same_cpu"
            )
        },
        "quick": {"only": "value-set-same_cpu dict-set-same_cpu"},
        "standard": {"only": "*-same_cpu value-set-cross_cpu"},
    },
)
def manager(case: Case) -> None:
    """Each operation is one call of a proxy; batched calls count items, so that the value is the time per item.

    ``types_verified``: number of kinds of containers in which an object from another process arrived.
    """
    container, operation = case["container"], case["operation"]
    mine, theirs = case.sides()
    context = case.context()
    with_server: Any = Observed(ctx=context)
    with_server.start(placement.pin, (theirs,))
    with with_server:
        placement.pin(mine)
        observed = with_server.observe().copy()
        case.verify_workers([observed], parent=observe()["pid"])
        case.verify(theirs is None or observed["cpus"] == theirs, "the server may run on CPUs %s" % observed["cpus"])
        kinds = types_verified(with_server, context)
        case.verify(shared_memory_refuses(context), "a Value or an Array accepted a dict")
        shared = create(with_server, container)
        calls = CALLS[container](shared)
        check(case, calls)
        case.record("types_verified", "count", len(kinds))
        step = BATCH if operation.endswith("_batch") else 1
        case.describe(tasks=step)
        in_calls = timed(calls[operation])
        case.measure(operation, lambda loops: in_calls(loops // step), step=step)


def check(case: Case, calls: Calls) -> None:
    """Verify that get returns what set has written, for one item and for all of them."""
    case.verify(calls["get"]() == NUMBER, "get did not return the value that was written first")
    calls["set"]()
    case.verify(calls["get"]() == NUMBER, "get did not return the value that set has written")
    if "get_batch" in calls:
        calls["set_batch"]()
        found = calls["get_batch"]()
        items = list(found.values()) if isinstance(found, dict) else found
        case.verify(items == [NUMBER] * BATCH, "get_batch did not return the items that set_batch has written")
