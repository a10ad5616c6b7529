"""samples.csv -> pool_sizes.csv: what Pool() and ProcessPoolExecutor() pick by themselves costs against other sizes.

``over_best`` is the time over that of the fastest size measured, paired by round (``lab.stats.round_stats``); under a
quota ``throttled_ns`` tells for how long too many workers were held. The fastest size was chosen on the same rounds.
"""

from __future__ import annotations

import json

import pandas as pd

from lab.stats.quality import points_in_doubt, with_doubt
from lab.stats.round_stats import geometric_means_by, means_by, round_logs, round_values, too_few
from lab.tables import csv_files, schema

KEYS = ["target", "kind", "start_method"]
POINT = [*KEYS, "size", "workers"]
CONDITIONS = ["cpu_mode", "cpus_observed"]


def pool_sizes(samples: pd.DataFrame, disturbed: pd.DataFrame | None = None) -> pd.DataFrame:
    """The table, with the columns of ``schema.POOL_SIZES``.

    ``disturbed``: columns target, scenario, case, cause, share; see ``lab.stats.disturbances.disturbed_cells``.
    """
    mine = samples[samples["scenario"] == "pool.defaults"]
    jobs = mine[mine["operation"] == "job"]
    axes = {variant: json.loads(variant) for variant in jobs["variant"].dropna().unique()}
    for name in ("kind", "size"):
        values = {variant: str(axis[name]) for variant, axis in axes.items() if name in axis}
        jobs = jobs.assign(**{name: jobs["variant"].map(values).astype("string")})
    logs = round_logs(jobs, [*POINT, *CONDITIONS])
    if logs.empty:
        return csv_files.conform(pd.DataFrame(), schema.POOL_SIZES)
    table = geometric_means_by(logs, [*POINT, *CONDITIONS]).rename(columns={"value": "job_ns"})
    table = table.drop(columns=["ci_low", "ci_high"]).merge(_over_best(logs, table), on=POINT, how="left")
    for name, metric in (("cpu_ns", "cpu_time"), ("throttled_ns", "throttled_time")):
        cost = round_values(jobs, POINT, metric).astype({"value": "float64"})
        cost = means_by(cost, POINT, "value").rename(columns={"value": name})
        table = table.merge(cost[[*POINT, name]], on=POINT, how="left")
    table = table.merge(points_in_doubt(jobs, POINT, mine, disturbed), on=POINT, how="left")
    table = table.assign(reason=with_doubt(too_few(table["rounds"]), table["doubt"]))
    return csv_files.conform(table.sort_values(POINT, ignore_index=True), schema.POOL_SIZES)


def _over_best(logs: pd.DataFrame, table: pd.DataFrame) -> pd.DataFrame:
    best = table.loc[table.groupby(KEYS, dropna=False)["job_ns"].idxmin(), POINT]
    fastest = logs.merge(best, on=POINT)[[*KEYS, "round", "log"]]
    paired = logs.merge(fastest, on=[*KEYS, "round"], suffixes=("", "_best"))
    paired = paired.assign(log=paired["log"] - paired["log_best"])
    names = {"value": "over_best", "ci_low": "over_best_ci_low", "ci_high": "over_best_ci_high"}
    return geometric_means_by(paired, POINT).rename(columns=names).drop(columns="rounds")
