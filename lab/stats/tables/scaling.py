"""samples.csv and speedup.csv -> scaling.csv: per target, work, executor and start method what the data support.

The Universal Scalability Law or Amdahl's (``lab.stats.laws``) is fitted to the rounds' throughput where there are six
worker counts not above the CPUs observed, ten rounds of them, no quota, and CPUs that deliver their number. Otherwise
the row holds Karp and Flatt's serial fraction of the largest such count (the others are in speedup.csv) and the reason.
Deviation from Gunther: counts above the CPUs are left out of the fit, because there the workers share CPUs, which is
another regime. Flagged jobs (``lab.stats.quality.flags``) enter all the same; the reason names them, and no knee is
concluded from one.
"""

from __future__ import annotations

import pandas as pd

from lab.stats.best import fastest
from lab.stats.laws import Law, choose
from lab.stats.laws.bootstrap import MIN_ROUNDS
from lab.stats.laws.choice import WANTED_COUNTS, Coefficient
from lab.stats.quality.disturbances import UNDISTURBED, Disturbances
from lab.stats.tables.speedup import KEYS, POINT, SERIAL, flagged_jobs, job_logs, serial_flags
from lab.tables import csv_files, schema
from lab.text import plural

NS_A_SECOND = 1e9
KNEE = 0.85  # of N CPUs' capacity; below it they are not N whole CPUs (SMT siblings, shared cores)
NAMED = 3  # flagged jobs that a reason names; speedup.csv has all of them
CAPACITY_WORK = "pure_python"


def scaling(samples: pd.DataFrame, table: pd.DataFrame, disturbed: Disturbances = UNDISTURBED) -> pd.DataFrame:
    """Return the table, with the columns of ``schema.SCALING``; ``table`` is speedup.csv."""
    if table.empty:
        return csv_files.conform(pd.DataFrame(), schema.SCALING)
    flagged = flagged_jobs(samples, disturbed)
    table = table.merge(flagged, on=POINT, how="left").merge(serial_flags(flagged), on=SERIAL, how="left")
    logs = job_logs(samples)
    rates = logs.assign(rate=logs["tasks"].fillna(1).astype("float64") / logs["value"] * NS_A_SECOND)
    of_group = dict(iter(rates.groupby(KEYS, dropna=False)))
    serial = rates[rates["executor"] == "serial"].groupby(["target", "work"])["rate"].mean()
    knees = _knees(table)
    rows = [
        {
            **dict(zip(KEYS, key, strict=True)),
            **_best(points),
            **_with_flags(_law(points, of_group[key], knees.get(str(key[0]))), points),
            "serial_throughput": serial.get((key[0], key[1])),
        }
        for key, points in table.astype({"workers": int}).groupby(KEYS, dropna=False, sort=False)
    ]
    return csv_files.conform(pd.DataFrame(rows), schema.SCALING)


def _best(points: pd.DataFrame) -> dict[str, object]:
    """Return the fastest measured worker count, and the run of counts about it that may be within 5% of the best."""
    points = points.sort_values("workers")
    best = fastest(points, KEYS, "job_ns")
    kept = points["near_best"].fillna(0) == 1
    run = (~kept).cumsum()
    near = points[(run == run.loc[best.index].iloc[0]) & kept]["workers"]
    counts = {"best_workers_measured": best["workers"].iloc[0]}
    return counts | ({"best_range_low": near.min(), "best_range_high": near.max()} if len(near) else {})


def _law(points: pd.DataFrame, rates: pd.DataFrame, knee: str | None) -> dict[str, object]:
    within = points[points["workers"] <= points["cpus_observed"]]
    wide = rates.pivot_table(index="round", columns="workers", values="rate")
    wide = wide[[count for count in within["workers"].sort_values() if count in wide.columns]]
    refusal = _refusal(points, len(within), len(wide.dropna()), knee)
    if refusal:
        return _karp_flatt(within, refusal)
    law = choose(wide.columns.to_numpy(dtype=float), wide.dropna(how="all").to_numpy(dtype=float))
    return _fields(law) | {"worker_counts": wide.shape[1], "rounds": len(wide)}


def _with_flags(law: dict[str, object], points: pd.DataFrame) -> dict[str, object]:
    """Return the law with the flagged jobs among its reasons, the serial one first."""
    found = [*points["serial_flag"].dropna().unique(), *points.sort_values("workers")["flag"].dropna()]
    if not found:
        return law
    more = f"; and {len(found) - NAMED} more" if len(found) > NAMED else ""
    named = f"flagged: {'; '.join(found[:NAMED])}{more}"
    return law | {"reason": f"{law['reason']}; {named}" if law.get("reason") else named}


def _refusal(points: pd.DataFrame, counts: int, rounds: int, knee: str | None) -> str | None:
    """Return why no law is fitted, or None."""
    if (points["cpu_mode"] == "quota").any():
        return "a quota: once it is spent all workers stand still, a knee that no law of scaling has"
    if knee and points["executor"].iloc[0] != "independent":
        return knee
    if counts < WANTED_COUNTS:
        return f"{counts} of {WANTED_COUNTS} worker counts not above the CPUs observed"
    return f"{rounds} of {MIN_ROUNDS} rounds for a bootstrap" if rounds < MIN_ROUNDS else None


def _knees(table: pd.DataFrame) -> dict[str, str]:
    """Return the targets whose CPUs, with one process each and no pool, deliver clearly less than their number."""
    alone = table[(table["executor"] == "independent") & (table["work"] == CAPACITY_WORK)]
    alone = alone[(alone["workers"] <= alone["cpus_observed"]) & (alone["efficiency_ci_high"] < KNEE)]
    alone = alone[alone["flag"].isna() & alone["serial_flag"].isna()]
    largest = alone.sort_values("workers").drop_duplicates("target", keep="last")
    return {
        str(row["target"]): f"SMT or shared cores: {row['workers']} CPUs, each with a process of its own and no pool, "
        f"give {row['speedup']:.2f} times one, a knee"
        for row in largest.to_dict("records")
    }


def _karp_flatt(within: pd.DataFrame, refusal: str) -> dict[str, object]:
    usable = within[(within["workers"] > 1) & within["serial_fraction"].notna()]
    if usable.empty:
        return {"reason": f"{refusal}; nor a speed-up of two workers or more on as many CPUs"}
    row = usable.sort_values("workers").iloc[-1]
    names = ["serial_fraction", "serial_fraction_ci_low", "serial_fraction_ci_high"]
    counts = {"worker_counts": 1, "largest_workers": row["workers"], "rounds": row["rounds"]}
    reason = f"{refusal}: Karp and Flatt's serial fraction at {plural(row['workers'], 'worker')}"
    if pd.isna(row["serial_fraction_ci_low"]) and pd.notna(row["reason"]):
        reason = f"{reason}; no interval, {row['reason'].partition('; ')[0]}"  # flags follow it, if any
    return {"model": "karp_flatt", **{name: row[name] for name in names}, **counts, "reason": reason}


def _fields(law: Law) -> dict[str, object]:
    named = {"serial_fraction": law.serial_fraction, "sigma": law.sigma, "kappa": law.kappa, "lambda": law.rate}
    fields: dict[str, object] = {
        "model": law.model, "r2": law.r2, "peak_workers": law.peak_workers, "reason": law.reason,
        "largest_workers": law.largest_workers,
    }  # fmt: skip
    for name, found in named.items():
        fields |= _coefficient(name, found)
    return fields


def _coefficient(name: str, found: Coefficient) -> dict[str, object]:
    return {name: found.value, f"{name}_ci_low": found.ci_low, f"{name}_ci_high": found.ci_high}
