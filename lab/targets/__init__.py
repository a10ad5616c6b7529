"""Run cells in containers or in processes of this machine, behind one Protocol and an explicit dict.

A runner gives a target a request and returns the agent's lines as they arrive. A new kind of target needs one module
and one line in ``RUNNERS``.
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
    """A block in progress on a target."""

    def lines(self) -> Iterator[str]:
        """Yield the agent's lines as they arrive, until the agent has ended."""
        ...

    def why_ended(self) -> str:
        """How the agent ended, as a reason for cells without an end; only valid after ``lines`` is exhausted."""
        ...


class Runner(Protocol):
    """Starts blocks on targets of one kind."""

    def start(self, target: Target, cpus: list[int] | None, request: Request) -> AbstractContextManager[Running]:
        """Start the agent with a request on these CPUs (None: not pinned); leaving the context removes all of it."""
        ...

    def cpus_for(self, target: Target, round_number: int) -> list[int] | None:
        """The CPU numbers of a target in a round (None: not pinned); those of small targets alternate by round."""
        ...

    def remove_leftovers(self, run_id: str, *, own: bool = False) -> int:
        """Remove what an interrupted run of this id left, such as containers, and return the number of objects.

        With ``own`` only what this process made: another run may have the same id.
        """
        ...

    def describe(self, target: Target) -> RunWith:
        """The image or executable of a target, for the manifest."""
        ...


@dataclass(frozen=True, kw_only=True)
class Equipment:
    """What is needed to make a runner.

    Attributes:
        run_id: the label of everything that the runner starts.
        keys: the Python versions of its targets, whose images are obtained.
        package: the folder ``lab`` whose agent the runner starts.
        interpreters: version -> interpreter of this machine.
        engine: the container engine, if any.
        images: the source of images, if there is an engine.
        say: shows one line to the user.
    """

    run_id: str
    keys: Sequence[str]
    package: Path
    interpreters: Mapping[str, Interpreter]
    engine: Engine | None
    images: Images | None
    say: Callable[[str], None]


def _native_runner(equipment: Equipment) -> Runner:
    from lab.targets.native import NativeRunner

    return NativeRunner(equipment.interpreters, equipment.package, equipment.run_id)


def _container_runner(equipment: Equipment) -> Runner:
    from lab.targets.docker import DockerRunner

    assert equipment.engine is not None
    assert equipment.images is not None
    images = equipment.images.obtain(equipment.keys, equipment.say)
    runner = DockerRunner(equipment.engine, images, equipment.run_id)
    runner.examine(equipment.say)
    return runner


# A target's engine -> the function that makes its runner.
RUNNERS: Mapping[str, Callable[[Equipment], Runner]] = {
    "none": _native_runner,
    "docker": _container_runner,
    "podman": _container_runner,
}
