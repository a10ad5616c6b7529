"""Which of the measured values stand for one that was asked for. Nothing is interpolated between them."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Measured:
    """The measured value nearest to the asked one, and both neighbours where the asked one lies between two."""

    asked: int
    nearest: int
    neighbours: tuple[int, ...]

    @property
    def places(self) -> tuple[int, ...]:
        """The values to look at, the smaller first."""
        return self.neighbours or (self.nearest,)

    @property
    def beyond(self) -> bool:
        """Whether the asked value is outside of all that was measured."""
        return not self.neighbours and self.nearest != self.asked


def nearest(asked: int, values: Iterable[int]) -> Measured | None:
    """The measured value nearest by its ratio, for costs go by powers; None where nothing was measured."""
    measured = sorted({value for value in values if value > 0})
    if not measured:
        return None
    closest = min(measured, key=lambda value: (abs(math.log(value / asked)), value))
    below = [value for value in measured if value < asked]
    above = [value for value in measured if value > asked]
    between = closest != asked and bool(below) and bool(above)
    return Measured(asked=asked, nearest=closest, neighbours=(below[-1], above[0]) if between else ())
