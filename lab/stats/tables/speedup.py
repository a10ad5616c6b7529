"""samples.csv -> speedup.csv: what each worker count gives, against the serial job of the same target and round.

Speed-up is the serial time over the job's, paired by round (``lab.stats.round_stats``); efficiency is the speed-up of a
worker; the serial fraction is Karp and Flatt's (``lab.stats.laws.models``), whose interval is that of the speed-up
carried over, for it falls as the speed-up grows. ``over_best`` is the price of a wrong size: time over that of the
worker count with the shortest mean, paired too. That count was chosen on the same rounds, so a price close to 1 says
no more than that the two are alike; which counts may be as good is ``near_best`` (``lab.stats.near_best``).

A job whose cell is in doubt (``lab.stats.quality``), or whose serial job's is, keeps its numbers; its reason says so,
and no count is left out of ``near_best`` by it.
"""

from __future__ import annotations

import pandas as pd

from lab.stats.laws.models import serial_fraction
from lab.stats.near_best import near_best
from lab.stats.quality import points_in_doubt, with_doubt
from lab.stats.round_stats import geometric_means_by, means_by, round_logs, round_values, too_few
from lab.tables import csv_files, schema

KEYS = ["target", "work", "executor", "start_method"]
POINT = [*KEYS, "workers"]
SERIAL = ["target", "work"]
CONDITIONS = ["cpu_mode", "cpus_observed", "tasks"]


def speedup(samples: pd.DataFrame, disturbed: pd.DataFrame | None = None) -> pd.DataFrame:
    """The table, with the columns of ``schema.SPEEDUP``; serial jobs are the baseline and have no row.

    ``disturbed``: columns target, scenario, case, cause, share; see ``lab.stats.disturbances.disturbed_cells``.
    """
    logs = job_logs(samples)
    jobs = logs[logs["executor"] != "serial"]
    if jobs.empty:
        return csv_files.conform(pd.DataFrame(), schema.SPEEDUP)
    table = _named(geometric_means_by(jobs, [*POINT, *CONDITIONS]), "job_ns", ends=False)
    serial = logs[logs["executor"] == "serial"][["target", "work", "round", "log"]]
    paired = jobs.merge(serial, on=["target", "work", "round"], suffixes=("", "_serial"))
    paired = paired.assign(log=paired["log_serial"] - paired["log"])
    ratio = _named(geometric_means_by(paired, POINT), "speedup").rename(columns={"rounds": "rounds_with_serial"})
    doubtful = jobs_in_doubt(samples, disturbed)
    for part in (ratio, _over_best(jobs, table), near_best(jobs, KEYS, doubtful), doubtful):
        table = table.merge(part, on=POINT, how="left")
    table = table.merge(serial_in_doubt(doubtful), on=SERIAL, how="left")
    for name, metric in (("cpu_ns", "cpu_time"), ("throttled_ns", "throttled_time")):
        cost = round_values(pool_jobs(samples), POINT, metric)
        cost = _named(means_by(cost.astype({"value": "float64"}), POINT, "value"), name, ends=False)
        table = table.merge(cost.drop(columns="rounds"), on=POINT, how="left")
    table = _derived(table).sort_values(POINT, ignore_index=True)
    return csv_files.conform(table, schema.SPEEDUP)


def pool_jobs(samples: pd.DataFrame) -> pd.DataFrame:
    """The samples of the jobs of pool.scaling."""
    return samples[(samples["scenario"] == "pool.scaling") & (samples["operation"] == "job")]


def jobs_in_doubt(samples: pd.DataFrame, disturbed: pd.DataFrame | None) -> pd.DataFrame:
    """``POINT`` and ``doubt``: the jobs whose cells are in doubt, each with its name and why."""
    mine = samples[samples["scenario"] == "pool.scaling"]
    return points_in_doubt(pool_jobs(samples), POINT, mine, disturbed)


def serial_in_doubt(doubtful: pd.DataFrame) -> pd.DataFrame:
    """``SERIAL`` and ``serial_doubt``, of the serial jobs among them."""
    serial = doubtful[doubtful["executor"] == "serial"]
    return serial[[*SERIAL, "doubt"]].rename(columns={"doubt": "serial_doubt"})


def job_logs(samples: pd.DataFrame) -> pd.DataFrame:
    """Of each job and round the logarithm of its time in ns, with the conditions it ran under."""
    return round_logs(pool_jobs(samples), [*POINT, *CONDITIONS])


def _named(table: pd.DataFrame, name: str, *, ends: bool = True) -> pd.DataFrame:
    if not ends:
        table = table.drop(columns=["ci_low", "ci_high"])
    return table.rename(columns={"value": name, "ci_low": f"{name}_ci_low", "ci_high": f"{name}_ci_high"})


def _over_best(jobs: pd.DataFrame, table: pd.DataFrame) -> pd.DataFrame:
    best = table.loc[table.groupby(KEYS, dropna=False)["job_ns"].idxmin(), POINT]
    fastest = jobs.merge(best, on=POINT)[[*KEYS, "round", "log"]]
    paired = jobs.merge(fastest, on=[*KEYS, "round"], suffixes=("", "_best"))
    paired = paired.assign(log=paired["log"] - paired["log_best"])
    return _named(geometric_means_by(paired, POINT), "over_best").drop(columns="rounds")


def _derived(table: pd.DataFrame) -> pd.DataFrame:
    workers = table["workers"].to_numpy(dtype=float)
    for end, other in (("", ""), ("_ci_low", "_ci_high"), ("_ci_high", "_ci_low")):
        table[f"efficiency{end}"] = table[f"speedup{end}"] / workers
        table[f"serial_fraction{end}"] = serial_fraction(table[f"speedup{other}"].to_numpy(dtype=float), workers)
    paired = table["rounds_with_serial"].fillna(0).astype(int)
    reason = too_few(paired).mask(paired == 0, "no serial job in the same round")
    for doubt in (table["doubt"], table["serial_doubt"]):
        reason = with_doubt(reason, doubt)
    return table.assign(reason=reason)
