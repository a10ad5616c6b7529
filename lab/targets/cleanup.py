"""Clean up: what dead runs left on the engine, their control groups, unused stages, and images where asked for.

Containers and networks carry the machine, process id and start time of the process that made them. An engine may serve
several machines; whether a process of another machine lives is unknown here, so what it made is kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from lab.errors import NothingToRunOn
from lab.targets.engine import connect
from lab.targets.images import remove_images
from lab.targets.owners import is_gone
from lab.targets.quota import remove_groups
from lab.targets.stage import remove_unused
from lab.text import plural

if TYPE_CHECKING:
    from docker.models.containers import Container
    from docker.models.networks import Network

    from lab.targets.engine import Engine

RUN_LABEL = "comparison-lab.run"
OWNER_LABEL = "comparison-lab.owner"
IDLE = ("created", "exited", "dead")


@dataclass(frozen=True, kw_only=True)
class Leftovers:
    """Containers and networks that no living run uses."""

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
    """Those of all runs that are known to be dead."""
    label: dict[str, str | list[str] | bool] = {"label": RUN_LABEL}
    containers = engine.client.containers.list(all=True, filters=label, ignore_removed=True)
    networks = engine.client.networks.list(filters=label)
    return Leftovers(
        containers=[container for container in containers if is_dead(container.labels, idle=container.status in IDLE)],
        networks=[network for network in networks if is_dead(network.attrs["Labels"] or {})],
    )


def left_by(engine: Engine, run_id: str, *, maker: str = "") -> Leftovers:
    """Those of one run, whose folder the caller has locked; with a ``maker`` only those that carry this owner."""
    labels = [f"{RUN_LABEL}={run_id}", *([f"{OWNER_LABEL}={maker}"] if maker else [])]
    label: dict[str, str | list[str] | bool] = {"label": labels}
    return Leftovers(
        containers=engine.client.containers.list(all=True, filters=label, ignore_removed=True),
        networks=engine.client.networks.list(filters=label),
    )


def is_dead(labels: Mapping[str, str], *, idle: bool = False) -> bool:
    """Whether the process that the labels name has ended; labels of an older lab name none: then whether it is idle."""
    return is_gone(labels.get(OWNER_LABEL, ""), idle=idle)


def clean(engine_choice: Literal["auto", "docker", "podman", "none"], *, with_images: bool) -> Iterator[str]:
    """Remove what is unused, and yield one line for each kind of thing; what a living run uses is kept."""
    stages = remove_unused()
    kept = f"; {plural(stages.in_use, 'other')} in use by a run under way" if stages.in_use else ""
    yield f"{plural(stages.removed, 'compiled stage')} removed{kept}"
    groups = remove_groups()
    if groups:
        yield f"{plural(groups, 'control group')} of dead runs removed"
    if engine_choice == "none":
        return
    try:
        engine = connect(engine_choice)
    except NothingToRunOn as error:
        yield f"containers and images were not examined: {error}"
        return
    removed = plural(leftovers(engine).remove(), "container or network", "containers and networks")
    yield f"{removed} of dead runs removed"
    if with_images:
        yield f"{plural(len(remove_images(engine)), 'image')} removed"
