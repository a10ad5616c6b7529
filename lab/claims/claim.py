"""What a claim is: a sentence that a measurement can prove wrong, and which measurement that is.

A claim has one or more tests, and holds where all of them do. A test names its rows by axis values alone, so that the
same words find a cell in a plan and its row in summary.csv. What several cases match is compared with all of them, and
the case most adverse to the claim decides; see ``lab.claims.bounds``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Literal

# The tutorial that most claims and scenarios are about, in short as tables name it and as a page identifies it once.
TUTORIAL = "tutorial"
TUTORIAL_IN_FULL = (
    "The tutorial is 并发编程之多进程 (“Concurrent programming: multiple processes”), a Chinese tutorial on Python 2's "
    "multiprocessing; its author and address are unknown."
)

Unit = Literal["ratio", "count", "bytes", "ns"]
Side = Literal["above", "below"]
Scope = Literal["everywhere", "limited", "unlimited"]


class Workers(Enum):
    """Worker counts that depend on the target: the most that were planned up to its CPUs, and twice its CPUs."""

    CPUS = "as many as CPUs"
    TWICE_CPUS = "twice as many as CPUs"


@dataclass(frozen=True)
class First:
    """Of these values the first that was measured, for where systems differ (Windows has no fork)."""

    choices: tuple[str | int, ...]

    def __str__(self) -> str:
        return " or else ".join(str(value) for value in self.choices)


Selector = str | int | tuple[str | int, ...] | First | Workers
Where = Mapping[str, Selector]
ANY_START = First(("fork", "forkserver", "spawn"))


@dataclass(frozen=True, kw_only=True)
class Quantity:
    """Rows of summary.csv: an operation and metric of a scenario, by the values of its axes.

    A tuple stands for any of its values, ``excluding`` for any but these; an axis that is not named may have any value.
    """

    scenario: str
    operation: str
    metric: str = "wall_time"
    where: Where = field(default_factory=dict)
    excluding: Mapping[str, tuple[str | int, ...]] = field(default_factory=dict)

    def __str__(self) -> str:
        words = [f"{axis} {_words(wanted)}" for axis, wanted in self.where.items()]
        words += [f"{axis} not {_words(values)}" for axis, values in self.excluding.items()]
        return f"{self.metric} of {self.scenario} {self.operation}" + (f" ({', '.join(words)})" if words else "")


@dataclass(frozen=True, kw_only=True)
class Ratio:
    """How many times the ``bottom`` the ``top`` is, by round.

    All pairs are formed whose axes ``same`` are equal and whose columns ``different`` are not.
    ``older_than``: the bottom is of another target, equal but for its Python, which is the newest before this version.
    """

    top: Quantity
    bottom: Quantity
    holds: Side
    threshold: float
    same: tuple[str, ...] = ()
    different: tuple[str, ...] = ()
    older_than: tuple[int, int] | None = None
    unit: Unit = "ratio"

    @property
    def quantities(self) -> tuple[Quantity, ...]:
        """What it is made of."""
        return self.top, self.bottom


@dataclass(frozen=True, kw_only=True)
class Level:
    """A quantity by itself, whose logarithm scatters over the rounds: bytes, nanoseconds."""

    quantity: Quantity
    holds: Side
    threshold: float
    unit: Unit

    @property
    def quantities(self) -> tuple[Quantity, ...]:
        """What it is made of."""
        return (self.quantity,)


@dataclass(frozen=True, kw_only=True)
class Count:
    """An exact count, or 1 and 0 for yes and no, which need not scatter at all: decided only by all rounds alike."""

    quantity: Quantity
    holds: Side
    threshold: float
    unit: Unit = "count"

    @property
    def quantities(self) -> tuple[Quantity, ...]:
        """What it is made of."""
        return (self.quantity,)


Test = Ratio | Level | Count


@dataclass(frozen=True, kw_only=True)
class Guard:
    """What must have been the case in most rounds, or the claim is not said to hold, for ``otherwise``."""

    quantity: Quantity
    at_least: float
    otherwise: str


@dataclass(frozen=True, kw_only=True)
class Claim:
    """One claim. It holds where the whole interval of each test lies on the side of the threshold that it names.

    ``source`` is the tutorial's section, or what else says so, such that a reader finds it; ``threshold_reason`` says
    why the threshold is where it is, ``exceptions`` where the claim is known to be otherwise. ``view`` is the figure
    behind it, or empty where that of all claims shows as much. It is asked of targets with ``least_cpus`` CPUs,
    ``cpus_reason`` saying why, by ``scope`` of those whose CPUs are limited or of those whose are not, and of
    ``systems`` and of Python ``since`` a version alone where they are named.
    """

    name: str
    statement: str
    source: str
    tests: tuple[Test, ...]
    threshold_reason: str
    exceptions: str = ""
    view: str = ""
    guards: tuple[Guard, ...] = ()
    least_cpus: int = 0
    cpus_reason: str = ""
    scope: Scope = "everywhere"
    systems: tuple[str, ...] = ()
    since: tuple[int, int] | None = None

    @property
    def quantities(self) -> tuple[Quantity, ...]:
        """All that it is made of, each once."""
        found = [quantity for test in self.tests for quantity in test.quantities]
        found += [guard.quantity for guard in self.guards]
        return tuple(quantity for index, quantity in enumerate(found) if quantity not in found[:index])


def _words(wanted: Selector) -> str:
    if isinstance(wanted, Workers):
        return wanted.value
    return " or ".join(map(str, wanted)) if isinstance(wanted, tuple) else str(wanted)
