"""Where cells run: a container or a process of this machine, behind one Protocol and an explicit dict.

A target gets a request and gives the agent's lines as they come. Adding a target is one module and one line here.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any, Protocol

from lab.model import Target


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

    def start(self, target: Target, cpus: list[int] | None, request: dict[str, Any]) -> AbstractContextManager[Running]:
        """Start the agent with this request on these CPUs; whatever was started is gone when the context ends."""
        ...

    def cpus_for(self, target: Target, round_number: int) -> list[int] | None:
        """CPU numbers for a target in a round (None: not pinned); which CPU serves a small target alternates."""
        ...

    def remove_leftovers(self, run_id: str) -> int:
        """Remove what a dead run of this id left behind; how many things that were."""
        ...

    def describe(self, target: Target) -> dict[str, Any]:
        """What the manifest says of a target: image or executable."""
        ...
