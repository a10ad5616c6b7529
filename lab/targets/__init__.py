"""Where cells run: a container or a process of this machine, behind one Protocol and an explicit dict.

A target gets a request and gives the agent's lines as they come. Adding a target is one module and one line in RUNNERS.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from lab.model import RunWith, Target
from lab.targets.request import Request

if TYPE_CHECKING:
    from lab.targets.engine import Engine
    from lab.targets.images import Images
    from lab.targets.interpreters import Interpreter


class Running(Protocol):
    """One block under way on one target."""

    def lines(self) -> Iterator[str]:
        """The agent's lines, each as soon as it is there, until the agent has ended."""
        ...

    def why_ended(self) -> str:
        """Once the lines are over: how the agent ended, in words that can stand as a reason."""
        ...


class Runner(Protocol):
    """Starts blocks on targets of one kind."""

    def start(self, target: Target, cpus: list[int] | None, request: Request) -> AbstractContextManager[Running]:
        """Start the agent with this request on these CPUs; whatever was started is gone when the context ends."""
        ...

    def cpus_for(self, target: Target, round_number: int) -> list[int] | None:
        """CPU numbers for a target in a round (None: not pinned); which CPU serves a small target alternates."""
        ...

    def remove_leftovers(self, run_id: str) -> int:
        """Remove what a dead run of this id left behind; how many things that were."""
        ...

    def describe(self, target: Target) -> RunWith:
        """What the manifest says of a target: image or executable."""
        ...


@dataclass(frozen=True, kw_only=True)
class Equipment:
    """What a runner is made of: what was found on this machine, and the folder ``lab`` whose agent it runs.

    ``keys`` are the Python versions that it is for; images of these are obtained.
    """

    run_id: str
    keys: Sequence[str]
    package: Path
    interpreters: Mapping[str, Interpreter]
    engine: Engine | None
    images: Images | None
    say: Callable[[str], None]


def _natively(equipment: Equipment) -> Runner:
    from lab.targets.native import NativeRunner

    return NativeRunner(equipment.interpreters, equipment.package, equipment.run_id)


def _in_containers(equipment: Equipment) -> Runner:
    from lab.targets.docker import DockerRunner

    assert equipment.engine is not None
    assert equipment.images is not None
    images = equipment.images.obtain(equipment.keys, equipment.say)
    return DockerRunner(equipment.engine, images, equipment.run_id)


# A target's engine -> how what runs it is made.
RUNNERS: Mapping[str, Callable[[Equipment], Runner]] = {
    "none": _natively,
    "docker": _in_containers,
    "podman": _in_containers,
}
