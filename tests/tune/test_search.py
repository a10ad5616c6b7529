"""The search on machines whose truth is known."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import pytest

from lab.errors import UsageError
from lab.tune.choices import PLAIN_EXECUTOR, PLAIN_POOL, SERIAL, Choice, Reading
from lab.tune.search import BASELINES, FINAL_ROUNDS, Found, search
from lab.tune.verdict import Verdict, judge, judge_each
from tests.tune.simulated import Machine

BUDGET_S = 120
METHODS = {"fork": 1.0, "forkserver": 1.02, "spawn": 1.04, "": 1.0}
CHUNKS = {0: 1.03, 1: 1.1, 4: 1.0, 16: 1.0}
NO_RIVALS = {"interpreter_pool_executor": "needs 3.14", "loky": "not installed", "joblib": "not installed"}


def compute(choice: Choice) -> float:
    """Two seconds of pure Python with a GIL, on four CPUs that are nearly independent of each other."""
    if choice.executor in ("serial", "threads"):
        return 2.0 if choice.executor == "serial" else 2.1
    workers = min(choice.workers or 4, 4)
    kind = 1.2 if choice.executor in ("loky", "joblib") else METHODS[choice.start_method]
    return 2.0 / workers * (1 + 0.03 * (workers - 1)) * kind * CHUNKS.get(choice.chunksize, 1.15)


def perfect(choice: Choice) -> float:
    """Two seconds that processes share out without any loss."""
    if choice.executor in ("serial", "threads"):
        return 2.0
    return 2.0 / min(choice.workers or 4, 4)


def waiting(choice: Choice) -> float:
    """Two seconds of waiting, which all workers do at once; processes need a little longer."""
    cost = 0.0 if choice.executor == "threads" else 0.01 * choice.workers
    return 2.0 / (choice.workers or 4) + cost if choice != SERIAL else 2.0


def useless(choice: Choice) -> float:
    """Two seconds that every pool only makes longer."""
    return 2.0 if choice.executor == "serial" else 2.3 + 0.05 * choice.workers


def run(machine: Machine, budget_s: float = BUDGET_S, seed: int = 0) -> Found:
    return search(machine, budget_s, machine.clock, seed)


def verdict_on(job_s: Callable[[Choice], float], **more: object) -> tuple[Found, Verdict]:
    found = run(Machine(job_s=job_s, block_noise=0.05, process_noise=0.02, seed=1, **more))  # type: ignore[arg-type]
    return found, judge(found)


def test_intervals_cover_the_truth_and_the_choice_is_near_the_best() -> None:
    """With all rules on: stops, the choice of a leader, and the end of the final phase."""
    founds = [
        run(Machine(job_s=compute, block_noise=0.05, process_noise=0.03, start_s=0.02, seed=seed), seed=seed)
        for seed in range(200)
    ]
    verdicts = judge_each(founds)
    best = 2.0 / (0.02 + compute(Choice(executor="pool", workers=4, start_method="fork", chunksize=4)))
    covered, near = 0, 0
    for verdict in verdicts:
        value = verdict.recommended.speedup
        truth = 2.0 / (0.02 + compute(verdict.recommended.choice))
        assert value.low is not None
        assert value.high is not None
        covered += value.low <= truth <= value.high
        near += truth > best / 1.05
    assert 0.92 <= covered / len(verdicts) <= 0.98
    assert near / len(verdicts) >= 0.98
    assert max(found.spent_s for found in founds) < 1.1 * BUDGET_S


def test_a_perfect_machine_comes_out_perfect() -> None:
    found = run(Machine(job_s=perfect, missing=NO_RIVALS))
    verdict = judge(found)
    assert verdict.recommended.speedup.value == pytest.approx(4, rel=1e-6)
    assert verdict.recommended.workers == 4
    threads = Choice(executor="threads", workers=4)
    assert "as long as the best of executors" in found.stopped[threads]


def test_no_pool_pays_off_where_every_pool_is_slower() -> None:
    _, verdict = verdict_on(useless)
    assert verdict.recommended.choice == SERIAL


def test_threads_win_where_the_function_waits_and_more_of_them_than_cpus() -> None:
    _, verdict = verdict_on(waiting, cpu_share=0.02)
    assert verdict.recommended.choice.executor == "threads"
    assert verdict.recommended.workers == 32


def test_a_quota_is_searched_at_its_own_count_and_at_that_of_the_host() -> None:
    found, _ = verdict_on(compute, cpus=1.5, cpus_visible=4)
    workers = {reading.choice.workers for reading in found.search if reading.choice.executor == "pool"}
    assert {2, 4} <= workers


def test_library_threads_are_compared_where_a_serial_pass_uses_several_cpus() -> None:
    def oversubscribed(choice: Choice) -> float:
        if choice.executor == "serial":
            return 1.0 if choice.library_threads == 0 else 2.0
        return 2.0 / min(choice.workers or 4, 4) * (1.0 if choice.library_threads == 1 else 3.0)

    found, verdict = verdict_on(oversubscribed, cpu_share=2.0)
    assert verdict.recommended.choice.library_threads == 1
    assert verdict.recommended.choice.executor != "serial"
    assert Choice(executor="serial", library_threads=1) in {reading.choice for reading in found.search}


def test_the_final_phase_is_fresh_and_has_at_least_eight_blocks_of_all_baselines() -> None:
    found, verdict = verdict_on(compute)
    blocks: dict[int, list[Reading]] = {}
    for reading in found.final:
        blocks.setdefault(reading.round, []).append(reading)
    assert len(blocks) >= FINAL_ROUNDS
    assert not {reading.round for reading in found.search} & set(blocks)
    for readings in blocks.values():
        assert {*BASELINES, found.leader, *found.rivals} == {reading.choice for reading in readings}
    assert len({tuple(reading.choice for reading in readings) for readings in blocks.values()}) > 1, "one fixed order"
    assert all(option.time_ns.rounds == len(blocks) for option in verdict.options)


def test_every_block_of_the_search_has_the_baselines() -> None:
    found, _ = verdict_on(compute)
    blocks: dict[int, set[Choice]] = {}
    for reading in found.search:
        blocks.setdefault(reading.round, set()).add(reading.choice)
    assert all(set(BASELINES) <= choices for choices in blocks.values())


def test_one_seed_gives_the_same_search() -> None:
    one, other = (run(Machine(job_s=compute, process_noise=0.03), seed=7) for _ in range(2))
    assert one == other


def test_a_slow_function_is_measured_with_some_of_its_items_and_projected_to_all() -> None:
    """The start of a pool is not multiplied."""

    def long(choice: Choice) -> float:
        return 400.0 if choice.executor in ("serial", "threads") else 400.0 / min(choice.workers or 4, 4)

    machine = Machine(job_s=long, items_count=4000, item_s=0.1, start_s=0.1, missing=NO_RIVALS)
    found = run(machine)
    assert found.count < 4000
    assert f"Each pass had {found.count:,} of the 4,000 items" in " ".join(found.notes)
    verdict = judge(found)
    assert verdict.serial.time_ns.value == pytest.approx(400e9, rel=1e-6)
    assert verdict.recommended.time_ns.value == pytest.approx(100.1e9, rel=1e-6)


def test_a_budget_that_is_too_small_is_refused_with_what_it_takes() -> None:
    machine = Machine(job_s=lambda _: 4000.0, items_count=400, item_s=10)
    with pytest.raises(UsageError, match=r"budget of 120 s|budget of 2 min .* too small.*give --budget \d+m"):
        run(machine)


def test_the_budget_that_is_named_is_enough() -> None:
    with pytest.raises(UsageError) as refused:
        run(Machine(job_s=lambda _: 4000.0, items_count=400, item_s=10))
    minutes = int(str(refused.value).split("--budget ")[1].split("m")[0])
    assert run(Machine(job_s=lambda _: 4000.0, items_count=400, item_s=10), budget_s=60 * minutes).final


def test_a_choice_that_fails_is_left_out_with_its_reason() -> None:
    found = run(Machine(job_s=perfect, broken={PLAIN_EXECUTOR: "the result cannot be pickled"}))
    assert found.stopped[PLAIN_EXECUTOR] == "failed: the result cannot be pickled"
    assert PLAIN_EXECUTOR not in {option.choice for option in judge(found).options}


def test_a_leader_that_fails_in_the_final_phase_is_not_recommended() -> None:
    class Failing(Machine):
        """What looks best fails from some block on."""

        def measure(self, choices: Sequence[Choice], round_index: int, *, count: int = 0) -> list[Reading]:
            if round_index > 16:
                self.broken = {item: "a worker died" for item in choices if item.executor == "pool" and item.workers}
            return super().measure(choices, round_index, count=count)

    def pools_only(choice: Choice) -> float:
        return perfect(choice) if choice.executor == "pool" and choice.workers else 2.0

    found = run(Failing(job_s=pools_only))
    assert found.leader.executor == "pool"
    assert found.leader in found.stopped
    assert judge(found).recommended.choice.executor != "pool"


def test_a_function_that_fails_serially_ends_the_search() -> None:
    with pytest.raises(UsageError, match="item 3 raised ValueError"):
        run(Machine(job_s=perfect, broken={SERIAL: "item 3 raised ValueError"}))


def test_executors_that_the_target_lacks_are_not_tried() -> None:
    found = run(Machine(job_s=perfect, missing={**NO_RIVALS, "pool/fork": "no fork on Windows", "threads": "no"}))
    tried = {(reading.choice.executor, reading.choice.start_method) for reading in found.search}
    assert not {"loky", "threads"} & {executor for executor, _ in tried}
    assert not {("pool", "fork"), ("process_pool_executor", "fork")} & tried


def test_what_is_near_the_best_is_hardly_ever_stopped() -> None:
    """Of choices that are truly within 5% of the best, at most 1% stop, over all looks and stages."""
    stopped = level = 0
    for seed in range(100):
        found = run(
            Machine(job_s=perfect, block_noise=0.1, process_noise=0.05, missing=NO_RIVALS, seed=seed), seed=seed
        )
        good = {item.choice for item in found.search if math.isclose(perfect(item.choice), 0.5)} - {PLAIN_POOL}
        level += len(good)
        stopped += len(good & set(found.stopped))
    assert stopped / level < 0.01
