"""samples.csv -> speedup.csv: what each worker count gains over the serial job of the same target and round.

Speed-up is the serial time over the job's, paired within blocks and rounds (``lab.stats.rounds``); efficiency is the
speed-up per worker; the serial fraction is Karp and Flatt's (``lab.stats.laws.models``), whose interval follows from
that of the speed-up, since it falls as the speed-up grows. ``over_best`` is the price of a wrong size: time over that
of the worker count with the shortest mean, paired too. That count was chosen on the same rounds, so a price close to 1
says no more than that the two are alike; which counts may be as good is ``near_best`` (both by ``lab.stats.best``).

A job whose cell or whose serial job's cell is flagged (``lab.stats.quality.flags``) keeps its numbers; its reason says
so, and it leaves no count out of ``near_best``.
"""

from __future__ import annotations

import pandas as pd

from lab.stats.best import over_best, standings
from lab.stats.laws.models import serial_fraction
from lab.stats.quality.disturbances import UNDISTURBED, Disturbances
from lab.stats.quality.flags import flagged_points, with_flag
from lab.stats.rounds import (
    BY_BLOCK,
    geometric_means_by,
    log_ratios,
    means_by,
    named,
    round_logs,
    round_values,
    too_few,
)
from lab.tables import csv_files, schema

KEYS = ["target", "work", "executor", "start_method"]
POINT = [*KEYS, "workers"]
SERIAL = ["target", "work"]
CONDITIONS = ["cpu_mode", "cpus_observed", "tasks"]


def speedup(samples: pd.DataFrame, disturbed: Disturbances = UNDISTURBED) -> pd.DataFrame:
    """Return the table, with the columns of ``schema.SPEEDUP``; serial jobs are the baseline and have no row."""
    logs = job_logs(samples)
    jobs = logs[logs["executor"] != "serial"]
    if jobs.empty:
        return csv_files.conform(pd.DataFrame(), schema.SPEEDUP)
    table = _without_ends(geometric_means_by(jobs, [*POINT, *CONDITIONS]), "job_ns")
    serial = logs[logs["executor"] == "serial"][["target", "work", "round", "log", *({BY_BLOCK} & set(logs.columns))]]
    paired = jobs.merge(serial, on=["target", "work", "round"], suffixes=("", "_serial"))
    paired = paired.assign(log=log_ratios(paired, "_serial", ""))
    ratio = named(geometric_means_by(paired, POINT), "speedup").rename(columns={"rounds": "rounds_with_serial"})
    flagged = flagged_jobs(samples, disturbed)
    for part in (ratio, over_best(job_standings(jobs, flagged), POINT), flagged):
        table = table.merge(part, on=POINT, how="left")
    table = table.merge(serial_flags(flagged), on=SERIAL, how="left")
    for name, metric in (("cpu_ns", "cpu_time"), ("throttled_ns", "throttled_time")):
        cost = round_values(pool_jobs(samples), POINT, metric)
        cost = _without_ends(means_by(cost.astype({"value": "float64"}), POINT, "value"), name)
        table = table.merge(cost.drop(columns="rounds"), on=POINT, how="left")
    table = _derived(table).sort_values(POINT, ignore_index=True)
    return csv_files.conform(table, schema.SPEEDUP)


def pool_jobs(samples: pd.DataFrame) -> pd.DataFrame:
    """Return the samples of the jobs of pool.scaling."""
    return samples[(samples["scenario"] == "pool.scaling") & (samples["operation"] == "job")]


def job_logs(samples: pd.DataFrame) -> pd.DataFrame:
    """Return for each job and round the logarithm of its time in ns, with the conditions it ran under."""
    return round_logs(pool_jobs(samples), [*POINT, *CONDITIONS])


def job_standings(jobs: pd.DataFrame, flagged: pd.DataFrame) -> pd.DataFrame:
    """Return ``lab.stats.best.standings`` of the worker counts; arguments as of ``job_logs`` and ``flagged_jobs``."""
    return standings(jobs, KEYS, "workers", flagged=flagged)


def flagged_jobs(samples: pd.DataFrame, disturbed: Disturbances) -> pd.DataFrame:
    """Return ``POINT`` and ``flag``: the jobs whose cells are flagged, each with its name and why."""
    mine = samples[samples["scenario"] == "pool.scaling"]
    return flagged_points(pool_jobs(samples), POINT, mine, disturbed)


def serial_flags(flagged: pd.DataFrame) -> pd.DataFrame:
    """Return ``SERIAL`` and ``serial_flag`` of the serial jobs among flagged ones."""
    serial = flagged[flagged["executor"] == "serial"]
    return serial[[*SERIAL, "flag"]].rename(columns={"flag": "serial_flag"})


def _without_ends(table: pd.DataFrame, name: str) -> pd.DataFrame:
    return table.drop(columns=["ci_low", "ci_high"]).rename(columns={"value": name})


def _derived(table: pd.DataFrame) -> pd.DataFrame:
    workers = table["workers"].to_numpy(dtype=float)
    for end, other in (("", ""), ("_ci_low", "_ci_high"), ("_ci_high", "_ci_low")):
        table[f"efficiency{end}"] = table[f"speedup{end}"] / workers
        table[f"serial_fraction{end}"] = serial_fraction(table[f"speedup{other}"].to_numpy(dtype=float), workers)
    paired = table["rounds_with_serial"].fillna(0).astype(int)
    reason = too_few(paired).mask(paired == 0, "no serial job in the same round")
    for flag in (table["flag"], table["serial_flag"]):
        reason = with_flag(reason, flag)
    return table.assign(reason=reason)
