"""A Manager that is served over TCP: one shared dict, and what the server says of itself."""

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
    """The one dict that every client gets a proxy of."""
    return shared


def settle(cpus: Optional[List[int]]) -> Dict[str, Any]:
    """Bind every thread of the server, and those that they will start, to ``cpus``; then say what it is."""
    if cpus is not None:
        placement.pin_every_thread(cpus)
    return {**observe(parent=False), "cpus": placement.allowed_cpus(), "machine": socket.gethostname()}


class Served(BaseManager):
    """The manager's class, for both sides."""


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
    """The client's side, as soon as the server listens.

    Raises:
        OSError: it does not within ``CONNECT_S``.
    """
    manager = Served((settings["host"], settings["port"]), bytes.fromhex(settings["authkey"]))
    limit = time.monotonic() + CONNECT_S
    while True:
        try:
            manager.connect()
        except OSError:  # its container is up, its interpreter is not yet
            if time.monotonic() > limit:
                raise
            time.sleep(0.02)
        else:
            return manager
