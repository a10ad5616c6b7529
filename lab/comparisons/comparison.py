"""A comparison: its pairs, all of their rows judged as one family, and the caveats that a reader must know first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from lab.comparisons.differences import Difference
from lab.comparisons.noise import UNKNOWN
from lab.comparisons.pairing import Pair, shared_differences
from lab.errors import UsageError
from lab.model import Rates
from lab.stats.tables.compare import THRESHOLD, judge
from lab.stats.tables.target_ratios import cell_ratios, scenario_ratios
from lab.tables import csv_files, schema

# Times and rates that a user experiences; the other metrics are compared where they are named.
DEFAULT_METRICS = ("wall_time", "throughput", "latency_p50", "latency_p99", "latency_p999")


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """``rows`` and ``overall`` (one row per scenario, of interleaved pairs) have the columns of ``schema.COMPARE``.

    ``rates`` are those of the machine's selfcheck, where one was made.
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
        """The differences in provenance, each with the pair that has it where not all do."""
        return shared_differences(self.pairs)

    @property
    def caveats(self) -> list[str]:
        """The sentences to read before the numbers."""
        found = [slowed(pair) for pair in self.pairs]
        found += [images(self.differences), order(self.pairs), apart(self.pairs)]
        return list(dict.fromkeys(filter(None, found)))

    @property
    def floor(self) -> float | None:
        """The noise floor that applies to these pairs, where one was measured; it decides no verdict."""
        return (
            self.rates.applicable_floor(interleaved=all(pair.interleaved for pair in self.pairs))
            if self.rates
            else None
        )

    @property
    def floor_line(self) -> str:
        """The noise floor and the error rates in words, which every comparison shows."""
        return f"{self.rates.words}; the floor informs and decides no verdict" if self.rates else UNKNOWN

    def counts(self) -> dict[str, int]:
        """Verdict -> number of rows."""
        return {str(word): int(count) for word, count in self.rows["verdict"].value_counts().items()}


def contrast(
    found: Sequence[Pair],
    *,
    base: str,
    new: str,
    metrics: Sequence[str] = DEFAULT_METRICS,
    threshold: float = THRESHOLD,
    rates: Rates | None = None,
) -> Comparison:
    """Compare the pairs; every row's id names its pair where there are several.

    Args:
        found: the pairs; at least one.
        base: what the first side is called.
        new: what the other one is called.
        metrics: metrics to compare; cells that failed have a row in any case.
        threshold: smallest relative change that matters.
        rates: of the machine. They are shown and decide nothing: each interval contains the noise of its own cell,
            whereas the floor is the 95th percentile over all cells, which the noisiest of them determine.
    """
    cells, means, paired = [], [], []
    for pair in found:
        one, other = samples_of(pair, metrics)
        disturbed, interleaved = pair.disturbed, pair.interleaved
        cells.append(cell_ratios(one, other, interleaved=interleaved, disturbed=disturbed))
        if interleaved:
            paired.append(pair)
            means.append(scenario_ratios(undisturbed(one, disturbed), undisturbed(other, disturbed)))
    overall = judge(labelled(means, paired), threshold=threshold) if means else pd.DataFrame()
    return Comparison(
        base=base,
        new=new,
        pairs=tuple(found),
        rows=judge(labelled(cells, found), threshold=threshold),
        overall=csv_files.conform(overall, schema.COMPARE),
        threshold=threshold,
        rates=rates,
    )


def samples_of(pair: Pair, metrics: Sequence[str]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the samples of both sides, of these metrics; rows without a value stay, whatever their metric."""
    one, other = (
        side[side["metric"].isin(metrics) | (side["status"] != "ok")]
        for side in (pair.base.of(pair.base_target), pair.new.of(pair.new_target))
    )
    return one, other


def undisturbed(side: pd.DataFrame, disturbed: Mapping[tuple[str, str], str]) -> pd.DataFrame:
    """Return the samples without those of cells that were disturbed on either side."""
    cells = pd.MultiIndex.from_frame(side[["scenario", "case"]])
    return side[~cells.isin(list(disturbed))] if disturbed else side


def labelled(parts: Sequence[pd.DataFrame], found: Sequence[Pair]) -> pd.DataFrame:
    """Return the rows of all pairs in one frame; where there are several pairs, ids name them."""
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
        UsageError: the message names those that were measured.
    """
    have = sorted(
        {str(name) for pair in found for run in (pair.base, pair.new) for name in run.samples["metric"].unique()}
    )
    for name in metrics:
        if name not in have:
            raise UsageError(f"no sample has the metric {name!r}; name one of {', '.join(have)}")


def slowed(pair: Pair) -> str:
    """Return the caveat that a side was slowed on purpose, or nothing."""
    sides = {"BASE": pair.base, "NEW": pair.new}
    percents = {name: run.manifest.inject_slowdown_percent or 0 for name, run in sides.items()}
    slowed_sides = [f"{name} by {percent:g}%" for name, percent in percents.items() if percent]
    return f"Slowed on purpose (--inject-slowdown): {' and '.join(slowed_sides)}." if slowed_sides else ""


def images(found: Sequence[tuple[str, Difference]]) -> str:
    """Return the caveat that verdicts are about images where their build classes differ, or nothing."""
    paths = {difference.name.rpartition(": ")[2] for _, difference in found}
    names = sorted(
        path.removeprefix("build_class.")
        for path in paths
        if path.startswith("build_class.") or path in ("build", "jit.enabled")
    )
    if not names:
        return ""
    return (
        f"The build classes differ ({', '.join(names)}): slower and faster are about the images, which is what an "
        "upgrade changes, and cannot be attributed to the Python version."
    )


def order(found: Sequence[Pair]) -> str:
    """Return the caveat that BASE is younger than NEW, or nothing."""
    created = [(pair.base.manifest.created or "", pair.new.manifest.created or "") for pair in found]
    return (
        "BASE is younger than NEW: check that the order is the one you meant." if any(a > b for a, b in created) else ""
    )


def apart(found: Sequence[Pair]) -> str:
    """Return the caveat that the rounds of two runs were not interleaved, or nothing."""
    if all(pair.interleaved for pair in found):
        return ""
    return (
        "BASE and NEW are two runs, not interleaved: changes of the machine between them are in the ratios, and the "
        "intervals do not cover them. Two targets of one run are compared more precisely."
    )
