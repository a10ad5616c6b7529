"""What a claim is: a sentence that a measurement can prove wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Unit = Literal["ratio", "count", "bytes", "ns"]


@dataclass(frozen=True, kw_only=True)
class Quantity:
    """A selection of rows of summary.csv: a scenario's metric, and columns with the values they must have."""

    scenario: str
    metric: str
    where: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        conditions = ", ".join(f"{column} {value}" for column, value in self.where.items())
        return f"{self.metric} of {self.scenario}" + (f" ({conditions})" if conditions else "")


@dataclass(frozen=True, kw_only=True)
class Claim:
    """One claim. It holds when the whole interval of the value lies on the ``holds`` side of the threshold.

    ``source`` is the article's section, or the tutorial or document that says so.
    """

    name: str
    statement: str
    source: str
    quantities: tuple[Quantity, ...]
    holds: Literal["above", "below"]
    threshold: float
    unit: Unit
