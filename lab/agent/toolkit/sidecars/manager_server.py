"""A Manager that serves one shared dict, and a description of itself, over TCP."""

from __future__ import annotations

import socket
import time
from multiprocessing.managers import BaseManager, DictProxy

from lab.agent.case import observe
from lab.agent.measuring import placement
from lab.agent.toolkit.sidecars import announce

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Optional

CONNECT_S = 30.0
shared: Dict[str, Any] = {}


def shared_dict() -> Dict[str, Any]:
    """The dict of which every client gets a proxy."""
    return shared


def settle(cpus: Optional[List[int]]) -> Dict[str, Any]:
    """Bind all threads of the server, and those that they will start, to ``cpus``; return its description."""
    if cpus is not None:
        placement.pin_every_thread(cpus)
    return {**observe(parent=False), "cpus": placement.allowed_cpus(), "machine": socket.gethostname()}


class Served(BaseManager):
    """Class of the manager on both sides."""


Served.register("shared_dict", callable=shared_dict, proxytype=DictProxy)
Served.register("settle", callable=settle, proxytype=DictProxy)


def serve(settings: Dict[str, Any]) -> None:
    """Listen and answer until killed."""
    manager = Served((settings["host"], settings["port"]), bytes.fromhex(settings["authkey"]))
    server = manager.get_server()
    address: Any = server.address
    announce(port=address[1])
    server.serve_forever()


def connect(settings: Dict[str, Any]) -> Served:
    """Connect to the server as soon as it listens.

    Raises:
        OSError: the server did not listen within ``CONNECT_S``.
    """
    manager = Served((settings["host"], settings["port"]), bytes.fromhex(settings["authkey"]))
    limit = time.monotonic() + CONNECT_S
    while True:
        try:
            manager.connect()
        except OSError:  # the container has started, but its interpreter does not listen yet
            if time.monotonic() > limit:
                raise
            time.sleep(0.02)
        else:
            return manager
