"""When a cell is called stable, noisy or bimodal.

Bimodality: the split of the sorted logarithms into two clusters that leaves the least variance within (Otsu 1979), held
against Ashman's D (Ashman, Bird and Zepf 1994); a cluster below a fifth of the batches is a tail and not a mode.
Deviation: the best split of a few values of a single mode exceeds Ashman's D > 2 by itself, so the bar is higher.

A cell that ran while something else had a good part of its CPUs is noisy whatever its half-width: such an interval is
narrow by luck, for the load may come and go. ``lab.stats.disturbances`` finds the causes.

Cells whose rounds may not stand for the cell: no verdict rests on them.

A cell that was *disturbed* ran while something else had its CPUs (``lab.stats.disturbances``). A cell that failed or
ran out of time in some rounds has an estimate of the others, and those were chosen by how they went: a time limit takes
the slowest away, and a race that fails may be lost when it is slow. Source: Rubin, Inference and missing data
(Biometrika 63, 1976), for when what is missing may be passed over. Rounds that were never begun (``skipped``: the
budget, an interruption) may be, for whatever the cell would have taken they would be missing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from lab.stats.disturbances import CAUSES, CELL

UNKNOWN_CAUSE = "cause unknown"
DISTURBED_UNITS = frozenset({"ns", "ops/s", "bytes/s"})  # counts and sizes do not change because others run

HALF_WIDTH = 0.03  # of an estimate, relative
MIN_BATCHES = 20
MIN_SHARE = 0.2
ASHMAN_D = 4.8  # two halves of 20 values of one Gaussian exceed it in 1 % of cases (simulated; see the tests)
MIN_GAP = 2 * HALF_WIDTH  # modes that an interval as narrow as the goal would part; closer ones are of no consequence


def is_bimodal(batches: np.ndarray[Any, Any]) -> bool:
    """Whether the batches fall into two separate groups; never said below ``MIN_BATCHES`` of them."""
    if len(batches) < MIN_BATCHES or not (batches > 0).all():
        return False
    logs = np.sort(np.log(batches))
    count = len(logs)
    cuts = np.arange(max(2, int(count * MIN_SHARE)), count - max(2, int(count * MIN_SHARE)) + 1)
    sums, squares = np.cumsum(logs), np.cumsum(logs**2)
    left = squares[cuts - 1] - sums[cuts - 1] ** 2 / cuts
    right_n = count - cuts
    right = (squares[-1] - squares[cuts - 1]) - (sums[-1] - sums[cuts - 1]) ** 2 / right_n
    cut = int(cuts[np.argmin(left + right)])
    low, high = logs[:cut], logs[cut:]
    apart = float(high.mean() - low.mean())
    spread = float(np.sqrt((low.var() + high.var()) / 2))
    return apart > MIN_GAP and apart > ASHMAN_D * spread


def with_causes(summary: pd.DataFrame, causes: pd.DataFrame) -> pd.DataFrame:
    """The summary with the likely cause in the ``reason`` of its noisy and bimodal rows, and disturbed cells noisy.

    ``causes`` has the summary's index, ``cause_words`` (missing: none was seen) and ``disturbed``. Rows below five
    rounds keep their word (none) and their reason.
    """
    known = causes["cause_words"].notna() & summary["unit"].isin(DISTURBED_UNITS)
    unsteady = summary["stable"].isin(["noisy", "bimodal"]) & known
    disturbed = summary["stable"].eq("stable").fillna(False) & known & causes["disturbed"].eq(True)  # noqa: FBT003 - a value, no flag
    named = [
        str(reason).replace(UNKNOWN_CAUSE, str(words))
        for reason, words in zip(summary["reason"], causes["cause_words"], strict=True)
    ]
    reason = summary["reason"].mask(unsteady, pd.Series(named, index=summary.index, dtype="string"))
    return summary.assign(
        reason=reason.mask(disturbed, causes["cause_words"].astype("string")),
        stable=summary["stable"].mask(disturbed, "noisy"),
    )


LOST = ("failed", "timeout")
Cell = tuple[str, str, str]  # target, scenario, case


def doubts(samples: pd.DataFrame, disturbed: pd.DataFrame | None) -> dict[Cell, str]:
    """Cell -> why it is in doubt, to stand behind its name: ``was disturbed: ...``, ``failed in 2 of 7 rounds``.

    Args:
        samples: rows of samples.csv, those of all operations.
        disturbed: columns target, scenario, case, cause, share; see ``lab.stats.disturbances.disturbed_cells``.
    """
    return {**lost_rounds(samples), **causes(disturbed)}


def points_in_doubt(
    rows: pd.DataFrame, point: Sequence[str], samples: pd.DataFrame, disturbed: pd.DataFrame | None
) -> pd.DataFrame:
    """``point`` and ``doubt``: those points of a derived table whose cell is in doubt, with the cell's name and why.

    Args:
        rows: the samples that the table is made of, with the columns ``point``, target, scenario and case.
        point: what names a row of the table.
        samples: rows of samples.csv, those without a value among them.
        disturbed: see ``doubts``.
    """
    found = doubts(samples, disturbed)
    columns = list(dict.fromkeys([*point, *CELL]))
    cells = rows[columns].dropna(subset=["case"]).drop_duplicates(list(point))
    named = cells[CELL].itertuples(index=False, name=None)
    words = [f"{cell[2]} {found[cell]}" if cell in found else None for cell in named]
    marked = cells.assign(doubt=pd.Series(words, index=cells.index, dtype="string"))
    return marked.loc[marked["doubt"].notna(), [*point, "doubt"]]


def with_doubt(reason: pd.Series[str], doubt: pd.Series[str]) -> pd.Series[str]:
    """The reasons, with the doubts behind them."""
    return (reason + "; " + doubt).fillna(doubt).fillna(reason)


def causes(disturbed: pd.DataFrame | None) -> dict[Cell, str]:
    """Of each disturbed cell by what."""
    if disturbed is None or disturbed.empty:
        return {}
    rows = disturbed[[*CELL, "cause", "share"]].itertuples(index=False, name=None)
    return {
        (str(target), str(scenario), str(case)): f"was disturbed: {_words(str(cause), share)}"
        for target, scenario, case, cause, share in rows
    }


def lost_rounds(samples: pd.DataFrame) -> dict[Cell, str]:
    """Of each cell that has values, and none of some rounds because it failed there, in how many."""
    lost = samples[samples["status"].isin(LOST) & samples["round"].notna()]
    if lost.empty:
        return {}
    cells = pd.MultiIndex.from_frame(lost[CELL].drop_duplicates())
    ok = samples[(samples["status"] == "ok") & samples["value"].notna()]
    ok = ok[pd.MultiIndex.from_frame(ok[CELL]).isin(cells)]
    rounds = ok.groupby(CELL)["round"].nunique().to_dict()
    found: dict[Cell, str] = {}
    for key, rows in lost.groupby(CELL):
        target, scenario, case = map(str, key)
        if (target, scenario, case) in rounds:
            found[target, scenario, case] = _told(rows, rounds[target, scenario, case])
    return found


def _told(lost: pd.DataFrame, good: int) -> str:
    count = lost["round"].nunique()
    status = "ran out of time" if (lost["status"] == "timeout").all() else "failed"
    return f"{status} in {count} of {count + good} rounds ({lost['reason'].iloc[0]})"


def _words(cause: str, share: float) -> str:
    known: Mapping[str, str] = {name: entry.words for name, entry in CAUSES.items()}
    return known[cause].format(share=share) if cause in known else cause
