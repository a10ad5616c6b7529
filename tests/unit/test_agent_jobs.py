"""Jobs in proportion: a perfect machine, on which tasks are handed out as a pool does, comes out as perfect."""

from __future__ import annotations

from collections import deque
from typing import Any

import pandas as pd
import pytest

from lab.agent.scenario import worker_ladder
from lab.agent.scenarios.pool.scaling import first_results, run_share
from lab.agent.scenarios.pool.scaling_weak import tasks_per_worker
from lab.agent.toolkit.jobs import LONGEST_NS, SEEDS, Job, proportional
from lab.agent.toolkit.work import TASK_NS, WORKS
from lab.stats.tables.scaling import scaling
from lab.stats.tables.speedup import speedup
from lab.tables import csv_files, schema

ROUNDS = 10


def job_for(cpus: int, work: str = "pure_python") -> Job:
    return proportional(TASK_NS[work], worker_ladder(cpus), cpus)


def time_in_tasks(job: Job, chunk: int, workers: int, cpus: int) -> float:
    """How long the workers take, in lengths of a task, if nothing costs anything and running workers share the CPUs."""
    queue = deque([chunk] * (job.tasks // chunk) + [job.tasks % chunk] * bool(job.tasks % chunk))
    busy: list[int] = []
    elapsed = 0.0
    while queue or busy:
        while queue and len(busy) < workers:
            busy.append(queue.popleft())
        shortest = min(busy)
        elapsed += shortest * max(1.0, len(busy) / cpus)
        busy = [left - shortest for left in busy if left > shortest]
    return elapsed


@pytest.mark.parametrize("work", WORKS)
def test_a_perfect_machine_reaches_the_ideal_speedup_with_every_number_of_workers(work: str) -> None:
    for cpus in range(3, 129) if work == "pure_python" else (3, 7, 12, 24, 61, 96, 127, 128):
        job = job_for(cpus, work)
        for workers in worker_ladder(cpus):
            gained = job.tasks / time_in_tasks(job, job.chunk(workers), workers, cpus)
            ideal = min(workers, cpus)
            assert 0.98 * ideal <= gained <= 1.000001 * ideal, (cpus, workers, job.tasks, job.chunk(workers))
            if workers <= cpus:  # a law is fitted there, and takes any loss for contention
                assert gained == pytest.approx(ideal, rel=1e-9), (cpus, workers, job.tasks)


@pytest.mark.parametrize("work", WORKS)
@pytest.mark.parametrize("cpus", [1, 2, 3, 16, 61, 64, 96, 509, 512])
def test_a_job_is_in_proportion_to_the_largest_number_of_workers_and_bounded(cpus: int, work: str) -> None:
    job, largest = job_for(cpus, work), 2 * cpus
    alone_ns = job.tasks * job.size * TASK_NS[work]
    assert job.tasks >= 16 * largest
    assert alone_ns <= LONGEST_NS * 1.000001
    assert alone_ns >= min(20_000_000 * largest, LONGEST_NS * 0.999999)
    assert 0.02 <= job.size <= 1, "tasks stay long compared with what handing one over costs"


def test_a_default_size_far_above_the_cpus_gets_its_tasks_and_no_job_of_seconds() -> None:
    job = proportional(400_000, (1, 1, 2, 64), 1)
    assert 16 * 64 <= job.tasks <= 1.1 * 16 * 64


@pytest.mark.parametrize("work", WORKS)
def test_each_worker_of_a_growing_job_does_the_same_and_no_job_takes_long(work: str) -> None:
    for cpus in (1, 3, 64, 512):
        tasks = tasks_per_worker(TASK_NS[work], 2 * cpus)
        assert tasks >= 16
        assert tasks % 4 == 0
        assert tasks * TASK_NS[work] >= min(20_000_000, LONGEST_NS / (2 * cpus))
        assert tasks * TASK_NS[work] * 2 * cpus <= max(1.1 * LONGEST_NS, 16 * TASK_NS[work] * 2 * cpus)


@pytest.mark.parametrize("cpus", [3, 7, 61, 64])
def test_chunks_stay_near_those_that_a_pool_would_pick(cpus: int) -> None:
    job = job_for(cpus)
    for workers in worker_ladder(cpus):
        assert 2 <= job.tasks / workers / job.chunk(workers) <= 6, workers


@pytest.mark.parametrize(("tasks", "workers"), [(12, 4), (10, 4), (7, 3), (3, 5)])
def test_independent_workers_do_equal_steps_and_together_the_whole_job(tasks: int, workers: int) -> None:
    job = Job(tasks, size=0.5)
    done: list[float] = []

    def work(seed: int, size: float = 1.0) -> int:
        done.append(size)
        return seed

    totals = []
    for index in range(workers):
        done.clear()
        run_share(2, index, work, job, workers)
        totals.append(sum(done))
    assert totals == pytest.approx([2 * 0.5 * tasks / workers] * workers)


def test_the_first_results_of_a_share_are_of_its_own_tasks_and_of_its_shorter_one() -> None:
    sizes: list[float] = []

    def work(seed: int, size: float = 1.0) -> int:
        sizes.append(size)
        return seed * seed

    assert first_results(1, work, Job(2 * 44), 2) == [7**2, 8**2, 9**2, 1], "tasks 44 to 46 of 37 different ones"
    assert first_results(2, work, Job(7), 3)[:2] == [16, 25]
    assert sizes[-1] == pytest.approx(1 / 3)


def test_the_results_of_a_job_are_those_of_its_tasks_one_after_the_other() -> None:
    job = Job(3 * SEEDS + 5, size=0.25)
    task = job.task(WORKS["pure_python"])
    assert job.results(WORKS["pure_python"]) == [task(seed) for seed in job.seeds]
    assert len(set(job.results(WORKS["hashing"]))) == SEEDS, "a wrong order of chunks is seen"


@pytest.mark.parametrize("work", WORKS)
def test_a_shorter_task_does_less_of_the_same_work(work: str) -> None:
    assert WORKS[work](3, size=1.0) == WORKS[work](3)
    if work in ("pure_python", "hashing"):
        assert WORKS[work](3, size=0.5) != WORKS[work](3)


def measured_on_a_perfect_machine(cpus: int) -> pd.DataFrame:
    """The rows of samples.csv of pool.scaling without any noise: serial, pools, and processes of their own."""
    job = job_for(cpus)
    times = {("serial", 1): float(job.tasks)}
    for workers in worker_ladder(cpus):
        times["processes", workers] = time_in_tasks(job, job.chunk(workers), workers, cpus)
        times["independent", workers] = job.tasks / min(workers, cpus)
    rows: list[dict[str, Any]] = [
        {
            "run_id": "r", "target": "t", "cpu_mode": "cpuset", "cpus_observed": float(cpus), "metric": "wall_time",
            "scenario": "pool.scaling", "operation": "job", "unit": "ns", "status": "ok", "warmup": 0, "loops": 1,
            "tasks": job.tasks, "work": "pure_python", "executor": executor, "workers": workers, "round": number,
            "start_method": None if executor == "serial" else "fork", "case": f"{executor}-{workers}",
            "value": length * TASK_NS["pure_python"], "sample": 0,
        }
        for (executor, workers), length in times.items()
        for number in range(ROUNDS)
    ]  # fmt: skip
    return csv_files.conform(pd.DataFrame(rows), schema.SAMPLES)


@pytest.mark.parametrize("cpus", [3, 7, 12, 61, 64, 97, 128])
def test_the_laws_find_no_knee_no_kappa_and_no_shared_cores_on_a_perfect_machine(cpus: int) -> None:
    samples = measured_on_a_perfect_machine(cpus)
    table = speedup(samples)
    ideal = table["workers"].clip(upper=cpus).astype(float)
    assert (table["speedup"] / ideal).between(0.98, 1.000001).all()
    for row in scaling(samples, table).to_dict("records"):
        assert "SMT or shared cores" not in str(row["reason"])
        assert row["model"] in ("amdahl", "karp_flatt")
        assert pd.isna(row["kappa"]) or row["kappa"] == 0
        assert pd.isna(row["peak_workers"])
        assert row["serial_fraction"] == pytest.approx(0, abs=1e-6)
