"""Speed-up and scaling tables: what is fitted, what is refused and why, on jobs of known truth."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import pytest

from lab.stats.best import standings
from lab.stats.quality.disturbances import Disturbance, Disturbances
from lab.stats.tables.pool_sizes import pool_sizes
from lab.stats.tables.scaling import scaling
from lab.stats.tables.speedup import speedup
from lab.tables import csv_files, schema

SERIAL_NS = 32e6
STOLEN = "was disturbed: steal took 40% of the CPUs"


def jobs(
    speedups: Mapping[int, float], rounds: int, *, executor: str = "processes", scatter: float = 0.0, **columns: Any
) -> pd.DataFrame:
    """Three batches a round of jobs with these speed-ups; drift and scatter are those of the round."""
    rng = np.random.default_rng(1)
    rows = [
        {
            "run_id": "r", "target": "t", "cpu_mode": "cpuset", "cpus_observed": 8.0, "scenario": "pool.scaling",
            "operation": "job", "metric": "wall_time", "unit": "ns", "status": "ok", "warmup": 0, "loops": 1,
            "tasks": 32, "work": "pure_python", "executor": executor, "workers": workers,
            "start_method": "fork" if executor == "processes" else None, "case": f"{executor}-{workers}",
            "value": SERIAL_NS * (1 + number / 10) / factor * np.exp(rng.normal(0, scatter)),
            "round": number, "sample": sample, **columns,
        }
        for number in range(rounds)
        for workers, factor in speedups.items()
        for sample in range(3)
    ]  # fmt: skip
    return csv_files.conform(pd.DataFrame(rows), schema.SAMPLES)


def with_serial(*parts: pd.DataFrame, rounds: int, **columns: Any) -> pd.DataFrame:
    return pd.concat([jobs({1: 1.0}, rounds, executor="serial", **columns), *parts], ignore_index=True)


def laws(samples: pd.DataFrame) -> dict[str, Any]:
    table = scaling(samples, speedup(samples))
    assert list(table.columns) == schema.names(schema.SCALING)
    return dict(table[table["executor"] == "processes"].iloc[0])


def usl(workers: int, sigma: float = 0.02, kappa: float = 0.03) -> float:
    return workers / (1 + sigma * (workers - 1) + kappa * workers * (workers - 1))


def test_speedup_is_paired_by_round_so_that_drift_cancels() -> None:
    table = speedup(with_serial(jobs({2: 1.6}, 5), rounds=5)).iloc[0]
    assert table["speedup_ci_low"] == pytest.approx(1.6)
    assert table["speedup_ci_high"] == pytest.approx(1.6)
    assert table["efficiency"] == pytest.approx(0.8)
    assert table["serial_fraction"] == pytest.approx((1 / 1.6 - 0.5) / 0.5)


def test_the_serial_fractions_interval_is_that_of_the_speedup_turned_round() -> None:
    table = speedup(with_serial(jobs({4: 2.5}, 6, scatter=0.05), rounds=6)).iloc[0]
    assert table["serial_fraction_ci_low"] < table["serial_fraction"] < table["serial_fraction_ci_high"]
    assert table["serial_fraction_ci_low"] == pytest.approx((1 / table["speedup_ci_high"] - 0.25) / 0.75)


def test_below_five_rounds_there_is_a_speedup_and_no_interval() -> None:
    table = speedup(with_serial(jobs({2: 1.6}, 4), rounds=4)).iloc[0]
    assert table["speedup"] == pytest.approx(1.6)
    assert pd.isna(table["speedup_ci_low"])
    assert table["reason"] == "4 of 5 rounds"


def test_without_a_serial_job_there_is_no_speedup_and_the_reason_stands_there() -> None:
    table = speedup(jobs({2: 1.6}, 5)).iloc[0]
    assert pd.isna(table["speedup"])
    assert table["reason"] == "no serial job in the same round"


def test_six_counts_and_ten_rounds_are_fitted_in_tasks_a_second() -> None:
    counts = {workers: usl(workers) for workers in (1, 2, 3, 4, 6, 8)}
    row = laws(with_serial(jobs(counts, 12, scatter=0.005), rounds=12))
    assert row["model"] == "usl"
    assert row["sigma_ci_low"] <= 0.02 <= row["sigma_ci_high"]
    assert row["kappa"] == pytest.approx(0.03, rel=0.1)
    assert row["lambda"] == pytest.approx(row["serial_throughput"], rel=0.02)
    assert row["peak_workers"] == pytest.approx(np.sqrt(0.98 / 0.03), rel=0.05)
    assert (row["worker_counts"], row["largest_workers"], row["rounds"]) == (6, 8, 12)


def test_counts_above_the_cpus_do_not_enter_the_fit() -> None:
    counts = {workers: usl(workers) for workers in (1, 2, 3, 4, 6, 8)} | {16: 0.5}
    row = laws(with_serial(jobs(counts, 12, scatter=0.005), rounds=12))
    assert (row["model"], row["largest_workers"]) == ("usl", 8)


@pytest.mark.parametrize(
    ("columns", "rounds", "says"),
    [
        ({"cpu_mode": "quota"}, 12, "a quota"),
        ({"cpus_observed": 4.0}, 12, "4 of 6 worker counts"),
        ({}, 9, "9 of 10 rounds"),
    ],
)
def test_what_cannot_be_fitted_is_karp_and_flatts_fraction_with_the_reason(
    columns: dict[str, Any], rounds: int, says: str
) -> None:
    counts = {workers: usl(workers) for workers in (1, 2, 3, 4, 6, 8)}
    row = laws(with_serial(jobs(counts, rounds, **columns), rounds=rounds, **columns))
    assert row["model"] == "karp_flatt"
    assert says in row["reason"]
    assert pd.notna(row["serial_fraction_ci_low"])
    assert pd.isna(row["peak_workers"])


def test_the_fraction_that_stands_for_a_law_is_that_of_the_largest_count_within_the_cpus() -> None:
    counts = {8: 4.0, 2: 1.9, 16: 4.1, 4: 3.0}  # in no order, and 16 on the 8 CPUs is another regime
    row = laws(with_serial(jobs(counts, 5), rounds=5))
    assert (row["model"], row["largest_workers"], row["worker_counts"], row["rounds"]) == ("karp_flatt", 8, 1, 5)
    assert row["serial_fraction"] == pytest.approx((1 / 4 - 1 / 8) / (1 - 1 / 8))
    assert (
        row["reason"]
        == "3 of 6 worker counts not above the CPUs observed: Karp and Flatt's serial fraction at 8 workers"
    )


SHARED = {2: 2.0, 3: 3.0, 4: 4.0, 6: 4.6, 8: 5.0}  # what eight CPUs of four cores deliver to processes without a pool


def test_on_shared_cores_the_law_is_of_the_pool_beside_what_the_cpus_deliver() -> None:
    pool = {workers: SHARED.get(workers, 1.0) / (1 + 0.03 * (workers - 1)) for workers in (1, *SHARED)}
    capacity = jobs(SHARED, 12, executor="independent", scatter=0.01)
    row = laws(with_serial(jobs(pool, 12, scatter=0.01), capacity, rounds=12))
    assert (row["model"], row["worker_counts"], row["largest_workers"]) == ("shared_cores", 6, 8)
    assert row["sigma"] == pytest.approx(0.03, abs=0.003)
    assert row["kappa"] == 0
    assert pd.isna(row["peak_workers"])
    assert row["reason"].startswith(
        "SMT or shared cores: 8 CPUs, each with a process of its own and no pool, give 4.99"
    )
    assert "; a pool of 8 workers delivers 83% (82% to 83%) of that: kappa" in row["reason"]


def test_on_shared_cores_with_few_counts_the_pools_own_serial_fraction_is_of_what_the_cpus_deliver() -> None:
    capacity = jobs({4: 4.0, 8: 5.0}, 6, executor="independent")
    row = laws(with_serial(jobs({2: 1.9, 4: 3.6, 8: 4.0, 16: 3.9}, 6), capacity, rounds=6))
    assert (row["model"], row["largest_workers"], row["worker_counts"]) == ("shared_cores", 8, 1)
    assert row["serial_fraction"] == pytest.approx((1 / (8 * 4 / 5) - 1 / 8) / (1 - 1 / 8))
    assert row["serial_fraction_ci_low"] <= row["serial_fraction"] <= row["serial_fraction_ci_high"]
    assert "a pool of 8 workers delivers 80% (80% to 80%) of that; 2 of 6 worker counts" in row["reason"]
    alone = jobs({8: 5.0}, 6, executor="independent")
    apart = laws(with_serial(jobs({2: 1.9, 4: 3.6}, 6), alone, rounds=6))
    assert pd.isna(apart["model"])
    assert apart["reason"].endswith("no worker count has both a pool and independent processes")


@pytest.mark.parametrize("cpus", [3, 6, 16, 31, 128])
def test_a_perfect_machine_has_no_knee_no_coherency_and_no_shared_cores(cpus: int) -> None:
    ladder = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192)
    counts = sorted({count for count in ladder if count < 2 * cpus} | {cpus, 2 * cpus})
    ideal = {count: float(min(count, cpus)) for count in counts}
    alone = {count: speedup for count, speedup in ideal.items() if 1 < count <= cpus}
    on: dict[str, Any] = {"cpus_observed": float(cpus), "tasks": 16 * 2 * cpus}
    row = laws(with_serial(jobs(ideal, 10, **on), jobs(alone, 10, executor="independent", **on), rounds=10, **on))
    assert row["model"] in ("amdahl", "karp_flatt")
    assert (row["sigma"] if row["model"] == "amdahl" else row["serial_fraction"]) == pytest.approx(0, abs=1e-6)
    assert pd.isna(row["kappa"]) or row["kappa"] == 0
    assert pd.isna(row["peak_workers"])
    assert not any(word in row["reason"] for word in ("knee", "shared", "plateau", "off by"))
    assert row["best_workers_measured"] == cpus


def test_the_best_count_its_range_and_the_price_of_too_many_are_measured_ones() -> None:
    counts = {1: 1.0, 2: 1.9, 4: 3.0, 6: 2.95, 8: 2.0, 16: 2.99}
    samples = with_serial(jobs(counts, 5), rounds=5)
    row = laws(samples)
    assert (row["best_workers_measured"], row["best_range_low"], row["best_range_high"]) == (4, 4, 6)
    price = speedup(samples).set_index("workers")["over_best"]
    assert price[8] == pytest.approx(1.5)


def test_throttled_time_stands_beside_the_time_of_a_job_under_a_quota() -> None:
    held = jobs({2: 4.0}, 5, cpu_mode="quota", metric="throttled_time")
    table = speedup(pd.concat([jobs({2: 1.6}, 5, cpu_mode="quota"), held], ignore_index=True))
    assert table["throttled_ns"].tolist() == pytest.approx([SERIAL_NS / 4 * 1.2])


def test_what_pool_picks_by_itself_is_held_against_the_fastest_size() -> None:
    sizes = [
        jobs({workers: factor}, 5, scenario="pool.defaults", variant=f'{{"kind": "pool", "size": {size}}}', work=None)
        for size, workers, factor in (('"default"', 8, 1.0), ("2", 2, 2.0))
    ]
    table = pool_sizes(pd.concat(sizes, ignore_index=True)).set_index("size")
    assert table.loc["default", "over_best"] == pytest.approx(2.0)
    assert table.loc["default", "over_best_ci_low"] == pytest.approx(2.0)
    assert table.loc["2", "over_best"] == pytest.approx(1.0)
    case = sizes[0]["case"].iloc[0]
    stolen = {("t", "pool.defaults", case): Disturbance("steal", 0.4)}
    marked = pool_sizes(pd.concat(sizes, ignore_index=True), stolen)
    assert marked["reason"].dropna().tolist() == [f"{case} {STOLEN}"]


def test_a_run_without_pools_gives_empty_tables_with_all_columns() -> None:
    nothing = csv_files.conform(pd.DataFrame(), schema.SAMPLES)
    assert list(speedup(nothing).columns) == schema.names(schema.SPEEDUP)
    assert scaling(nothing, speedup(nothing)).empty
    assert list(pool_sizes(nothing).columns) == schema.names(schema.POOL_SIZES)


def test_counts_that_are_not_distinguishable_from_the_best_are_in_its_range() -> None:
    """By estimates 4 workers are 10 % faster than 6; the scatter of the rounds does not bear that out."""
    samples = with_serial(jobs({1: 1.0, 4: 3.3, 6: 3.0}, 6, scatter=0.1), rounds=6)
    row = laws(samples)
    table = speedup(samples).set_index("workers")
    assert row["best_workers_measured"] == 4
    assert table["over_best"].to_dict()[6] > 1.05
    assert (row["best_range_low"], row["best_range_high"]) == (4, 6)
    assert table["near_best"].to_dict() == {1: 0, 4: 1, 6: 1}


def test_threads_which_have_no_start_method_have_their_own_range_of_counts() -> None:
    pools = jobs({1: 1.0, 2: 1.9, 4: 3.0}, 6), jobs({1: 1.0, 2: 0.98, 4: 0.9}, 6, executor="threads")
    table = speedup(with_serial(*pools, rounds=6))
    kept = table.set_index(["executor", "workers"])["near_best"].to_dict()
    assert kept == {
        ("threads", 1): 1, ("threads", 2): 1, ("threads", 4): 0,
        ("processes", 1): 0, ("processes", 2): 0, ("processes", 4): 1,
    }  # fmt: skip


def test_below_five_rounds_there_is_no_range_of_worker_counts() -> None:
    row = laws(with_serial(jobs({1: 1.0, 2: 1.9, 4: 1.88}, 4), rounds=4))
    assert row["best_workers_measured"] == 2
    assert pd.isna(row["best_range_low"])


def test_a_count_within_five_per_cent_of_the_best_is_kept_as_often_as_is_said() -> None:
    rng = np.random.default_rng(4)
    true = np.log([1.0, 1.05, 1.04, 1.05, 1.3])
    logs = true + rng.normal(0, 0.06, (400, 6, 5))  # runs, rounds, counts
    run, number, count = np.meshgrid(*map(np.arange, logs.shape), indexing="ij")
    frame = pd.DataFrame({"run": run.ravel(), "round": number.ravel(), "workers": count.ravel(), "log": logs.ravel()})
    kept = standings(frame, ["run"], "workers").groupby("workers")["near_best"].mean()
    assert (kept[:4] >= 0.95).all()
    assert kept[4] <= 0.6


def steal(*cases: str) -> Disturbances:
    return {("t", "pool.scaling", name): Disturbance("steal", 0.4) for name in cases}


def test_a_job_that_was_disturbed_says_so_in_both_tables_and_leaves_no_count_out() -> None:
    """A neighbour that took the CPUs from two workers made four look certainly better."""
    samples = with_serial(jobs({1: 0.9, 2: 1.1, 4: 3.0}, 6, scatter=0.01), rounds=6, scatter=0.01)
    disturbed = steal("processes-2")
    table = speedup(samples, disturbed).set_index("workers")
    assert table["reason"].fillna("").tolist() == ["", f"processes-2 {STOLEN}", ""]
    assert table["near_best"].tolist() == [0, 1, 1]
    assert speedup(samples)["near_best"].tolist() == [0, 0, 1]
    assert table["speedup"].tolist() == speedup(samples)["speedup"].tolist(), "the numbers stay"
    row = scaling(samples, speedup(samples, disturbed), disturbed).iloc[0]
    assert row["reason"].endswith(f"; flagged: processes-2 {STOLEN}")
    largest = steal("processes-4")
    reason = scaling(samples, speedup(samples, largest), largest).iloc[0]["reason"]
    assert "no interval" not in reason, "a flag is no reason for an interval that is there"
    assert (row["best_range_low"], row["best_range_high"]) == (2, 4)


def test_what_disturbed_the_serial_job_is_a_reason_of_every_speedup_and_once_of_the_law() -> None:
    samples = with_serial(jobs({2: 1.6, 4: 3.0}, 4), rounds=4)
    table = speedup(samples, steal("serial-1"))
    assert table["reason"].tolist() == [f"4 of 5 rounds; serial-1 {STOLEN}"] * 2
    reason = scaling(samples, table, steal("serial-1")).iloc[0]["reason"]
    assert reason.endswith(f"; no interval, 4 of 5 rounds; flagged: serial-1 {STOLEN}")


def test_a_job_that_ran_out_of_time_in_some_rounds_is_flagged_as_well() -> None:
    samples = with_serial(jobs({2: 1.6, 4: 3.0}, 6), rounds=6)
    lost = (samples["case"] == "processes-4") & (samples["round"] == 5)
    samples.loc[lost, ["operation", "status", "reason", "value"]] = [None, "timeout", "over 60 s", None]
    assert speedup(samples)["reason"].iloc[1] == "processes-4 ran out of time in 1 of 6 rounds (over 60 s)"


def test_no_knee_is_seen_by_a_disturbed_job() -> None:
    """That two CPUs gave 1.2 times one is no property of theirs while somebody else had one of them."""
    alone = jobs({2: 1.2}, 6, executor="independent", scatter=0.001)
    samples = with_serial(alone, jobs({2: 1.6}, 6, scatter=0.001), rounds=6, scatter=0.001)
    assert "SMT or shared cores" in laws(samples)["reason"]
    disturbed = steal("independent-2")
    table = scaling(samples, speedup(samples, disturbed), disturbed)
    assert not table["reason"].str.contains("SMT").any()


def test_cpu_and_throttled_time_are_of_the_jobs_alone() -> None:
    spent = [
        jobs({2: 1.6}, 5, metric=metric, value=value) for metric, value in (("cpu_time", 7.0), ("throttled_time", 3.0))
    ]
    foreign = [frame.assign(value=1e9, scenario="pool.grain", case="g") for frame in spent]
    other = [frame.assign(value=1e9, operation="start") for frame in spent]
    row = speedup(with_serial(jobs({2: 1.6}, 5), *spent, *foreign, *other, rounds=5)).iloc[0]
    assert (row["cpu_ns"], row["throttled_ns"]) == (7.0, 3.0)
    geometric = np.exp(np.log(1 + np.arange(5) / 10).mean())
    assert (row["rounds"], row["job_ns"]) == (5, pytest.approx(SERIAL_NS / 1.6 * geometric))


def test_a_job_without_a_serial_one_beside_it_leaves_the_others_reason_as_it_is() -> None:
    later = jobs({4: 3.0}, 4).assign(round=lambda rows: rows["round"] + 4)
    table = speedup(with_serial(jobs({2: 1.6}, 4), later, rounds=4)).set_index("workers")
    assert table["reason"].to_dict() == {2: "4 of 5 rounds", 4: "no serial job in the same round"}


def test_the_speedup_of_one_worker_is_no_serial_fraction() -> None:
    table = speedup(with_serial(jobs({1: 0.9, 4: 2.0}, 5), rounds=5)).set_index("workers")
    assert table["efficiency"].tolist() == pytest.approx([0.9, 0.5])
    assert table["serial_fraction"].isna().tolist() == [True, False]
    row = laws(with_serial(jobs({1: 0.9}, 5), rounds=5))
    assert pd.isna(row["model"])
    assert row["reason"].endswith("; nor a speed-up of two workers or more on as many CPUs")


def test_throughput_is_in_tasks_a_second_and_that_of_the_serial_job_is_its_mean() -> None:
    row = laws(with_serial(jobs({2: 1.6}, 5), rounds=5))
    assert row["serial_throughput"] == pytest.approx(np.mean(32 / (SERIAL_NS * (1 + np.arange(5) / 10)) * 1e9))


def test_the_law_of_exact_data_is_the_one_that_made_them() -> None:
    counts = {workers: usl(workers) for workers in (1, 2, 3, 4, 6, 8)}
    samples = with_serial(jobs(counts, 10), rounds=10)
    samples["value"] /= 1 + samples["round"].astype(float) / 10  # no drift
    row = laws(samples)
    assert [row[name] for name in ("model", "worker_counts", "rounds")] == ["usl", 6, 10]
    assert [row[name] for name in ("lambda", "sigma", "kappa")] == pytest.approx([1000, 0.02, 0.03], rel=1e-6)
    assert row["peak_workers"] == pytest.approx(np.sqrt(0.98 / 0.03), rel=1e-6)
    assert row["r2"] == pytest.approx(1)


def test_more_flagged_jobs_than_a_reason_can_name_are_counted() -> None:
    samples = with_serial(jobs(dict.fromkeys((1, 2, 3, 4, 6), 1.0), 5), rounds=5)
    disturbed = steal(*(f"processes-{workers}" for workers in (6, 4, 3, 2, 1)))
    reason = scaling(samples, speedup(samples, disturbed), disturbed).iloc[0]["reason"]
    named = "; ".join(f"processes-{workers} {STOLEN}" for workers in (1, 2, 3))
    assert reason.endswith(f"flagged: {named}; and 2 more")
    three = steal(*(f"processes-{workers}" for workers in (1, 2, 3)))
    assert scaling(samples, speedup(samples, three), three).iloc[0]["reason"].endswith(f"flagged: {named}")


def test_a_knee_is_clearly_less_than_the_cpus_capacity_and_of_the_largest_count_that_has_one() -> None:
    counts = {workers: usl(workers) for workers in (1, 2, 3, 4, 6, 8)}
    for capacity, says in (({2: 1.69, 4: 3.39}, "4 CPUs"), ({2: 1.69, 4: 3.41}, "2 CPUs"), ({2: 1.71, 4: 3.41}, None)):
        alone = jobs(capacity, 12, executor="independent")
        reason = laws(with_serial(jobs(counts, 9), alone, rounds=12))["reason"]
        assert ("SMT or shared cores: " in reason) == bool(says)
        assert f"SMT or shared cores: {says}" in reason if says else "9 of 10 rounds" in reason
    other_work = jobs({4: 2.0}, 12, executor="independent", work="hashing")
    above = jobs({16: 8.0}, 12, executor="independent")
    serial = jobs({1: 1.0}, 12, executor="serial", work="hashing")
    assert "SMT" not in laws(with_serial(jobs(counts, 9), other_work, serial, above, rounds=12))["reason"]


def test_costs_of_a_pools_size_are_means_over_its_rounds_and_sizes_are_held_against_their_kind() -> None:
    def sized(kind: str, factors: Mapping[int, float], **columns: Any) -> pd.DataFrame:
        parts = [
            jobs({workers: factor}, 5, scenario="pool.defaults", work=None, case=f"{kind}-{workers}",
                 variant=f'{{"kind": "{kind}", "size": {workers}}}', **columns)
            for workers, factor in factors.items()
        ]  # fmt: skip
        return pd.concat(parts, ignore_index=True)

    parts = [
        sized("pool", {1: 1.0, 2: 2.0}),
        sized("executor", {1: 1.0, 2: 0.5}),
        sized("pool", {2: 1.0}, metric="cpu_time", value=5.0),
        sized("pool", {2: 1.0}, metric="throttled_time", value=4.0),
    ]
    table = pool_sizes(pd.concat(parts, ignore_index=True)).set_index(["kind", "size"])
    sizes = [("executor", "1"), ("executor", "2"), ("pool", "1"), ("pool", "2")]
    assert table.index.tolist() == sizes
    assert table["over_best"].tolist() == pytest.approx([1, 2, 2, 1])
    assert table["cpu_ns"].fillna(0).tolist() == [0, 0, 0, 5]
    assert table["throttled_ns"].fillna(0).tolist() == [0, 0, 0, 4]
    assert table["rounds"].tolist() == [5] * 4
