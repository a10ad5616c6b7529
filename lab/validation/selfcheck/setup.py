"""What all parts share: the interpreter that is measured, its targets, where results go, how progress is told."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from lab.model import Limit, Target
from lab.planning.cells import target_id
from lab.targets.interpreters import Interpreter
from lab.targets.native import NativeRunner, allowed_cpus, can_pin

Say = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Bench:
    """One interpreter of this machine, natively, and the folder that the results go to."""

    interpreter: Interpreter
    folder: Path
    seed: int
    say: Say

    @property
    def cpus(self) -> int:
        """How many CPUs there are to measure on."""
        return len(allowed_cpus())

    def target(self, cpus: int, suffix: str = "") -> Target:
        """A target of so many pinned CPUs; ``suffix`` tells arms apart that are alike in everything else."""
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
        """What starts the real agent by this interpreter."""
        return NativeRunner({self.interpreter.key: self.interpreter})

    def random(self, part: str) -> random.Random:
        """The order of a part, which the seed gives."""
        return random.Random(f"{self.seed}/{part}")  # noqa: S311 - an order that can be repeated, no secret


class Lines:
    """Raw results as JSON lines, written as they come."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path

    def add(self, record: dict[str, object]) -> None:
        """Append one record; after a kill all the earlier ones are there."""
        with self._path.open("a", encoding="utf-8", newline="\n") as file:
            file.write(json.dumps(record, sort_keys=True) + "\n")


class Steps:
    """Tells how far a part is, at most every ten seconds."""

    EVERY_S = 10.0

    def __init__(self, say: Say, part: str, total: int) -> None:
        self._say, self._part, self._total = say, part, total
        self._began = self._told = time.monotonic()
        self._done = 0

    def done(self) -> None:
        """One more step is done."""
        self._done += 1
        now = time.monotonic()
        if now - self._told >= self.EVERY_S or self._done == self._total:
            self._told = now
            left_s = (now - self._began) / self._done * (self._total - self._done)
            self._say(f"{self._part}: {self._done} of {self._total}, about {left_s / 60:.1f} min of this part left")
