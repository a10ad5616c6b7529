"""False alarms and missed changes: identical variants of a target, and variants slowed down on purpose, in real runs.

Disjoint pairs of identical variants are null comparisons: a verdict "slower" or "faster" about one is a false alarm, as
a user of ``lab compare`` would meet it. It requires a significant difference beyond the practical threshold, after the
correction for all cells of the pair (each pair is one family), with the whole interval beyond the threshold. How many
95% intervals exclude 1, of which 5% are expected, is reported as well: this is the stricter check of the statistics.
Disturbed cells are included, although ``lab compare`` gives no verdict about them.

The rate of false alarms has the one-sided upper 95% limit of Clopper and Pearson, as if comparisons were independent;
those of one pair share its rounds. Without an alarm the limit is at most 1% from 299 comparisons on.

Variants slowed by a known amount are compared with one that is not. A change is found where the whole 95% interval of
the ratio is above 1. Only precise cells, with a relative half-width of at most 1.5%, are required to find it.

Two passes, one at the beginning and one at the end, show how far results differ that are not interleaved.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec
import numpy as np
import pandas as pd

from lab.stats.tables.compare import THRESHOLD, compare
from lab.validation.selfcheck.equivalence import GoalVerdict, goal_verdict, rate_limits
from lab.validation.selfcheck.session import Size, Variant, matching_cells, run_session
from lab.validation.selfcheck.setup import Setup

STREAMS = ("os_pipe", "pipe", "duplex_pipe", "unix_socket")
# Short cells of each family, the noisy placement included. About sixty, so that five pairs give 300 comparisons.
CELLS = (
    *(
        f"ipc.round_trip/{mechanism}-{size}-same_cpu"
        for mechanism in (*STREAMS, "queue", "simple_queue", "fifo", "tcp_socket")
        for size in (1, 64, 1024)
    ),
    "ipc.round_trip/shared_memory-64-same_cpu",
    "ipc.round_trip/mmap-64-same_cpu",
    "ipc.round_trip/pipe-*[46]-same_cpu-object",
    *(f"ipc.round_trip/{mechanism}-64-cross_cpu" for mechanism in STREAMS),
    "state.update/*-1",
    "sync.primitives/*-uncontended-*",
)
# A change of 5% must be found in cells whose ratio has a half-width of 1.5%. Jobs that wait or hash scatter least from
# round to round: other load on the host's physical core slows pure Python down far more than SHA-256. A few round
# trips, which scatter more, are added.
STEADY_CELLS = (
    *(
        f"{scenario}/{work}-{executor}"
        for scenario in ("pool.scaling", "pool.scaling_weak")
        for work in ("waiting", "hashing")
        for executor in ("serial-1", "threads-[12]", "processes-fork-1", "independent-1")
    ),
    *(f"model.compare/{case}" for case in ("*ing-serial-1", "waiting-threads-*", "io-serial-1", "io-asyncio-*")),
    *(f"ipc.round_trip/{mechanism}-64-same_cpu" for mechanism in ("os_pipe", "pipe", "unix_socket")),
)
SLOWED = {"-baseline": 0.0, "-slowed2": 2.0, "-slowed5": 5.0, "-slowed10": 10.0}
DECIDING_PERCENT = 5.0
FALSE_ALARMS_GOAL = 0.01
FOUND_GOAL = 0.95
PRECISE_HALF_WIDTH = 0.015
MIN_COMPARISONS = 300
FLOOR_QUANTILE = 0.95


class FalseAlarms(msgspec.Struct, frozen=True, kw_only=True):
    """The rate of false alarms among null comparisons, with its upper 95% limit."""

    comparisons: int
    false_alarms: int
    rate: float | None
    upper_limit: float
    goal: float = FALSE_ALARMS_GOAL
    intervals_without_1: int  # 95% intervals, before threshold and correction
    threshold: float = THRESHOLD
    inconclusive: int
    verdict: GoalVerdict | Literal["reported only"]
    reason: str


class FoundChanges(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """In how many cells a slowdown was found; only the deciding amount has a goal and a verdict."""

    slowed_percent: float
    cells: int
    precise_cells: int
    found: int  # of the precise cells
    rate: float | None
    lower_limit: float
    found_of_all: int
    called_slower: int
    called_faster: int
    goal: float | None = None
    verdict: GoalVerdict | None = None


class FloorRow(msgspec.Struct, frozen=True, kw_only=True):
    """The noise floor of a placement: 95th percentile and maximum of |log ratio| over null comparisons."""

    placement: str
    pairs: int
    floor_log: float
    widest_log: float


class Alarms(msgspec.Struct, frozen=True, kw_only=True):
    """The result of the part; ``apart`` is about two passes that were not interleaved."""

    false_alarms: FalseAlarms
    found_changes: tuple[FoundChanges, ...]
    apart: FalseAlarms
    apart_floor: tuple[FloorRow, ...]


def variants(setup: Setup, slowdowns: Mapping[str, float]) -> list[Variant]:
    """Variants of a target of two CPUs, or one; ``slowdowns`` maps the suffix of each target's id to percent."""
    cpus = min(2, setup.cpus)
    return [Variant(target=setup.target(cpus, suffix), slowdown_percent=slowdowns[suffix]) for suffix in slowdowns]


def measure(
    setup: Setup, name: str, variants: Sequence[Variant], size: Size, patterns: Sequence[str] = CELLS
) -> pd.DataFrame:
    """Measure the matching cells on all variants in the run folder NAME; rows of samples.csv, wall times only."""
    cells = [cell for variant in variants for cell in matching_cells(variant.target, patterns, "full", size.cells)]
    samples = run_session(setup, name, variants, cells, size).samples
    return samples[samples["metric"] == "wall_time"]  # other metrics have other noise


def null_comparisons(samples: pd.DataFrame, variants: Sequence[Variant]) -> pd.DataFrame:
    """Comparisons of the pairs of identical variants; the columns of compare.csv with ``placement`` and ``pair``."""
    ids = [variant.target.id for variant in variants]
    pairs = enumerate(zip(ids[::2], ids[1::2], strict=False))
    return pd.concat(
        [_compared(samples, one, other).assign(pair=number) for number, (one, other) in pairs], ignore_index=True
    )


def changes(samples: pd.DataFrame, variants: Sequence[Variant]) -> pd.DataFrame:
    """Comparisons of each slowed variant with the first.

    The columns of compare.csv with ``placement``, ``slowed_percent``, ``half_width`` (of the ratio's interval, relative
    to the ratio) and ``found`` (whether the whole interval is above 1).
    """
    baseline, *slowed = variants
    compared = pd.concat(
        [
            _compared(samples, baseline.target.id, variant.target.id).assign(slowed_percent=variant.slowdown_percent)
            for variant in slowed
        ],
        ignore_index=True,
    )
    low, high = compared["ci_low"].astype(float), compared["ci_high"].astype(float)
    return compared.assign(half_width=(high - low) / 2 / compared["ratio"].astype(float), found=low > 1)


def compare_passes(first: pd.DataFrame, second: pd.DataFrame) -> pd.DataFrame:
    """Comparison of two passes over one target, which are not interleaved, with ``placement``."""
    return _with_placement(compare(first, second, interleaved=False), first)


def count_false_alarms(compared: pd.DataFrame) -> FalseAlarms:
    """The false alarms among null comparisons that have an interval, and the verdict by the limits of their rate."""
    judged = compared[compared["ci_low"].notna()]
    verdicts = judged["verdict"]
    total, alarms = len(judged), int(verdicts.isin(["slower", "faster"]).sum())
    low, high = rate_limits(alarms, total)
    return FalseAlarms(
        comparisons=total,
        false_alarms=alarms,
        rate=alarms / total if total else None,
        upper_limit=high,
        intervals_without_1=int(((judged["ci_low"] > 1) | (judged["ci_high"] < 1)).sum()),
        inconclusive=int((~verdicts.isin(["slower", "faster", "same"])).sum()),
        verdict=goal_verdict(low, high, FALSE_ALARMS_GOAL),
        reason="" if total >= MIN_COMPARISONS else f"{total} of {MIN_COMPARISONS} comparisons",
    )


def count_found_changes(compared: pd.DataFrame) -> list[FoundChanges]:
    """One row per amount of slowdown; ``compared`` has the columns of ``changes``."""
    rows = []
    for percent, mine in compared.groupby("slowed_percent"):
        precise = mine[mine["half_width"] <= PRECISE_HALF_WIDTH]
        found, cells = int(precise["found"].sum()), len(precise)
        is_reached = cells > 0 and found / cells >= FOUND_GOAL
        is_deciding = percent == DECIDING_PERCENT
        row = FoundChanges(
            slowed_percent=float(percent),  # type: ignore[arg-type]  # groups of a column of floats
            cells=len(mine),
            precise_cells=cells,
            found=found,
            rate=found / cells if cells else None,
            lower_limit=rate_limits(found, cells)[0],
            found_of_all=int(mine["found"].sum()),
            called_slower=int((mine["verdict"] == "slower").sum()),
            called_faster=int((mine["verdict"] == "faster").sum()),
            goal=FOUND_GOAL if is_deciding else None,
            verdict=("reached" if is_reached else "missed" if cells else "inconclusive") if is_deciding else None,
        )
        rows.append(row)
    return rows


def noise_floor(compared: pd.DataFrame) -> tuple[FloorRow, ...]:
    """The noise floor per placement, from null comparisons that have a ratio."""
    known = compared[compared["ratio"].notna()]
    distance = pd.Series(np.abs(np.log(known["ratio"].to_numpy(dtype=float))))
    return tuple(
        FloorRow(
            placement=str(placement),
            pairs=len(mine),
            floor_log=float(mine.quantile(FLOOR_QUANTILE)),
            widest_log=float(mine.max()),
        )
        for placement, mine in distance.groupby(known["placement"].to_numpy(dtype=str))
    )


def _compared(samples: pd.DataFrame, base: str, new: str) -> pd.DataFrame:
    one, other = (samples[samples["target"] == target] for target in (base, new))
    return _with_placement(compare(one, other), one)


def _with_placement(compared: pd.DataFrame, samples: pd.DataFrame) -> pd.DataFrame:
    """The comparison with each case's placement, ``unplaced`` for scenarios that have none."""
    placements = samples[["scenario", "case", "placement"]].drop_duplicates(["scenario", "case"])
    merged = compared.merge(placements, on=["scenario", "case"], how="left")
    return merged.assign(placement=merged["placement"].fillna("unplaced"))
