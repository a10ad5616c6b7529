"""Calibration and injected slowdown, on a clock that the test turns."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest

from lab.agent.measuring import batches

if TYPE_CHECKING:
    from collections.abc import Callable

TARGET_NS = 10_000_000


class FakeTime:
    """Stands for the module ``time`` in ``lab.agent.measuring.batches``: each reading of the clock takes 1 ns."""

    def __init__(self) -> None:
        self.now_ns = 0

    def perf_counter_ns(self) -> int:
        self.now_ns += 1
        return self.now_ns

    def spend(self, duration_ns: int) -> None:
        self.now_ns += duration_ns


class CoarseTime(FakeTime):
    """A clock that ticks at 15.625 ms, as Windows's has; a reading takes 0.1 ms."""

    tick_ns = 15_625_000

    def perf_counter_ns(self) -> int:
        self.now_ns += 100_000
        return self.now_ns // self.tick_ns * self.tick_ns


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> FakeTime:
    fake = FakeTime()
    monkeypatch.setattr(batches, "time", fake)
    return fake


def batch_of(clock: FakeTime, operation_ns: int) -> Callable[[int], int]:
    return batches.timed(lambda: clock.spend(operation_ns))  # type: ignore[return-value]


@pytest.mark.parametrize("operation_ns", [1_000, 15_000, 333_333, 9_000_000])
def test_a_calibrated_batch_takes_its_target(clock: FakeTime, operation_ns: int) -> None:
    batch = batch_of(clock, operation_ns)
    loops = batches.calibrate(batch, TARGET_NS)
    assert batch(loops) == pytest.approx(TARGET_NS, rel=0.11)


def test_an_operation_longer_than_the_target_is_done_once(clock: FakeTime) -> None:
    assert batches.calibrate(batch_of(clock, 50_000_000), TARGET_NS) == 1


@pytest.mark.parametrize(("step", "expected"), [(100, 600), (1000, 1000), (7, 623)])
def test_loops_are_whole_steps(clock: FakeTime, step: int, expected: int) -> None:
    assert batches.calibrate(batch_of(clock, 16_000), TARGET_NS, step) == expected


@pytest.mark.parametrize("operation_ns", [50_000, 3_000_000])
def test_on_a_coarse_clock_batches_are_so_long_that_a_step_is_below_one_percent(
    monkeypatch: pytest.MonkeyPatch, operation_ns: int
) -> None:
    coarse = CoarseTime()
    monkeypatch.setattr(batches, "time", coarse)
    batch = batch_of(coarse, operation_ns)
    loops = batches.calibrate(batch, batches.batch_target_ns(TARGET_NS))
    before = coarse.now_ns
    told = batch(loops)
    assert coarse.now_ns - before > 100 * coarse.tick_ns
    assert told == pytest.approx(loops * operation_ns, rel=0.01)


def test_a_clock_s_step_is_what_is_seen_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "time", CoarseTime())
    assert batches.clock_step_ns() == CoarseTime.tick_ns


@pytest.mark.usefixtures("clock")
def test_on_a_fine_clock_batches_stay_as_long_as_they_are() -> None:
    assert batches.clock_step_ns() == 1
    assert batches.batch_target_ns(TARGET_NS) == TARGET_NS


def test_cold_first_calls_do_not_decide() -> None:
    calls = []

    def batch(loops: int) -> int:
        calls.append(loops)
        return loops * 1_000 + (40_000_000 if len(calls) == 1 else 0)

    assert batches.calibrate(batch, TARGET_NS) == 10_000


def test_one_late_start_does_not_decide_either() -> None:
    calls = []

    def batch(loops: int) -> int:
        calls.append(loops)
        return loops * 1_000 + (40_000_000 if len(calls) == 3 else 0)

    assert batches.calibrate(batch, TARGET_NS) == 10_000


def test_loops_grow_by_ten_at_most_so_that_a_lucky_reading_cannot_run_for_minutes() -> None:
    calls: list[int] = []

    def batch(loops: int) -> int:
        calls.append(loops)
        return max(1, (loops - 1) * 1_000)

    batches.calibrate(batch, TARGET_NS)
    assert len(calls) > 2
    assert all(after <= 10 * before for before, after in itertools.pairwise(calls))


def test_a_clock_that_stands_still_ends_the_calibration() -> None:
    assert batches.calibrate(lambda _loops: 0, TARGET_NS) == batches.MAX_LOOPS


@pytest.mark.parametrize(
    ("guess", "calls"),
    [(1000, [1000]), (600, [600]), (1900, [1900]), (400, [400, 1]), (2500, [2500, 1]), (1, [1, 1])],
)
def test_remembered_loops_are_verified_by_one_batch_and_never_trusted(guess: int, calls: list[int]) -> None:
    ran: list[int] = []

    def batch(loops: int) -> int:
        ran.append(loops)
        return loops * 10_000

    assert batches.calibrate(batch, TARGET_NS, guess=guess) == 1000
    assert ran[:2] == calls
    assert len(ran) == 1 or len(calls) == 2


def test_a_remembered_single_step_that_is_long_is_called_once() -> None:
    ran: list[int] = []

    def batch(loops: int) -> int:
        ran.append(loops)
        return loops * 3 * TARGET_NS

    assert batches.calibrate(batch, TARGET_NS, guess=1) == 1
    assert ran == [1]


def test_a_cost_of_its_own_decides_where_it_is_given() -> None:
    assert batches.calibrate(lambda loops: loops, TARGET_NS, cost=lambda loops: loops * 2_000.0) == 5_000


def test_the_first_of_several_numbers_decides() -> None:
    batch = batches.calibrate(lambda loops: {"start_join": loops * 2_000, "start": loops * 100}, TARGET_NS)
    assert batch == 5_000
    assert batches.primary({"start_join": 7, "start": 3}) == 7
    assert batches.primary(7) == 7


@pytest.mark.parametrize("percent", [5, 20, 100])
def test_an_injected_slowdown_is_exact_and_keeps_no_cpu_from_what_is_measured_next(
    clock: FakeTime, percent: float
) -> None:
    plain = batch_of(clock, 10_000)
    before = clock.now_ns
    reported = batches.slowed(plain, percent)(100)
    assert reported == pytest.approx(1_000_000 * (1 + percent / 100), rel=0.001)
    assert clock.now_ns - before == pytest.approx(1_000_000, rel=0.001)


def test_a_slowdown_reaches_every_operation_of_a_batch() -> None:
    slower = batches.slowed(lambda loops: {"start_join": 1000 * loops, "start": 100 * loops}, 10)
    assert slower(10) == {"start_join": 11_000, "start": 1_100}


def test_no_slowdown_is_the_batch_itself() -> None:
    def batch(loops: int) -> int:
        return loops

    assert batches.slowed(batch, 0.0) is batch


@pytest.mark.parametrize(
    ("loops", "step", "step_ns", "untimed"),
    [
        (1, 1, 11e6, 0),
        (2, 1, 11e6, 0),
        (100, 100, 7e6, 100),
        (3, 1, 11e6, 1),
        (1000, 1, 1e4, 100),
        (2600, 100, 4e5, 300),
    ],
)
def test_a_run_in_is_a_tenth_in_whole_steps_and_not_there_where_a_single_step_is_long(
    loops: int, step: int, step_ns: float, untimed: int
) -> None:
    assert batches.warm_up_loops(loops, step, step_ns) == untimed


def test_a_run_in_is_longer_by_its_phase_except_where_a_batch_is_a_step_or_two() -> None:
    assert batches.warm_up_loops(1000, 1, 1e4, phase=0.5) == 600
    assert batches.warm_up_loops(2600, 100, 4e5, phase=0.999) == 2900
    assert batches.warm_up_loops(100, 100, 7e6, phase=0.5) == 100
    assert batches.warm_up_loops(1, 1, 11e6, phase=0.5) == 0


def test_a_window_continues_until_it_is_long_enough_and_counts_what_it_ran() -> None:
    clock = [0]

    def batch(loops: int) -> int:
        clock[0] += 70 * loops
        return 70 * loops

    assert batches.at_least(batch, 1000, step=1)(10) == (70 * 15, 15)
    assert batches.at_least(batch, 1000, step=4)(12) == (70 * 16, 16)
    assert batches.at_least(batch, 0)(10) == (700, 10)


def test_a_window_of_several_operations_adds_up_each() -> None:
    window = batches.at_least(lambda loops: {"both": 10 * loops, "one": 4 * loops}, 150)
    assert window(10) == ({"both": 150, "one": 60}, 15)


def test_what_is_much_longer_than_the_target_is_not_called_again_to_be_calibrated(clock: FakeTime) -> None:
    calls: list[int] = []
    batch = batch_of(clock, 500_000_000)

    def counted(loops: int) -> int:
        calls.append(loops)
        return batches.primary(batch(loops))

    assert batches.calibrate(counted, TARGET_NS, 4) == 4
    assert calls == [4]
