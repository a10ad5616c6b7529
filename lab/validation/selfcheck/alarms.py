"""False alarms and missed changes: identical variants of a target, and variants slowed down on purpose, in real runs.

The verdicts are those of ``lab compare``, over all cells: with its threshold and its correction for all cells of a
pair, and without a verdict on a disturbed cell. Disjoint pairs of identical variants are null comparisons: a verdict
"slower" or "faster" about one is a false alarm. How many 95% intervals exclude 1, of which 5% are expected, is reported
as well: this is the stricter check of the statistics.

The rate of false alarms has the one-sided upper 95% limit of Clopper and Pearson, as if comparisons were independent;
those of one pair share its rounds. Without an alarm the limit is at most 1% from 299 comparisons on.

Variants slowed by a known amount are compared with one that is not. A change is found where the verdict is "slower".
Every cell counts, a noisy or disturbed one too. For comparison, it is reported in how many precise cells, with a
relative half-width of at most 1.5%, the whole interval is above 1.

Two passes, one at the beginning and one at the end, show how far results differ that are not interleaved.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec
import numpy as np
import pandas as pd

from lab.stats.quality.disturbances import disturbed_cells
from lab.stats.tables.compare import THRESHOLD, compare
from lab.validation.selfcheck.equivalence import GoalVerdict, goal_verdict, rate_limits
from lab.validation.selfcheck.session import Session, Setup, Size, Variant, matching_cells, run_session

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
    *(f"model.compare/{case}" for case in ("*ing-serial-1", "waiting-threads-[28]", "io-serial-1", "io-asyncio-[28]")),
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
    """In how many cells a slowdown was found, by the verdict; only the deciding amount has a goal and a verdict."""

    slowed_percent: float
    cells: int
    called_slower: int  # the verdict of lab compare
    called_faster: int
    rate: float | None  # called_slower / cells; in older files found / precise_cells
    lower_limit: float  # of the rate
    precise_cells: int
    found: int  # of the precise cells, with the whole interval above 1
    found_of_all: int  # of all cells, likewise
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
) -> Session:
    """Measure the matching cells on all variants in the run folder NAME."""
    cells = [cell for variant in variants for cell in matching_cells(variant.target, patterns, "full", size.cells)]
    return run_session(setup, name, variants, cells, size)


def null_comparisons(session: Session, variants: Sequence[Variant]) -> pd.DataFrame:
    """Comparisons of the pairs of identical variants; the columns of compare.csv with ``placement`` and ``pair``."""
    ids = [variant.target.id for variant in variants]
    pairs = enumerate(zip(ids[::2], ids[1::2], strict=False))
    return pd.concat(
        [_compared(session, one, session, other).assign(pair=number) for number, (one, other) in pairs],
        ignore_index=True,
    )


def changes(session: Session, variants: Sequence[Variant]) -> pd.DataFrame:
    """Comparisons of each slowed variant with the first.

    The columns of compare.csv with ``placement``, ``slowed_percent``, ``half_width`` (of the ratio's interval, relative
    to the ratio) and ``above_one`` (whether the whole interval is above 1).
    """
    baseline, *slowed = variants
    compared = pd.concat(
        [
            _compared(session, baseline.target.id, session, variant.target.id).assign(
                slowed_percent=variant.slowdown_percent
            )
            for variant in slowed
        ],
        ignore_index=True,
    )
    low, high = compared["ci_low"].astype(float), compared["ci_high"].astype(float)
    return compared.assign(half_width=(high - low) / 2 / compared["ratio"].astype(float), above_one=low > 1)


def compare_passes(first: Session, second: Session, target: str) -> pd.DataFrame:
    """Comparison of two passes over one target, which are not interleaved, with ``placement``."""
    return _compared(first, target, second, target)


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
        cells, slower = len(mine), int((mine["verdict"] == "slower").sum())
        is_deciding = percent == DECIDING_PERCENT
        row = FoundChanges(
            slowed_percent=float(percent),  # type: ignore[arg-type]  # groups of a column of floats
            cells=cells,
            called_slower=slower,
            called_faster=int((mine["verdict"] == "faster").sum()),
            rate=slower / cells,
            lower_limit=rate_limits(slower, cells)[0],
            precise_cells=len(precise),
            found=int(precise["above_one"].sum()),
            found_of_all=int(mine["above_one"].sum()),
            goal=FOUND_GOAL if is_deciding else None,
            verdict=("reached" if slower >= FOUND_GOAL * cells else "missed") if is_deciding else None,
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


def _compared(base: Session, base_target: str, new: Session, new_target: str) -> pd.DataFrame:
    """The verdicts of lab compare on wall times, with each case's placement, ``unplaced`` where it has none."""
    sides: list[pd.DataFrame] = []
    disturbed: dict[tuple[str, str], str] = {}
    for session, target in ((base, base_target), (new, new_target)):
        mine = (session.samples["target"] == target) & (session.samples["metric"] == "wall_time")
        sides.append(session.samples[mine])  # other metrics have other noise
        causes = disturbed_cells(session.conditions)
        disturbed |= {cell[1:]: cause.sentence for cell, cause in causes.items() if cell[0] == target}
    compared = compare(*sides, interleaved=base is new, disturbed=disturbed)
    placements = sides[0][["scenario", "case", "placement"]].drop_duplicates(["scenario", "case"])
    merged = compared.merge(placements, on=["scenario", "case"], how="left")
    return merged.assign(placement=merged["placement"].fillna("unplaced"))
