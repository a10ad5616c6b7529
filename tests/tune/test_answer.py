"""The answer in words, numbers and lines of Python."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from lab.tune.answer import Answer, answer, as_object
from lab.tune.causes import makespan
from lab.tune.choices import PLAIN_EXECUTOR, PLAIN_POOL, SERIAL, Choice, Items
from lab.tune.lines import Job, lines
from lab.tune.search import search
from tests.tune.simulated import Machine
from tests.tune.test_search import compute, perfect, useless, waiting

JOB = Job(function="double", items="ITEMS", imports=("from work import ITEMS, double, setup",), initializer="setup")
WORK = """\
ITEMS = list(range(100))
READY = []

def setup():
    READY.append(1)

def double(item):
    assert READY
    return 2 * item
"""
RUNNABLE = [
    SERIAL,
    Choice(executor="serial", library_threads=1),
    PLAIN_POOL,
    PLAIN_EXECUTOR,
    Choice(executor="threads", workers=3),
    Choice(executor="pool", workers=2, start_method="spawn", chunksize=16),
    Choice(executor="process_pool_executor", workers=2, start_method="forkserver", chunksize=4, library_threads=1),
]


def answer_of(machine: Machine) -> Answer:
    return answer("py313-linux-native-c4", search(machine, 120, machine.clock, 0), machine, JOB)


@pytest.mark.parametrize("choice", RUNNABLE, ids=str)
def test_the_lines_to_paste_run_and_have_all_results(choice: Choice, tmp_path: Path) -> None:
    if sys.platform == "win32" and choice.start_method == "forkserver":
        pytest.skip("Windows has no forkserver")
    (tmp_path / "work.py").write_text(WORK, encoding="utf-8")
    check = "    assert results == [2 * item for item in ITEMS]\n    print('as expected')\n"
    (tmp_path / "program.py").write_text(lines(choice, JOB) + check, encoding="utf-8")
    done = subprocess.run([sys.executable, "program.py"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stdout == "as expected\n", done.stderr


def test_the_issues_example_has_the_issues_lines() -> None:
    choice = Choice(executor="process_pool_executor", workers=4, start_method="spawn", chunksize=16)
    job = Job(function="resize", items="ITEMS", imports=("from work import ITEMS, resize",))
    wanted = 'with ProcessPoolExecutor(max_workers=4, mp_context=get_context("spawn")) as pool:\n'
    assert wanted in lines(choice, job)
    assert "results = list(pool.map(resize, ITEMS, chunksize=16))\n" in lines(choice, job)


def test_the_sentence_names_choice_speedup_and_interval_and_pool_as_it_is() -> None:
    result = answer_of(Machine(job_s=compute, block_noise=0.02, process_noise=0.01, start_s=0.05))
    first, plain = result.sentence.split(". Pool() as it is: ")
    assert "times serial (" in first
    assert "times serial (" in plain


def test_no_pool_pays_off_and_threads_are_enough_are_answers() -> None:
    useless_pools = answer_of(Machine(job_s=useless, process_noise=0.01))
    assert useless_pools.sentence.startswith("No pool pays off: the best one, ")
    assert "results = [double(item) for item in ITEMS]" in useless_pools.code
    io = answer_of(Machine(job_s=waiting, process_noise=0.01, cpu_share=0.02))
    assert io.sentence.startswith("Threads are enough: 32 threads: ")


def test_a_pool_that_may_or_may_not_pay_off_is_inconclusive() -> None:
    result = answer_of(Machine(job_s=lambda _: 2.0, process_noise=0.05, cpus=1, cpus_visible=1))
    assert "(inconclusive)" in result.sentence
    assert result.verdict.recommended.choice == SERIAL


def test_it_pays_off_from_the_items_that_make_up_for_the_start() -> None:
    """400 items of 5 ms; four workers save 3.75 ms per item, so that a start of 150 ms takes 40 items."""
    result = answer_of(Machine(job_s=perfect, start_s=0.15))
    assert result.pays_off is not None
    assert result.pays_off.value == pytest.approx(40, rel=0.01)
    assert any("pays off from 40 items on" in cost for cost in result.costs)


def test_memory_is_given_in_total_and_per_worker() -> None:
    """The machine takes 20 MB per process beside the parent's."""
    result = answer_of(Machine(job_s=perfect, memory_bytes=lambda choice: (1 + choice.workers) * 2**24))
    workers = result.verdict.recommended.workers
    assert f"Memory: {16 * (1 + workers)} MiB at its peak in all" in " ".join(result.costs)


def test_causes_are_named_by_their_rules() -> None:
    def named(machine: Machine) -> set[str]:
        return {cause.name for cause in answer_of(machine).causes}

    assert named(Machine(job_s=perfect)) == {"the GIL, for threads"}
    assert "the GIL, for threads" not in named(Machine(job_s=perfect, python="3.13t"))
    assert "start" in named(Machine(job_s=perfect, start_s=0.2))

    def costly(choice: Choice) -> float:
        return 2.0 if choice.executor in ("serial", "threads") else 1.6 * perfect(choice)

    class Costly(Machine):
        def cpu_factor(self, choice: Choice) -> float:
            return 1.0 if choice.executor in ("serial", "threads") else 1.5

    assert "size of results" in named(Costly(job_s=costly, result_bytes=8 * 2**20))
    assert "hand-over" in named(Costly(job_s=costly, items_count=20_000, item_s=0.0001))
    assert any(name.startswith("memory bandwidth") for name in named(Costly(job_s=costly)))


def test_the_makespan_of_a_long_last_item_is_that_of_its_worker() -> None:
    assert makespan([1, 1, 1, 9], 2, 1) == 10
    assert makespan([1] * 8, 4, 2) == 2
    assert makespan([1] * 8, 4, 4) == 4


def test_uneven_items_are_a_cause() -> None:
    class Uneven(Machine):
        def items(self, limit_s: float = 1e9) -> Items:
            found = super().items(limit_s)
            durations = (*found.durations_ns[:-1], 100 * found.durations_ns[-1])
            return Items(
                durations_ns=durations,
                argument_bytes=found.argument_bytes,
                result_bytes=found.result_bytes,
                import_ns=0,
                total=found.total,
            )

    result = answer_of(Uneven(job_s=lambda choice: 1.25 * perfect(choice) if choice.workers != 1 else 2.0))
    assert "uneven items" in {cause.name for cause in result.causes}


def test_a_quota_is_explained_and_its_settings_are_given() -> None:

    def two_cpus(choice: Choice) -> float:
        return max(1.2, perfect(choice))

    result = answer_of(Machine(job_s=two_cpus, cpus=2, cpus_visible=8, throttled_share=0.3))
    words = " ".join(result.quota)
    assert "The quota allows 2 CPUs, but Python counts 8 CPUs, so that Pool() starts 8 workers." in words
    assert "throttled for 30% of the time" in words
    assert 'cpu: "2"' in result.kubernetes
    assert "PYTHON_CPU_COUNT" in result.kubernetes
    assert "throttling" in {cause.name for cause in result.causes}
    old = answer_of(Machine(job_s=compute, cpus=2, cpus_visible=8, python="3.12"))
    assert "PYTHON_CPU_COUNT" not in old.kubernetes


def test_the_object_is_json_and_has_intervals() -> None:
    found = json.loads(json.dumps(as_object(answer_of(Machine(job_s=compute, process_noise=0.02)))))
    assert {"answer", "code", "recommended", "options", "stopped", "causes", "notes"} <= set(found)
    speedup = found["recommended"]["speedup"]
    assert speedup["ci_low"] < speedup["value"] < speedup["ci_high"]
    assert speedup["rounds"] >= 8
