"""A comparison as a whole: its pairs, all of their rows judged as one family, and what a reader must know first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from lab.comparisons.differences import Difference
from lab.comparisons.pairing import Pair, shared_differences
from lab.comparisons.rates import UNKNOWN
from lab.errors import UsageError
from lab.model import Rates
from lab.stats.compare import THRESHOLD, judge
from lab.stats.pairs import ratios
from lab.stats.tables.scenario_ratios import scenario_ratios
from lab.tables import csv_files, schema

# What a user waits for; the other metrics are compared where they are named.
WAITED_FOR = ("wall_time", "throughput", "latency_p50", "latency_p99", "latency_p999")


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """``rows`` and ``overall`` (a row a scenario, of interleaved pairs) have the columns of ``schema.COMPARE``.

    ``rates`` is what the machine's selfcheck found, where there was one.
    """

    base: str
    new: str
    pairs: tuple[Pair, ...]
    rows: pd.DataFrame
    overall: pd.DataFrame
    threshold: float
    rates: Rates | None

    @property
    def differences(self) -> list[tuple[str, Difference]]:
        """What differs in provenance, with the pair where not all have it."""
        return shared_differences(self.pairs)

    @property
    def caveats(self) -> list[str]:
        """What must be known before the numbers."""
        told = [slowed(pair) for pair in self.pairs] + [images(self.differences), order(self.pairs), apart(self.pairs)]
        return list(dict.fromkeys(filter(None, told)))

    @property
    def floor(self) -> float | None:
        """The machine's A/A floor, where one was measured."""
        return floor_of(self.rates, self.pairs) if self.rates else None

    @property
    def floor_line(self) -> str:
        """The A/A floor and the rates in words; they stand beside every comparison."""
        if self.rates is None:
            return UNKNOWN
        is_it = floor_of(self.rates, self.pairs) >= self.threshold
        return self.rates.words + ("; the floor is the threshold" if is_it else "")

    def counts(self) -> dict[str, int]:
        """Verdict -> rows."""
        return {str(word): int(count) for word, count in self.rows["verdict"].value_counts().items()}


def contrast(
    found: Sequence[Pair],
    *,
    base: str,
    new: str,
    metrics: Sequence[str] = WAITED_FOR,
    threshold: float = THRESHOLD,
    rates: Rates | None = None,
) -> Comparison:
    """Compare the pairs: every row's id names its pair where there are several.

    Args:
        found: the pairs; at least one.
        base: what the first side is called.
        new: what the other one is called.
        metrics: which metrics; what failed has a row in any case.
        threshold: smallest relative change that matters.
        rates: of the machine; its A/A floor takes the threshold's place where it is larger; that of sessions apart
            where a pair was not interleaved.
    """
    limit = max(threshold, floor_of(rates, found) if rates else 0.0)
    cells, means, paired = [], [], []
    for pair in found:
        one, other = samples_of(pair, metrics)
        disturbed, interleaved = pair.disturbed, pair.interleaved
        cells.append(ratios(one, other, interleaved=interleaved, disturbed=disturbed))
        if interleaved:
            paired.append(pair)
            means.append(scenario_ratios(undisturbed(one, disturbed), undisturbed(other, disturbed)))
    overall = judge(labelled(means, paired), threshold=limit) if means else pd.DataFrame()
    return Comparison(
        base=base,
        new=new,
        pairs=tuple(found),
        rows=judge(labelled(cells, found), threshold=limit),
        overall=csv_files.conform(overall, schema.COMPARE),
        threshold=limit,
        rates=rates,
    )


def floor_of(rates: Rates, found: Sequence[Pair]) -> float:
    """The floor that these pairs are held to."""
    return rates.applicable_floor(interleaved=all(pair.interleaved for pair in found))


def samples_of(pair: Pair, metrics: Sequence[str]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The samples of both sides, of these metrics; what has no value stays, whatever its metric."""
    one, other = (
        side[side["metric"].isin(metrics) | (side["status"] != "ok")]
        for side in (pair.base.of(pair.base_target), pair.new.of(pair.new_target))
    )
    return one, other


def undisturbed(side: pd.DataFrame, disturbed: Mapping[tuple[str, str], str]) -> pd.DataFrame:
    """The samples without those of cells that were disturbed on either side."""
    cells = pd.MultiIndex.from_frame(side[["scenario", "case"]])
    return side[~cells.isin(list(disturbed))] if disturbed else side


def labelled(parts: Sequence[pd.DataFrame], found: Sequence[Pair]) -> pd.DataFrame:
    """All pairs' rows in one frame; where there are several pairs, ids tell them apart."""
    named = [
        part.assign(
            id=part["id"] + (f"@{pair.label}" if len(found) > 1 else ""),
            base_target=pair.base_target,
            new_target=pair.new_target,
        )
        for part, pair in zip(parts, found, strict=True)
    ]
    return pd.concat(named, ignore_index=True)


def check_metrics(found: Sequence[Pair], metrics: Sequence[str]) -> None:
    """Refuse a metric that neither side has.

    Raises:
        UsageError: it names those that there are.
    """
    have = sorted(
        {str(name) for pair in found for run in (pair.base, pair.new) for name in run.samples["metric"].unique()}
    )
    for name in metrics:
        if name not in have:
            raise UsageError(f"no sample has the metric {name!r}; there are {', '.join(have)}")


def slowed(pair: Pair) -> str:
    """That a side was slowed on purpose."""
    sides = {"BASE": pair.base, "NEW": pair.new}
    percents = {name: run.manifest.inject_slowdown_percent or 0 for name, run in sides.items()}
    told = [f"{name} by {percent:g} %" for name, percent in percents.items() if percent]
    return f"Slowed on purpose (--inject-slowdown): {' and '.join(told)}." if told else ""


def images(told: Sequence[tuple[str, Difference]]) -> str:
    """That a verdict is about images where their build classes differ."""
    names = sorted({difference.name.rpartition(".")[2] for _, difference in told if "build_class" in difference.name})
    if not names:
        return ""
    return (
        f"The build classes differ ({', '.join(names)}): slower and faster speak of the images, which is what an "
        "upgrade meets, and ascribe nothing to the Python version."
    )


def order(found: Sequence[Pair]) -> str:
    """That BASE is younger than NEW."""
    created = [(pair.base.manifest.created or "", pair.new.manifest.created or "") for pair in found]
    return "BASE is younger than NEW: is the order as you meant it?" if any(a > b for a, b in created) else ""


def apart(found: Sequence[Pair]) -> str:
    """That the rounds of two runs were not interleaved."""
    if all(pair.interleaved for pair in found):
        return ""
    return (
        "BASE and NEW are two runs, not interleaved: what the machine did between them is in the ratios, and an "
        "interval does not hold it. Two targets of one run are compared more sharply."
    )
