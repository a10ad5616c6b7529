"""summary.csv -> scaling.csv: per target, work, executor and start method the best measured worker count."""

from __future__ import annotations

import pandas as pd

from lab import schema, tables

KEYS = ["target", "work", "executor", "start_method"]
NO_MODEL = "no law is fitted yet; best_workers_measured is the shortest measured time"


def scaling(summary: pd.DataFrame) -> pd.DataFrame:
    """The scaling table, with the columns of ``schema.SCALING``; serial runs have no row of their own."""
    jobs = summary[
        (summary["scenario"] == "pool.scaling")
        & (summary["metric"] == "wall_time")
        & (summary["status"] == "ok")
        & (summary["executor"] != "serial")
    ]
    if jobs.empty:
        return tables.conform(pd.DataFrame(), schema.SCALING)
    best = jobs.loc[jobs.groupby(KEYS, dropna=False, sort=False)["estimate"].idxmin()]
    frame = best[KEYS].assign(best_workers_measured=best["workers"], reason=NO_MODEL)
    return tables.conform(frame, schema.SCALING)
