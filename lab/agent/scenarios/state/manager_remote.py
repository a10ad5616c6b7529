"""A Manager reached over TCP: on loopback, and in another container on a private network."""

from __future__ import annotations

import contextlib
import socket
import time

from lab.agent.case import Case, Unsupported, observe
from lab.agent.measuring import placement
from lab.agent.measuring.batches import timed
from lab.agent.scenario import Contrast, View, scenario

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict

SIDECAR = "manager_server"
KEY, TEXT, NUMBER = "key", ("any object", None), 7
NO_SECOND_CONTAINER = (
    "private_network needs a second container, which `lab run` starts only for targets in containers; "
    "the loopback cases run on every target"
)


@scenario(
    family="state",
    question="What does a Manager's dict cost over the network, compared with loopback?",
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
    sidecar=lambda values: SIDECAR if values["reach"] == "private_network" else None,
    requires="private_network: a container engine (a second container, and a network made for the run)",
    unsupported="private_network: natively",
    contrasts=(Contrast("operation", "placement", baseline={"reach": ("loopback",)}),),
    estimate_s=0.6,  # the handshakes of new connections wait for delayed acknowledgements, 40 ms each
    profiles={
        "smoke": {"only": "set-loopback-same_cpu set-private_network-same_cpu"},
        "quick": {"only": "set-private_network-same_cpu"},
        "standard": {"placement": ["same_cpu"]},
    },
)
def manager_remote(case: Case) -> None:
    """Each operation is one call of a proxy; ``connect_and_first_get``: connection and first call of a new client.

    Both containers have the same CPUs; ``placement`` binds the client and the server within them. If there are two
    containers, CPU time and context switches are those of the client's container alone.
    """
    from lab.agent.toolkit.sidecars import Local, manager_server

    mine, theirs = case.sides()
    if case["reach"] == "private_network" and case.sidecar is None:
        raise Unsupported(NO_SECOND_CONTAINER)
    with server_settings(case, Local(SIDECAR) if case["reach"] == "loopback" else None) as settings:
        placement.pin(mine)
        manager: Any = manager_server.connect(settings)
        check_other_side(case, manager.settle(theirs).copy(), theirs)
        shared = manager.shared_dict()
        shared[KEY] = TEXT
        began = time.perf_counter_ns()
        again: Any = manager_server.connect(settings)
        found = again.shared_dict()[KEY]
        case.record_time("connect_and_first_get", time.perf_counter_ns() - began)
        case.verify(found == TEXT, "a second proxy does not see the value that the first has set")
        shared[KEY] = NUMBER
        calls = {"get": lambda: shared[KEY], "set": lambda: shared.__setitem__(KEY, NUMBER)}
        case.measure(case["operation"], timed(calls[case["operation"]]))
        case.verify(shared.copy() == {KEY: NUMBER}, "the dict does not hold the value that was set last")


def server_settings(case: Case, local: Any) -> Any:
    """A context that gives address and key of the server: of the ``local`` process if any, else of the container."""
    return local or contextlib.nullcontext(case.sidecar)


def check_other_side(case: Case, observed: Dict[str, Any], cpus: Any) -> None:
    """Verify the server's machine, process, CPUs, GIL, interpreter flags and cached bytecode."""
    mine = observe()
    here = observed["machine"] == socket.gethostname()
    case.verify(here == (case["reach"] == "loopback"), "the server answers from the machine %s" % observed["machine"])
    case.verify(not here or observed["pid"] != mine["pid"], "the server is in this process")
    case.verify(cpus is None or observed["cpus"] == cpus, "the server may run on CPUs %s" % observed["cpus"])
    case.verify(set(observed["cpus"] or []) <= set(case.cpus), "the server may run on CPUs %s" % observed["cpus"])
    case.verify(observed["gil"] == mine["gil"], "the server's GIL is not in the same state as the client's")
    case.verify(tuple(observed["isolation"]) == mine["isolation"], "the server has other interpreter flags")
    complaint = "the server found no cached bytecode for %s and compiled it" % ", ".join(observed["uncached"][:3])
    case.verify(not observed["uncached"], complaint)
