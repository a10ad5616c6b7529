"""Which measured values, and which target of a run, an answer is taken from. Nothing is interpolated."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab.errors import UsageError
from lab.report.targets import largest

if TYPE_CHECKING:
    from lab.report.targets import Target


@dataclass(frozen=True, kw_only=True)
class Measured:
    """The measured value nearest to the requested one, and both neighbours where that lies between two."""

    asked: int
    nearest: int
    neighbours: tuple[int, ...]

    @property
    def places(self) -> tuple[int, ...]:
        """The values to look up, the smaller first."""
        return self.neighbours or (self.nearest,)

    @property
    def beyond(self) -> bool:
        """Whether the requested value is outside the measured range."""
        return not self.neighbours and self.nearest != self.asked


def nearest(asked: int, values: Iterable[int]) -> Measured | None:
    """Return the measured value nearest by its ratio, because costs grow by powers; None where there is none."""
    measured = sorted({value for value in values if value > 0})
    if not measured:
        return None
    closest = min(measured, key=lambda value: (abs(math.log(value / asked)), value))
    below = [value for value in measured if value < asked]
    above = [value for value in measured if value > asked]
    between = closest != asked and bool(below) and bool(above)
    return Measured(asked=asked, nearest=closest, neighbours=(below[-1], above[0]) if between else ())


def target_for(targets: Iterable[Target], *, python: str | None, cpus: str | None) -> Target:
    """Return the target with this version and CPU limit (``2``, ``0.5q``); of several the one that represents the run.

    Raises:
        UsageError: the run has no such target; the message names those that it has.
    """
    listed = list(targets)
    fitting = [target for target in listed if _has_python(target, python) and _has_cpus(target, cpus)]
    chosen = largest(fitting)
    if chosen is None:
        wanted = " and ".join(
            part for part in (f"Python {python}" if python else "", f"{cpus} CPUs" if cpus else "") if part
        )
        listing = "; ".join(f"Python {target.version}, {target.panel}" for target in listed) or "none"
        raise UsageError(f"not measured: this run has no target with {wanted or 'a measurement'}; it has: {listing}")
    return chosen


def _has_python(target: Target, python: str | None) -> bool:
    if python is None:
        return True
    wanted, free = python.removesuffix("t"), python.endswith("t")
    same_build = free == (target.build == "free-threaded")
    return same_build and (target.python == wanted or target.python.startswith(wanted + "."))


def _has_cpus(target: Target, cpus: str | None) -> bool:
    if cpus is None:
        return True
    try:
        number = float(cpus.removesuffix("q"))
    except ValueError:
        raise UsageError(f"{cpus!r} is not a CPU limit; write 2 for two CPUs or 0.5q for a quota") from None
    return target.cpus == number and cpus.endswith("q") == (target.cpu_mode == "quota")
