"""Cells whose rounds may not stand for the cell: no verdict rests on them.

A cell that was *disturbed* ran while something else had its CPUs (``lab.stats.conditions``). A cell that failed or ran
out of time in some rounds has an estimate of the others, and those were chosen by how they went: a time limit takes
the slowest away, and a race that fails may be lost when it is slow. Source: Rubin, Inference and missing data
(Biometrika 63, 1976), for when what is missing may be passed over. Rounds that were never begun (``skipped``: the
budget, an interruption) may be, for whatever the cell would have taken they would be missing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from lab.stats.conditions import CAUSES, CELL

LOST = ("failed", "timeout")
Cell = tuple[str, str, str]  # target, scenario, case


def doubts(samples: pd.DataFrame, disturbed: pd.DataFrame | None) -> dict[Cell, str]:
    """Cell -> why it is in doubt, to stand behind its name: ``was disturbed: ...``, ``failed in 2 of 7 rounds``.

    Args:
        samples: rows of samples.csv, those of all operations.
        disturbed: columns target, scenario, case, cause, share; see ``lab.stats.conditions.disturbed_cells``.
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
