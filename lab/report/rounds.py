"""Values of rounds and ratios between them, by DESIGN section 6.

The replicate is the round: a round's value is the median of its batches (under a quota, where short batches are
bimodal, elapsed time over operations of all its windows). A ratio of two cells is taken within each round, so that
what drifts between rounds cancels; its interval is Student's t on the rounds' log ratios. Below ``MIN_ROUNDS`` there
is an estimate and no interval.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from scipy import stats

if TYPE_CHECKING:
    import pandas as pd

MIN_ROUNDS = 5
CONFIDENCE = 0.95

Key = tuple[str, str, str, str]
KEY_COLUMNS = ["target", "scenario", "case", "operation"]


@dataclass(frozen=True)
class Estimate:
    """A quantity, its 95 % interval where there is one, and the rounds it comes from."""

    value: float
    low: float | None
    high: float | None
    rounds: int

    @property
    def has_interval(self) -> bool:
        """Whether there were rounds enough."""
        return self.low is not None and self.high is not None

    def scaled(self, factor: float) -> Estimate:
        """The same in another unit."""
        low = None if self.low is None else self.low * factor
        high = None if self.high is None else self.high * factor
        return Estimate(self.value * factor, low, high, self.rounds)


class Rounds:
    """Of each timed cell, the logarithm of every round's value."""

    def __init__(self, logs: Mapping[Key, Mapping[int, float]]) -> None:
        self._logs = logs

    @classmethod
    def of(cls, samples: pd.DataFrame) -> Rounds:
        """From the rows of samples.csv: measured times, no warm-up."""
        timed = samples[(samples["metric"] == "wall_time") & (samples["warmup"] == 0) & (samples["status"] == "ok")]
        timed = timed.dropna(subset=["value", "round"])
        timed = timed.assign(spent=timed["value"] * timed["loops"].fillna(1).astype("float64"))
        logs: dict[Key, dict[int, float]] = {}
        for key, cell in timed.groupby([*KEY_COLUMNS, "round"], sort=True):
            *names, number = key
            quota = bool((cell["cpu_mode"] == "quota").any())
            value = cell["spent"].sum() / cell["loops"].fillna(1).sum() if quota else cell["value"].median()
            if value > 0:  # a delay can be negative; such a cell has no ratio
                target, scenario, case, operation = (str(name) for name in names)
                logs.setdefault((target, scenario, case, operation), {})[int(number)] = math.log(value)
        return cls(logs)

    def ratio(self, numerator: Key, denominator: Key) -> Estimate | None:
        """How many times the second the first is, paired by round; None where no round has both."""
        above, below = self._logs.get(numerator, {}), self._logs.get(denominator, {})
        shared = sorted(set(above) & set(below))
        return geometric([above[number] - below[number] for number in shared]) if shared else None


def geometric(logs: Sequence[float]) -> Estimate:
    """The geometric mean of values given by their logarithms, with its t-interval."""
    centre = statistics.fmean(logs)
    count = len(logs)
    if count < MIN_ROUNDS:
        return Estimate(math.exp(centre), None, None, count)
    quantile = float(stats.t.ppf((1 + CONFIDENCE) / 2, count - 1))
    half = quantile * statistics.stdev(logs) / math.sqrt(count)
    return Estimate(math.exp(centre), math.exp(centre - half), math.exp(centre + half), count)
