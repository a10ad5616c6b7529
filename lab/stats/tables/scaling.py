"""samples.csv and speedup.csv -> scaling.csv: per target, work, executor and start method what the data support.

The Universal Scalability Law or Amdahl's (``lab.stats.laws``) is fitted to the rounds' throughput where there are six
worker counts not above the CPUs observed, ten rounds of them, and no quota. Otherwise the row holds Karp and Flatt's
serial fraction of the largest such count (the others are in speedup.csv) and the reason. Deviation from Gunther: counts
above the CPUs are left out of the fit, because there the workers share CPUs, which is another regime. Flagged jobs
(``lab.stats.quality.flags``) enter all the same; the reason names them, and no knee is concluded from one.

CPUs that share cores deliver less than their number to anybody: N of them, each with a process of its own and no pool,
have the capacity C(N) < N. That is a knee, which no law has. A pool of processes there has the model ``shared_cores``:
its throughput times N / C(N), paired by round, so that what the law describes is the pool's own contention. It uses the
counts at which the independent processes were measured, and one worker, whose capacity is 1.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from lab.stats.best import fastest
from lab.stats.laws import Law, choose
from lab.stats.laws.bootstrap import MIN_ROUNDS
from lab.stats.laws.choice import WANTED_COUNTS, Coefficient
from lab.stats.laws.models import serial_fraction
from lab.stats.quality.disturbances import UNDISTURBED, Disturbances
from lab.stats.rounds import estimated
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
    serial = rates[rates["executor"] == "serial"].groupby(SERIAL)["rate"].mean()
    knees = _knees(table)
    rows = []
    for key, points in table.astype({"workers": int}).groupby(KEYS, dropna=False, sort=False):
        target, work, executor, _ = key
        wide = _wide(of_group[key], points)
        knee = knees.get(str(target)) if executor != "independent" else None
        if knee and executor == "processes" and not (points["cpu_mode"] == "quota").any():
            alone = rates[(rates["target"] == target) & (rates["work"] == work)]
            law = _beyond_capacity(knee, wide, alone)
        else:
            law = _law(points, wide, knee)
        rows.append({
            **dict(zip(KEYS, key, strict=True)),
            **_best(points),
            **_with_flags(law, points),
            "serial_throughput": serial.get((target, work)),
        })  # fmt: skip
    return csv_files.conform(pd.DataFrame(rows), schema.SCALING)


def _wide(rates: pd.DataFrame, points: pd.DataFrame) -> pd.DataFrame:
    """Return the rates of worker counts not above the CPUs: a row per round, a column per count, ascending."""
    within = points.loc[points["workers"] <= points["cpus_observed"], "workers"].sort_values()
    wide = rates.pivot_table(index="round", columns="workers", values="rate")
    return wide[[count for count in within if count in wide.columns]]


def _best(points: pd.DataFrame) -> dict[str, object]:
    """Return the fastest measured worker count, and the run of counts about it that may be within 5% of the best."""
    points = points.sort_values("workers")
    best = fastest(points, KEYS, "job_ns")
    kept = points["near_best"].fillna(0) == 1
    run = (~kept).cumsum()
    near = points[(run == run.loc[best.index].iloc[0]) & kept]["workers"]
    counts = {"best_workers_measured": best["workers"].iloc[0]}
    return counts | ({"best_range_low": near.min(), "best_range_high": near.max()} if len(near) else {})


def _law(points: pd.DataFrame, wide: pd.DataFrame, knee: str | None) -> dict[str, object]:
    within = points[points["workers"] <= points["cpus_observed"]]
    quota = "a quota: once it is spent all workers stand still, a knee that no law of scaling has"
    refusal = quota if (points["cpu_mode"] == "quota").any() else knee or _too_few(wide)
    if refusal:
        return _karp_flatt(within, refusal)
    law = choose(wide.columns.to_numpy(dtype=float), wide.dropna(how="all").to_numpy(dtype=float))
    if law.model is None:
        return _karp_flatt(within, law.reason)
    return _fields(law) | {"worker_counts": wide.shape[1], "rounds": len(wide)}


def _beyond_capacity(knee: str, pool: pd.DataFrame, rates: pd.DataFrame) -> dict[str, object]:
    """Return the law of a pool's throughput over the capacity of its CPUs, or Karp and Flatt's fraction of that.

    Args:
        knee: what the CPUs deliver to processes without a pool.
        pool: rates of the pool, a row per round and a column per worker count.
        rates: all rates of the same target and work, the serial ones and those of independent processes among them.
    """
    alone = rates[rates["executor"] == "independent"].pivot_table(index="round", columns="workers", values="rate")
    serial = rates[rates["executor"] == "serial"].groupby("round")["rate"].mean()
    capacity = alone.div(serial, axis=0).reindex(columns=pool.columns)
    if 1 in pool.columns:
        capacity[1] = capacity[1].fillna(1.0)
    own = (pool / capacity.reindex(pool.index) * pool.columns.to_numpy(dtype=float)).dropna(how="all", axis=1)
    larger = [int(count) for count in own.columns if int(count) > 1]
    if not larger:
        return {"reason": f"{knee}; no worker count has both a pool and independent processes"}
    most = larger[-1]
    ratio = estimated(np.log((own[most] / most / serial).dropna()).tolist(), bimodal=False)
    share = f"{ratio.value:.0%}" + (f" ({ratio.low:.0%} to {ratio.high:.0%})" if ratio.low and ratio.high else "")
    reason = f"{knee}; a pool of {plural(most, 'worker')} delivers {share} of that"
    counts = {"model": "shared_cores", "worker_counts": own.shape[1], "rounds": len(own.dropna())}
    refusal = _too_few(own)
    law = None if refusal else choose(own.columns.to_numpy(dtype=float), own.dropna(how="all").to_numpy(dtype=float))
    if law and law.model:
        return _fields(law) | counts | {"reason": f"{reason}: {law.reason}"}
    ends = {"": ratio.value, "_ci_low": ratio.high, "_ci_high": ratio.low}
    fractions = {
        f"serial_fraction{end}": None if part is None else float(serial_fraction(np.array(part * most), np.array(most)))
        for end, part in ends.items()
    }
    why = law.reason if law else refusal
    return counts | fractions | {
        "largest_workers": most,
        "worker_counts": 1,
        "rounds": ratio.rounds,
        "reason": f"{reason}; {why}: Karp and Flatt's serial fraction of the pool alone at {plural(most, 'worker')}",
    }  # fmt: skip


def _with_flags(law: dict[str, object], points: pd.DataFrame) -> dict[str, object]:
    """Return the law with the flagged jobs among its reasons, the serial one first."""
    found = [*points["serial_flag"].dropna().unique(), *points.sort_values("workers")["flag"].dropna()]
    if not found:
        return law
    more = f"; and {len(found) - NAMED} more" if len(found) > NAMED else ""
    named = f"flagged: {'; '.join(found[:NAMED])}{more}"
    return law | {"reason": f"{law['reason']}; {named}" if law.get("reason") else named}


def _too_few(wide: pd.DataFrame) -> str | None:
    """Return why a law is not fitted to these rounds and worker counts, or None."""
    counts, rounds = wide.shape[1], len(wide.dropna())
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
