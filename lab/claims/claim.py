"""The parts of a claim: a statement that a measurement can refute, and the tests that measure it.

A claim has one or more tests and holds where all of them hold. A test selects its rows by axis values, so that the same
selection finds a cell of a plan and its row in summary.csv. Where several cases match, all are compared, and the one
most adverse to the claim decides; see ``lab.claims.parts``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Literal

# The tutorial behind most claims and scenarios: tables use the short name, and each page identifies it once in full.
TUTORIAL = "tutorial"
TUTORIAL_IN_FULL = (
    "The tutorial is 并发编程之多进程 (“Concurrent programming: multiple processes”), a Chinese tutorial on Python 2's "
    "multiprocessing; its author and address are unknown."
)

Unit = Literal["ratio", "count", "bytes", "ns"]
Side = Literal["above", "below"]
Scope = Literal["everywhere", "limited", "unlimited"]


class Workers(Enum):
    """Worker counts that depend on the target: the largest planned count up to its CPUs, and twice its CPUs."""

    CPUS = "as many as CPUs"
    TWICE_CPUS = "twice as many as CPUs"


@dataclass(frozen=True)
class First:
    """The first of these values that was measured, for axes on which systems differ (Windows has no fork)."""

    choices: tuple[str | int, ...]

    def __str__(self) -> str:
        return " or else ".join(str(value) for value in self.choices)


Selector = str | int | tuple[str | int, ...] | First | Workers
Where = Mapping[str, Selector]
ANY_START = First(("fork", "forkserver", "spawn"))


@dataclass(frozen=True, kw_only=True)
class Quantity:
    """Rows of summary.csv: an operation and a metric of a scenario, selected by the values of its axes.

    A tuple in ``where`` matches any of its values; ``excluding`` matches any value except these. An axis that is not
    named may have any value. Of the cells that match, those whose tasks make fewer than ``chunks_per_worker`` chunks
    for each worker are left out.
    """

    scenario: str
    operation: str
    metric: str = "wall_time"
    where: Where = field(default_factory=dict)
    excluding: Mapping[str, tuple[str | int, ...]] = field(default_factory=dict)
    chunks_per_worker: int = 0

    def __str__(self) -> str:
        words = [f"{axis} {_words(wanted)}" for axis, wanted in self.where.items()]
        words += [f"{axis} not {_words(values)}" for axis, values in self.excluding.items()]
        words += [f"at least {self.chunks_per_worker} chunks per worker"] if self.chunks_per_worker else []
        return f"{self.metric} of {self.scenario} {self.operation}" + (f" ({', '.join(words)})" if words else "")


@dataclass(frozen=True, kw_only=True)
class Ratio:
    """The ratio of ``top`` to ``bottom``, paired by round.

    Every top is paired with every bottom whose axes in ``same`` are equal and whose axes in ``different`` differ. With
    ``older_than`` the bottom comes from another target: equal except for its Python, the newest before that version;
    ``gil_build``: equal except for its build, which has a GIL.
    The ``name`` of one of several tests stands in the reason, which gives the values of all that have one.
    """

    top: Quantity
    bottom: Quantity
    holds: Side
    threshold: float
    same: tuple[str, ...] = ()
    different: tuple[str, ...] = ()
    older_than: tuple[int, int] | None = None
    gil_build: bool = False
    unit: Unit = "ratio"
    name: str = ""

    @property
    def quantities(self) -> tuple[Quantity, ...]:
        """The quantities that the test compares with its threshold."""
        return self.top, self.bottom


@dataclass(frozen=True, kw_only=True)
class Level:
    """A single quantity that scatters over the rounds and is judged on its logarithm: bytes, nanoseconds."""

    quantity: Quantity
    holds: Side
    threshold: float
    unit: Unit

    @property
    def quantities(self) -> tuple[Quantity, ...]:
        """The quantities that the test compares with its threshold."""
        return (self.quantity,)


@dataclass(frozen=True, kw_only=True)
class Count:
    """An exact count, or 1 for yes and 0 for no, which is on the claim's side in every trial: one exception refutes it.

    ``trials``: what one sample counts the exceptions of: so many trials, or the tasks of its job; 1 where the sample is
    the trial.
    """

    quantity: Quantity
    holds: Side
    threshold: float
    unit: Unit = "count"
    trials: int | Literal["tasks"] = 1

    @property
    def quantities(self) -> tuple[Quantity, ...]:
        """The quantities that the test compares with its threshold."""
        return (self.quantity,)


Test = Ratio | Level | Count


@dataclass(frozen=True, kw_only=True)
class Guard:
    """A precondition: the median over rounds must be ``at_least``, else the claim is inconclusive for ``otherwise``."""

    quantity: Quantity
    at_least: float
    otherwise: str


@dataclass(frozen=True, kw_only=True)
class Claim:
    """One claim. It holds where the whole interval of each test lies on the named side of the test's threshold.

    Args:
        name: its file name and its name in claims.csv.
        statement: one sentence that says exactly what is judged, with its numbers.
        source: who makes the claim and where, precisely enough that a reader finds it.
        tests: what is measured; all tests must hold.
        threshold_reason: the rationale of the thresholds.
        exceptions: where the claim is known not to apply.
        view: the figure that shows its numbers; empty where the figure of all claims shows as much.
        guards: preconditions without which the claim is inconclusive.
        least_cpus: CPUs that a target needs for it; ``cpus_reason`` says why.
        scope: whether it is about every target, or about targets with limited or with unlimited CPUs.
        systems: the operating systems that it is about; empty for all.
        since: the Python version from which on it applies; None for all.
        builds: the builds that it is about, ``gil`` or ``free-threaded``; empty for both.
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
    builds: tuple[str, ...] = ()

    @property
    def quantities(self) -> tuple[Quantity, ...]:
        """The quantities of all tests and guards, each once."""
        found = [quantity for test in self.tests for quantity in test.quantities]
        found += [guard.quantity for guard in self.guards]
        return tuple(quantity for index, quantity in enumerate(found) if quantity not in found[:index])


def _words(wanted: Selector) -> str:
    if isinstance(wanted, Workers):
        return wanted.value
    return " or ".join(map(str, wanted)) if isinstance(wanted, tuple) else str(wanted)
