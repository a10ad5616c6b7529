"""Quality flags: cells whose rounds may not represent them, so that no verdict rests on them.

A cell is flagged for one of two reasons:

- It was *disturbed*: something else used its CPUs while it ran (``lab.stats.quality.disturbances``).
- It *lost rounds*: it failed or timed out in some of them. Its estimate is of the others, and those were selected by
  how they went: a time limit removes the slowest, and a race that fails may be lost when it is slow. Source: Rubin,
  Inference and missing data (Biometrika 63, 1976), for when missing values may be ignored. Rounds that never began
  (``skipped``: the budget, an interruption) may be, for they would be missing whatever the cell would have taken.
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from lab.stats.quality.disturbances import Disturbances
from lab.stats.rounds import CELL_COLUMNS, Cell

LOST = ("failed", "timeout")


def flags(samples: pd.DataFrame, disturbed: Disturbances) -> dict[Cell, str]:
    """Return why each flagged cell is, as words to follow its name: ``was disturbed: …``, ``failed in 2 of 7 rounds``.

    Args:
        samples: rows of samples.csv, those of all operations.
        disturbed: cells that were disturbed.
    """
    return {**lost_rounds(samples), **disturbance_flags(disturbed)}


def disturbance_flags(disturbed: Disturbances) -> dict[Cell, str]:
    """Return the flags of disturbed cells alone, for a run without its samples."""
    return {cell: f"was disturbed: {disturbance.words}" for cell, disturbance in disturbed.items()}


def lost_rounds(samples: pd.DataFrame) -> dict[Cell, str]:
    """Return, for each cell with values that failed in some rounds, in how many it failed."""
    lost = samples[samples["status"].isin(LOST) & samples["round"].notna()]
    if lost.empty:
        return {}
    cells = pd.MultiIndex.from_frame(lost[CELL_COLUMNS].drop_duplicates())
    ok = samples[(samples["status"] == "ok") & samples["value"].notna()]
    ok = ok[pd.MultiIndex.from_frame(ok[CELL_COLUMNS]).isin(cells)]
    rounds = ok.groupby(CELL_COLUMNS)["round"].nunique().to_dict()
    found: dict[Cell, str] = {}
    for key, rows in lost.groupby(CELL_COLUMNS):
        target, scenario, case = map(str, key)
        if (target, scenario, case) in rounds:
            found[target, scenario, case] = _loss(rows, rounds[target, scenario, case])
    return found


def _loss(lost: pd.DataFrame, good: int) -> str:
    count = lost["round"].nunique()
    status = "ran out of time" if (lost["status"] == "timeout").all() else "failed"
    return f"{status} in {count} of {count + good} rounds ({lost['reason'].iloc[0]})"


def flagged_points(
    rows: pd.DataFrame, point: Sequence[str], samples: pd.DataFrame, disturbed: Disturbances
) -> pd.DataFrame:
    """Return ``point`` and ``flag``: the rows of a derived table whose cell is flagged, with the cell's name and why.

    Args:
        rows: the samples that the table is made of, with the columns ``point``, target, scenario and case.
        point: the columns that identify a row of the table.
        samples: rows of samples.csv, those without a value among them.
        disturbed: cells that were disturbed.
    """
    found = flags(samples, disturbed)
    columns = list(dict.fromkeys([*point, *CELL_COLUMNS]))
    cells = rows[columns].dropna(subset=["case"]).drop_duplicates(list(point))
    words = [
        f"{cell[2]} {found[cell]}" if cell in found else None
        for cell in cells[CELL_COLUMNS].itertuples(index=False, name=None)
    ]
    marked = cells.assign(flag=pd.Series(words, index=cells.index, dtype="string"))
    return marked.loc[marked["flag"].notna(), [*point, "flag"]]


def with_flag(reason: pd.Series[str], flag: pd.Series[str]) -> pd.Series[str]:
    """Return the reasons with the flags after them."""
    return (reason + "; " + flag).fillna(flag).fillna(reason)
