"""Values of rounds and ratios between them.

The replicate is the round: a round's value is the median of its batches (under a quota, where short batches are
bimodal, elapsed time over operations of all its windows). A ratio of two cells is taken within each round, so that
what drifts between rounds cancels; its interval is Student's t on the rounds' log ratios. Below ``MIN_ROUNDS`` there
is an estimate and no interval. Where a cell is bimodal the median and its order statistics stand in their place. Round
k of one run was not measured beside round k of another, so that cells of two runs that were merged have no ratio.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lab.stats.intervals import CONFIDENCE, MIN_ROUNDS, median_ranks, t_interval
from lab.stats.tables.summary import round_centres

if TYPE_CHECKING:
    import pandas as pd

Key = tuple[str, str, str, str]
KEY_COLUMNS = ["target", "scenario", "case", "operation"]


@dataclass(frozen=True)
class Estimate:
    """A quantity, its 95 % interval where there is one, and the rounds it comes from.

    ``doubt``: why it proves nothing all the same (``lab.stats.quality``), the cell's name in it; else empty.
    """

    value: float
    low: float | None
    high: float | None
    rounds: int
    doubt: str = ""

    @property
    def has_interval(self) -> bool:
        """Whether there were rounds enough."""
        return self.low is not None and self.high is not None

    def scaled(self, factor: float) -> Estimate:
        """The same in another unit."""
        low = None if self.low is None else self.low * factor
        high = None if self.high is None else self.high * factor
        return Estimate(self.value * factor, low, high, self.rounds, self.doubt)


class Rounds:
    """Of each cell, the logarithm of every round's value of one metric, and the run that it was measured in."""

    def __init__(
        self,
        logs: Mapping[Key, Mapping[int, float]],
        runs: Mapping[Key, object],
        doubts: Mapping[tuple[str, str, str], str] | None = None,
    ) -> None:
        self._logs = logs
        self._runs = runs
        self._doubts = doubts or {}

    @classmethod
    def of(
        cls, samples: pd.DataFrame, metric: str = "wall_time", doubts: Mapping[tuple[str, str, str], str] | None = None
    ) -> Rounds:
        """From the rows of samples.csv: measured values of a metric, no warm-up; those above zero have a logarithm.

        ``doubts``: what ratios say of their cells, if they should.
        """
        timed = samples[(samples["metric"] == metric) & (samples["warmup"] == 0) & (samples["status"] == "ok")]
        timed = timed.dropna(subset=["value", "round"])
        if timed.empty:
            return cls({}, {})
        groups = timed.groupby(KEY_COLUMNS, sort=False)
        timed = timed.assign(group=groups.ngroup())
        firsts = timed.drop_duplicates("group")
        keys = dict(zip(firsts["group"], firsts[KEY_COLUMNS].itertuples(index=False, name=None), strict=True))
        runs = dict(zip(keys.values(), firsts["run_id"].fillna("").tolist(), strict=True))
        centres = round_centres(timed)
        logs: dict[Key, dict[int, float]] = {}
        for group, number, centre in centres[["group", "round", "centre"]].itertuples(index=False, name=None):
            if centre > 0:  # a delay can be negative; such a round has no ratio
                logs.setdefault(keys[group], {})[int(number)] = math.log(centre)
        return cls(logs, runs, doubts)

    def logs(self, key: Key) -> Mapping[int, float]:
        """Round -> logarithm of the cell's value; empty where it was not measured."""
        return self._logs.get(key, {})

    def paired(self, numerator: Key, denominator: Key) -> list[float]:
        """The logarithm of the ratio in each round that both have; none where two runs measured them."""
        if self._runs.get(numerator) != self._runs.get(denominator):
            return []
        above, below = self.logs(numerator), self.logs(denominator)
        return [above[number] - below[number] for number in sorted(set(above) & set(below))]

    def ratio(
        self, numerator: Key, denominator: Key, confidence: float = CONFIDENCE, *, bimodal: bool = False
    ) -> Estimate | None:
        """How many times the second the first is, paired by round; None where no round has both.

        ``bimodal``: by order statistics, as ``middle`` has it.
        """
        logs = self.paired(numerator, denominator)
        if not logs:
            return None
        doubtful = [f"{key[2]} {self._doubts[key[:3]]}" for key in (numerator, denominator) if key[:3] in self._doubts]
        return replace(estimated(logs, confidence, bimodal=bimodal), doubt="; ".join(dict.fromkeys(doubtful)))


def estimated(logs: Sequence[float], confidence: float = CONFIDENCE, *, bimodal: bool) -> Estimate:
    """By the geometric mean, or by the median where a cell is bimodal; one value at least."""
    return middle(logs, confidence) if bimodal else geometric(logs, confidence)


def geometric(logs: Sequence[float], confidence: float = CONFIDENCE) -> Estimate:
    """The geometric mean of values given by their logarithms, with its t-interval."""
    centre, low, high = t_interval(logs, confidence)
    if len(logs) < MIN_ROUNDS:
        return Estimate(math.exp(centre), None, None, len(logs))
    return Estimate(math.exp(centre), math.exp(low), math.exp(high), len(logs))


def middle(logs: Sequence[float], confidence: float = CONFIDENCE) -> Estimate:
    """The median of values given by their logarithms, with the order statistics that enclose it, where they can.

    For cells with two modes, whose rounds are far from Gaussian; six rounds are the least that give 95 %.
    """
    ordered = sorted(logs)
    centre = math.exp(statistics.median(ordered))
    ranks = median_ranks(len(ordered), confidence)
    if ranks is None:
        return Estimate(centre, None, None, len(ordered))
    return Estimate(centre, math.exp(ordered[ranks[0]]), math.exp(ordered[ranks[1]]), len(ordered))
