"""What dead runs left on the engine: containers and networks whose lab lives no more.

Each carries the machine, process id and start of the process that made it. An engine may serve several machines: of
another machine's processes nothing can be known here, and what they made is left alone.

What ``lab clean`` removes: what dead runs left (containers, networks, groups), stages, and images where asked.
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
from lab.targets.stage_cache import remove_unused
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


def is_dead(labels: Mapping[str, str], *, idle: bool = False) -> bool:
    """Whether the process that the labels name is gone; an older lab names none: then only what is idle is."""
    return is_gone(labels.get(OWNER_LABEL, ""), idle=idle)


def clean(engine_choice: Literal["auto", "docker", "podman", "none"], *, with_images: bool) -> Iterator[str]:
    """Remove it, and say what was removed, a line each; what a living run uses stays."""
    from lab.targets.cleanup import leftovers

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
        yield f"no containers and images were looked at: {error}"
        return
    removed = plural(leftovers(engine).remove(), "container or network", "containers and networks")
    yield f"{removed} of dead runs removed"
    if with_images:
        yield f"{plural(len(remove_images(engine)), 'image')} removed"
