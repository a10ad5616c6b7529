"""A Manager reached over TCP: on loopback, and in another container on a private network."""

from __future__ import annotations

import contextlib
import socket
import time

from lab.agent.case import Case, Unsupported, observe
from lab.agent.measuring import placement
from lab.agent.measuring.batches import timed
from lab.agent.scenario import View, scenario

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict

COMPANION = "manager_server"
KEY, TEXT, NUMBER = "key", ("any object", None), 7
NO_SECOND_CONTAINER = "needs a second container, which `lab run` starts beside a container; loopback has its own case"


@scenario(
    family="state",
    question="What does a Manager's dict cost over the network, against the same on this machine?",
    axes={
        "operation": ("get", "set"),
        "reach": ("loopback", "private_network"),
        "placement": ("same_cpu", "cross_cpu", "free"),
    },
    view=View(
        measure="Time of one call through a proxy, from call to answer.",
        unit="per call",
        operations=("get", "set"),
        targets="largest",
        names=("operation", "reach"),
        facets=("placement",),
        place=41,
    ),
    source="multiprocessing.managers.BaseManager",
    article="data sharing, 2: a Manager works across machines",
    companion=lambda values: COMPANION if values["reach"] == "private_network" else None,
    requires="private_network: a container engine (a second container, and a network made for the run)",
    unsupported="private_network: natively",
    estimate_s=1.1,  # the handshakes of new connections wait for delayed acknowledgements, 40 ms each
    profiles={
        "smoke": {"only": "set-loopback-same_cpu set-private_network-same_cpu"},
        "quick": {"only": "set-private_network-same_cpu"},
        "standard": {"placement": ["same_cpu"]},
    },
)
def manager_remote(case: Case) -> None:
    """One call of a proxy; ``connect_and_first_get`` is what a new client pays before its second call.

    Both containers have the same CPUs; ``placement`` binds the client and the server within them. CPU time and
    switches are those of the client's container alone where there are two.
    """
    from lab.agent.toolkit.sidecars import Local, manager_server

    mine, theirs = case.sides()
    if case["reach"] == "private_network" and case.companion is None:
        raise Unsupported(NO_SECOND_CONTAINER)
    with companion(case, Local(COMPANION) if case["reach"] == "loopback" else None) as settings:
        placement.pin(mine)
        manager: Any = manager_server.connect(settings)
        check_other_side(case, manager.settle(theirs).copy(), theirs)
        shared = manager.shared_dict()
        shared[KEY] = TEXT
        began = time.perf_counter_ns()
        again: Any = manager_server.connect(settings)
        found = again.shared_dict()[KEY]
        case.record_time("connect_and_first_get", time.perf_counter_ns() - began)
        case.verify(found == TEXT, "a second proxy does not see what was set")
        shared[KEY] = NUMBER
        calls = {"get": lambda: shared[KEY], "set": lambda: shared.__setitem__(KEY, NUMBER)}
        case.measure(case["operation"], timed(calls[case["operation"]]))
        case.verify(shared.copy() == {KEY: NUMBER}, "the dict does not hold what was set last")


def companion(case: Case, local: Any) -> Any:
    """A context that gives the server's address and key: the process beside this one, or the container's."""
    return local or contextlib.nullcontext(case.companion)


def check_other_side(case: Case, observed: Dict[str, Any], cpus: Any) -> None:
    """The server is where it should be, bound as it should be, and as good an interpreter as this one."""
    mine = observe()
    here = observed["machine"] == socket.gethostname()
    case.verify(here == (case["reach"] == "loopback"), "the server answers from %s" % observed["machine"])
    case.verify(not here or observed["pid"] != mine["pid"], "the server is this very process")
    case.verify(cpus is None or observed["cpus"] == cpus, "the server runs on %s" % observed["cpus"])
    case.verify(set(observed["cpus"] or []) <= set(case.cpus), "the server may run on CPUs %s" % observed["cpus"])
    case.verify(observed["gil"] == mine["gil"], "the GIL of the server is not as here")
    case.verify(tuple(observed["isolation"]) == mine["isolation"], "the server has other interpreter flags")
    case.verify(not observed["uncached"], "the server compiled %s" % ", ".join(observed["uncached"][:3]))
