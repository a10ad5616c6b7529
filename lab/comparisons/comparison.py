"""A comparison as a whole: its pairs, all of their rows judged as one family, and what a reader must know first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from lab.comparisons.pairing import Pair, shared_differences
from lab.errors import UsageError
from lab.provenance import Difference
from lab.stats.compare import THRESHOLD, judge
from lab.stats.pairs import ratios

# What a user waits for; the other metrics are compared where they are named.
WAITED_FOR = ("wall_time", "throughput", "latency_p50", "latency_p99", "latency_p999")


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """``rows`` has the columns of ``schema.COMPARE``; ``floor`` is the machine's A/A floor, where one was measured."""

    base: str
    new: str
    pairs: tuple[Pair, ...]
    rows: pd.DataFrame
    threshold: float
    floor: float | None

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
    def floor_line(self) -> str:
        """The A/A floor in words; it stands beside every comparison."""
        if self.floor is None:
            return "A/A floor of this machine: not measured"
        larger = "; it is the threshold" if self.floor >= self.threshold else ""
        return f"A/A floor of this machine: {self.floor:.1%}{larger}"

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
    floor: float | None = None,
) -> Comparison:
    """Compare the pairs: every row's id names its pair where there are several.

    Args:
        found: the pairs; at least one.
        base: what the first side is called.
        new: what the other one is called.
        metrics: which metrics; what failed has a row in any case.
        threshold: smallest relative change that matters.
        floor: the machine's A/A floor; it takes the threshold's place where it is larger.
    """
    limit = max(threshold, floor or 0.0)
    parts = [measured(pair, metrics) for pair in found]
    if len(found) > 1:
        parts = [part.assign(id=part["id"] + f"@{pair.label}") for part, pair in zip(parts, found, strict=True)]
    rows = judge(pd.concat(parts, ignore_index=True), threshold=limit)
    return Comparison(base=base, new=new, pairs=tuple(found), rows=rows, threshold=limit, floor=floor)


def measured(pair: Pair, metrics: Sequence[str]) -> pd.DataFrame:
    """The ratios of one pair."""
    sides = [pair.base.of(pair.base_target), pair.new.of(pair.new_target)]
    one, other = (side[side["metric"].isin(metrics) | (side["status"] != "ok")] for side in sides)
    found = ratios(one, other, interleaved=pair.interleaved)
    return found.assign(base_target=pair.base_target, new_target=pair.new_target)


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
    percents = {name: run.manifest.get("inject_slowdown_percent") or 0 for name, run in sides.items()}
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
    created = [(str(pair.base.manifest.get("created")), str(pair.new.manifest.get("created"))) for pair in found]
    return "BASE is younger than NEW: is the order as you meant it?" if any(a > b for a, b in created) else ""


def apart(found: Sequence[Pair]) -> str:
    """That the rounds of two runs were not interleaved."""
    if all(pair.interleaved for pair in found):
        return ""
    return (
        "BASE and NEW are two runs, not interleaved: what the machine did between them is in the ratios, and an "
        "interval does not hold it. Two targets of one run are compared more sharply."
    )
