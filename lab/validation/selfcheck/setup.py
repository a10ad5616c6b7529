"""What all parts of the selfcheck share: the interpreter, its targets, the folder of the results, the console."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path

import msgspec
from rich.console import Console

from lab.model import Limit, Target
from lab.planning.cells import target_id
from lab.targets.interpreters import Interpreter
from lab.targets.native import NativeRunner, allowed_cpus, can_pin


@dataclass(frozen=True, kw_only=True)
class Setup:
    """One interpreter of this machine, run natively, the folder of the results, and the console for progress."""

    interpreter: Interpreter
    folder: Path
    seed: int
    console: Console

    def say(self, text: str) -> None:
        """Print a line of progress."""
        self.console.print(text, markup=False, highlight=False, soft_wrap=True)

    @property
    def cpus(self) -> int:
        """The number of CPUs that this process may use."""
        return len(allowed_cpus())

    def target(self, cpus: int, suffix: str = "") -> Target:
        """A target of so many pinned CPUs; ``suffix`` distinguishes targets that are otherwise identical."""
        limit = Limit(mode="affinity" if can_pin() else "none", cpus=cpus)
        label = target_id(self.interpreter.key, self.interpreter.os, limit, native=True)
        return Target(
            id=label + suffix,
            key=self.interpreter.key,
            engine="none",
            os=self.interpreter.os,
            arch=self.interpreter.arch,
            limit=limit,
            cpus_visible=cpus,
        )

    def runner(self) -> NativeRunner:
        """A runner that starts the agent with this interpreter."""
        return NativeRunner({self.interpreter.key: self.interpreter})

    def random(self, part: str) -> random.Random:
        """The generator of a part's random order, determined by the seed."""
        return random.Random(f"{self.seed}/{part}")  # noqa: S311 - an order that can be repeated, no secret

    def append_raw(self, name: str, record: msgspec.Struct) -> None:
        """Append a record to ``raw/NAME`` as a JSON line, so that a killed selfcheck keeps all earlier ones."""
        path = self.folder / "raw" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab") as file:
            file.write(msgspec.json.encode(record, order="sorted") + b"\n")
