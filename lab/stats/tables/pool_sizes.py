"""samples.csv -> pool_sizes.csv: what the size that Pool() and ProcessPoolExecutor() pick costs against other sizes.

``over_best`` is the time over that of the fastest size measured (``lab.stats.best``); under a quota ``throttled_ns``
says for how long too many workers were held. The fastest size was chosen on the same rounds.
"""

from __future__ import annotations

import json

import pandas as pd

from lab.stats.best import over_best, standings
from lab.stats.quality.disturbances import UNDISTURBED, Disturbances
from lab.stats.quality.flags import flagged_points, with_flag
from lab.stats.rounds import geometric_means_by, means_by, round_logs, round_values, too_few
from lab.tables import csv_files, schema

KEYS = ["target", "kind", "start_method"]
SIZE = ["size", "workers"]
POINT = [*KEYS, *SIZE]
CONDITIONS = ["cpu_mode", "cpus_observed"]


def pool_sizes(samples: pd.DataFrame, disturbed: Disturbances = UNDISTURBED) -> pd.DataFrame:
    """Return the table, with the columns of ``schema.POOL_SIZES``; the reason names flagged cells."""
    mine = samples[samples["scenario"] == "pool.defaults"]
    jobs = mine[mine["operation"] == "job"]
    axes = {variant: json.loads(variant) for variant in jobs["variant"].dropna().unique()}
    for name in ("kind", "size"):
        values = {variant: str(axis[name]) for variant, axis in axes.items() if name in axis}
        jobs = jobs.assign(**{name: jobs["variant"].map(values).astype("string")})
    logs = round_logs(jobs, [*POINT, *CONDITIONS])
    if logs.empty:
        return csv_files.conform(pd.DataFrame(), schema.POOL_SIZES)
    logs = logs.assign(option=logs.groupby(SIZE, dropna=False).ngroup())
    table = geometric_means_by(logs, [*POINT, *CONDITIONS, "option"]).rename(columns={"value": "job_ns"})
    table = table.merge(over_best(standings(logs, KEYS, "option"), [*KEYS, "option"]), on=[*KEYS, "option"], how="left")
    for name, metric in (("cpu_ns", "cpu_time"), ("throttled_ns", "throttled_time")):
        cost = round_values(jobs, POINT, metric).astype({"value": "float64"})
        cost = means_by(cost, POINT, "value").rename(columns={"value": name})
        table = table.merge(cost[[*POINT, name]], on=POINT, how="left")
    table = table.merge(flagged_points(jobs, POINT, mine, disturbed), on=POINT, how="left")
    table = table.assign(reason=with_flag(too_few(table["rounds"]), table["flag"]))
    return csv_files.conform(table.sort_values(POINT, ignore_index=True), schema.POOL_SIZES)
