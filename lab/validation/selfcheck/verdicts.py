"""How often the lab's comparison cries wolf, and how often it sleeps; the scatter of null pairs as the machine's floor.

A false alarm is a null comparison with the verdict slower or faster, as a user of ``lab compare`` meets it: beyond the
practical threshold by a test of that, after the correction for the number of cells of its pair (a pair is a family, as
two targets are to a user), with its whole interval beyond the threshold. So it says nothing of the intervals alone:
how many of them do not hold 1, of which 5 % are expected, is told beside it. That is the sharper proof of the
statistics, and the rate the one of what a user is told. Cells that were disturbed are judged here like the others,
which is the harder way: ``lab compare`` gives no verdict about them.
The rate has the one-sided upper 95 % limit of Clopper and Pearson, as if comparisons were independent; those of one
pair share its rounds. With no alarm the limit is at most 1 % from 299 comparisons on.
A change is found where the whole 95 % interval of the ratio lies above 1. Only cells whose interval is narrow enough
(relative half-width at most 1.5 %) are held to it: what is noisier must say that it cannot tell.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from lab.stats.compare import THRESHOLD, compare
from lab.validation.selfcheck.equivalence import lower_limit, upper_limit
from lab.validation.selfcheck.session import Arm

FALSE_ALARMS_GOAL = 0.01
FOUND_GOAL = 0.95
HALF_WIDTH = 0.015
DECIDING_PERCENT = 5.0
LEAST_COMPARISONS = 300
FLOOR_QUANTILE = 0.95
Samples = Mapping[str, pd.DataFrame]


def null_comparisons(samples: Samples, arms: Sequence[Arm]) -> pd.DataFrame:
    """Disjoint pairs of the arms that are not slowed, each judged as a comparison of its own."""
    alike = [arm.target.id for arm in arms if not arm.slowdown_percent]
    pairs = zip(alike[::2], alike[1::2], strict=False)
    return _joined([_compared(samples, one, other, pair=number) for number, (one, other) in enumerate(pairs)])


def changes(samples: Samples, arms: Sequence[Arm]) -> pd.DataFrame:
    """Every slowed arm against the first that is not; beside the columns of compare, half_width and found."""
    base = next(arm.target.id for arm in arms if not arm.slowdown_percent)
    found = _joined(
        [
            _compared(samples, base, arm.target.id, slowed_percent=arm.slowdown_percent)
            for arm in arms
            if arm.slowdown_percent
        ]
    )
    return with_found(found)


def with_found(compared: pd.DataFrame) -> pd.DataFrame:
    """Half-width of the ratio's interval relative to the ratio, and whether all of it is above 1."""
    low, high = compared["ci_low"].astype(float), compared["ci_high"].astype(float)
    half = (high - low) / 2 / compared["ratio"].astype(float)
    return compared.assign(half_width=half, found=low > 1)


def apart(first: pd.DataFrame, second: pd.DataFrame) -> pd.DataFrame:
    """Two passes after each other (samples of one target each), whose rounds have nothing in common."""
    passes = [frame[frame["metric"] == "wall_time"] for frame in (first, second)]
    return _placed(compare(*passes, interleaved=False), first)


def false_alarms(compared: pd.DataFrame) -> dict[str, object]:
    """The rate of false alarms over what could be judged, and whether its upper limit is low enough."""
    judged = compared[compared["ci_low"].notna()] if len(compared) else compared
    alarms = int(judged["verdict"].isin(["slower", "faster"]).sum()) if len(judged) else 0
    limit = upper_limit(alarms, len(judged))
    verdict = "reached" if limit <= FALSE_ALARMS_GOAL else "missed" if _too_many(alarms, len(judged)) else "cannot tell"
    return {
        "comparisons": len(judged),
        "false_alarms": alarms,
        "rate": alarms / len(judged) if len(judged) else None,
        "upper_limit": limit,
        "goal": FALSE_ALARMS_GOAL,
        "beside_one": _beside_one(judged),
        "threshold": THRESHOLD,
        "cannot_tell": int((judged["verdict"] == "cannot tell").sum()) if len(judged) else 0,
        "verdict": verdict,
        "reason": "" if len(judged) >= LEAST_COMPARISONS else f"{len(judged)} of {LEAST_COMPARISONS} comparisons",
    }


def _beside_one(judged: pd.DataFrame) -> int:
    """How many 95 % intervals do not hold 1, before threshold and correction."""
    return int(((judged["ci_low"] > 1) | (judged["ci_high"] < 1)).sum()) if len(judged) else 0


def _too_many(alarms: int, trials: int) -> bool:
    return lower_limit(alarms, trials) > FALSE_ALARMS_GOAL


def found_changes(compared: pd.DataFrame) -> list[dict[str, object]]:
    """For each amount: of the cells that are precise enough, how many were found slower, with the 95 % lower limit."""
    rows = []
    for percent, mine in compared.groupby("slowed_percent", sort=True):
        precise = mine[mine["half_width"] <= HALF_WIDTH]
        found, cells = int(precise["found"].sum()), len(precise)
        row: dict[str, object] = {
            "slowed_percent": float(percent),  # type: ignore[arg-type]  # groups of a column of floats
            "cells": len(mine),
            "precise_cells": cells,
            "found": found,
            "rate": found / cells if cells else None,
            "lower_limit": lower_limit(found, cells),
            "found_of_all": int(mine["found"].sum()),
            "called_slower": int((mine["verdict"] == "slower").sum()),
            "called_faster": int((mine["verdict"] == "faster").sum()),
        }
        if percent == DECIDING_PERCENT:
            reached = cells > 0 and found / cells >= FOUND_GOAL
            row |= {"goal": FOUND_GOAL, "verdict": "reached" if reached else "missed" if cells else "cannot tell"}
        rows.append(row)
    return rows


def floor(compared: pd.DataFrame) -> list[dict[str, object]]:
    """By placement: the 95th percentile of how far null pairs lie from 1 (``|log ratio|``), and the widest of them."""
    known = compared[compared["ratio"].notna()] if len(compared) else compared
    if known.empty:
        return []
    distance = pd.Series(np.abs(np.log(known["ratio"].to_numpy(dtype=float))))
    placement = known["placement"].to_numpy(dtype=str)
    rows = []
    for name, mine in distance.groupby(placement):
        floor_log = float(mine.quantile(FLOOR_QUANTILE))
        rows.append(
            {"placement": str(name), "pairs": len(mine), "floor_log": floor_log, "widest_log": float(mine.max())}
        )
    return rows


def _compared(samples: Samples, base: str, new: str, **more: float) -> pd.DataFrame:
    if base not in samples or new not in samples:
        return pd.DataFrame()
    return _placed(compare(samples[base], samples[new]), samples[base]).assign(**more)


def _placed(compared: pd.DataFrame, samples: pd.DataFrame) -> pd.DataFrame:
    """The comparison with each case's placement; ``unplaced`` where the scenario has none."""
    placements = samples[["scenario", "case", "placement"]].drop_duplicates(["scenario", "case"])
    merged = compared.merge(placements, on=["scenario", "case"], how="left")
    return merged.assign(placement=merged["placement"].fillna("unplaced"))


def _joined(frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    present = [frame for frame in frames if len(frame)]
    return pd.concat(present, ignore_index=True) if present else pd.DataFrame()
