"""What dead runs left on the engine: containers and networks whose lab lives no more.

Each carries the machine, process id and start of the process that made it. An engine may serve several machines: of
another machine's processes nothing can be known here, and what they made is left alone.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from docker.models.containers import Container
    from docker.models.networks import Network

    from lab.engine import Engine

RUN_LABEL = "comparison-lab.run"
OWNER_LABEL = "comparison-lab.owner"
IDLE = ("created", "exited", "dead")
START_TOLERANCE_S = 2.0  # a process's start is read from ticks since boot, and the clock may be set meanwhile


@dataclass(frozen=True, kw_only=True)
class Leftovers:
    """What nobody uses any more."""

    containers: Sequence[Container]
    networks: Sequence[Network]

    @property
    def runs(self) -> tuple[str, ...]:
        """The ids of the runs that left them."""
        labels = [container.labels for container in self.containers]
        labels += [network.attrs["Labels"] for network in self.networks]
        return tuple(sorted({found[RUN_LABEL] for found in labels}))

    def remove(self) -> int:
        """Remove them; how many there were."""
        for container in self.containers:
            container.remove(force=True, v=True)
        for network in self.networks:
            network.remove()
        return len(self.containers) + len(self.networks)


def leftovers(engine: Engine) -> Leftovers:
    """Those of every run that is dead as far as this machine can tell."""
    label: dict[str, str | list[str] | bool] = {"label": RUN_LABEL}
    containers = engine.client.containers.list(all=True, filters=label, ignore_removed=True)
    networks = engine.client.networks.list(filters=label)
    return Leftovers(
        containers=[container for container in containers if is_dead(container.labels, idle=container.status in IDLE)],
        networks=[network for network in networks if is_dead(network.attrs["Labels"] or {})],
    )


def left_by(engine: Engine, run_id: str) -> Leftovers:
    """Those of one run, whose folder the caller has locked: nobody else is at it."""
    label: dict[str, str | list[str] | bool] = {"label": f"{RUN_LABEL}={run_id}"}
    return Leftovers(
        containers=engine.client.containers.list(all=True, filters=label, ignore_removed=True),
        networks=engine.client.networks.list(filters=label),
    )


def owner() -> str:
    """This process, as a label names it."""
    return f"{socket.gethostname()} {os.getpid()} {psutil.Process().create_time():.0f}"


def is_dead(labels: Mapping[str, str], *, idle: bool = False) -> bool:
    """Whether the process that the labels name is gone; an older lab names none: then only what is idle is."""
    named = labels.get(OWNER_LABEL, "").split(" ")
    if len(named) != 3:  # noqa: PLR2004 - machine, process, start
        return idle
    machine, process, began = named
    if machine != socket.gethostname():
        return False
    try:
        return abs(psutil.Process(int(process)).create_time() - float(began)) > START_TOLERANCE_S
    except psutil.NoSuchProcess:
        return True
    except psutil.AccessDenied:  # it is there, and of somebody else
        return False
