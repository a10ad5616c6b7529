"""Windows under a quota, in a simulated control group: what they last, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from lab.agent.case import Case
from lab.agent.measuring import meters, quota
from lab.agent.measuring.batches import primary

PERIOD_NS = 100_000_000
MS = 1_000_000


class Group:
    """A control group with one busy CPU: it runs until its budget is spent and then stands still until the period ends.

    ``begin_ns`` is the time at which the test begins, in a period whose budget is unspent.
    """

    def __init__(self, patch: pytest.MonkeyPatch, allowed: float, begin_ns: int = 0) -> None:
        self.budget_ns = round(allowed * PERIOD_NS)
        self.now_ns, self.cpu_ns, self.spent_ns, self.throttled = begin_ns, 0, 0, 0
        patch.setattr("time.perf_counter_ns", lambda: self.now_ns)
        patch.setattr("time.process_time_ns", lambda: self.cpu_ns)
        patch.setattr(meters.Meters, "of_group", lambda _meters: self.counters())

    def counters(self) -> dict[str, int]:
        self.run(1000)
        return {"cpu_ns": self.cpu_ns, "throttled_periods": self.throttled}

    def sleep(self, duration_ns: int) -> None:
        if (self.now_ns + duration_ns) // PERIOD_NS > self.now_ns // PERIOD_NS:
            self.spent_ns = 0
        self.now_ns += duration_ns

    def run(self, cpu_ns: int) -> int:
        """Run for so much CPU time; return the wall time."""
        began_ns = self.now_ns
        while cpu_ns:
            end_ns = (self.now_ns // PERIOD_NS + 1) * PERIOD_NS
            piece = min(cpu_ns, self.budget_ns - self.spent_ns, end_ns - self.now_ns)
            self.now_ns, self.cpu_ns, self.spent_ns = self.now_ns + piece, self.cpu_ns + piece, self.spent_ns + piece
            cpu_ns -= piece
            if self.spent_ns == self.budget_ns:
                self.throttled += 1
                self.now_ns = end_ns
            if self.now_ns == end_ns:
                self.spent_ns = 0
        return self.now_ns - began_ns


def windows(group: Group, allowed: float, operation_ns: int) -> quota.Windows:
    loops = max(1, round(11 * group.budget_ns / operation_ns))
    return quota.Windows(
        lambda count: group.run(count * operation_ns),
        loops,
        1,
        counters=group.counters,
        quota=allowed,
        period_ns=PERIOD_NS,
    )


@pytest.mark.parametrize("allowed", [0.25, 0.5, 0.9])
@pytest.mark.parametrize("operation_ns", [10_000, 3 * MS, 17 * MS, 41 * MS, 80 * MS])
def test_a_window_takes_the_cpu_time_of_its_quota_however_long_its_operations_are(
    monkeypatch: pytest.MonkeyPatch, allowed: float, operation_ns: int
) -> None:
    group = Group(monkeypatch, allowed, 33 * MS)
    under = windows(group, allowed, operation_ns)
    for _ in range(3):
        group.sleep(37 * MS)
        under.warm_up()
        before_ns, began_ns = group.cpu_ns, group.now_ns
        elapsed_ns, _ = under.window(round(11 * group.budget_ns / operation_ns))
        assert group.now_ns - began_ns >= 10 * PERIOD_NS
        assert (group.cpu_ns - before_ns) / elapsed_ns == pytest.approx(allowed, rel=0.008)  # type: ignore[operator]
    under.verify()


def test_a_window_after_a_sleep_has_a_budget_too_many_and_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    group = Group(monkeypatch, 0.5)
    under = windows(group, 0.5, 10_000)
    for _ in range(3):  # as windows were before: without a warm-up they end where their loops do
        group.sleep(PERIOD_NS)
        under.window(round(10.5 * group.budget_ns / 10_000))
    with pytest.raises(quota.QuotaExceeded, match=r"used 0\.5\d+ CPUs under a quota of 0\.5, [2-4]\.\d% more"):
        under.verify()


def test_work_that_waits_is_not_throttled_and_its_windows_end_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    group = Group(monkeypatch, 0.5)

    def batch(loops: int) -> int:
        began_ns = group.now_ns
        for _ in range(loops):
            group.run(MS)
            group.sleep(9 * MS)
        return group.now_ns - began_ns

    under = quota.Windows(batch, 110, 1, counters=group.counters, quota=0.5, period_ns=PERIOD_NS)
    assert 0 < under.warm_up()[0] <= 40
    elapsed_ns, loops = under.window(110)
    assert elapsed_ns == loops * 10 * MS
    assert group.throttled == 0
    under.verify()


def test_without_a_count_of_throttlings_a_window_ends_when_it_is_long_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    group = Group(monkeypatch, 0.5)
    batch = lambda loops: group.run(loops * MS)  # noqa: E731
    under = quota.Windows(batch, 550, 1, counters=dict, quota=0.5, period_ns=PERIOD_NS)
    assert under.warm_up()[0] == 0
    assert under.window(550)[1] == 550


def test_the_cpu_time_of_a_warm_up_that_is_of_no_loop_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    group = Group(monkeypatch, 0.5)
    loops, other_ns = windows(group, 0.5, 42 * MS).warm_up()
    assert loops * 42 * MS + other_ns == pytest.approx(group.cpu_ns, abs=10_000)


def test_a_window_that_finds_no_whole_budget_ends_and_is_uncertain_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    group = Group(monkeypatch, 0.5)
    under = windows(group, 0.5, 10_000)
    under.warm_up()
    monkeypatch.setattr(quota, "is_whole", lambda *_: False)
    elapsed_ns, _ = under.window(round(10.9 * group.budget_ns / 10_000))
    assert 20 * PERIOD_NS <= elapsed_ns <= 24 * PERIOD_NS  # type: ignore[operator]
    under.verify()


@pytest.mark.parametrize(
    ("cpu_ms", "uncertain_ms", "is_refused"),
    [(500, 0, False), (504, 0, False), (506, 0, True), (524, 0, True), (524, 25, False), (400, 0, False)],
)
def test_one_per_cent_above_the_quota_is_the_limit(cpu_ms: int, uncertain_ms: int, *, is_refused: bool) -> None:
    reason = quota.excess(cpu_ms * MS, 1000 * MS, 0.5, uncertain_ms * MS)
    assert (reason is not None) == is_refused


def test_a_case_runs_its_work_until_it_is_throttled_before_the_first_window_and_counts_those_loops(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    group = Group(monkeypatch, 0.5)
    lines: list[dict[str, Any]] = []
    target = {"round": 0, "batches": 3, "own_cgroup": False, "quota": 0.5}
    case = Case({"values": {}, "seed": 7, "loops": {"job": 550}}, target, lines.append)
    case.measure("job", lambda loops: group.run(loops * MS))
    case.close()
    timed = [line for line in lines if not line["warmup"]]
    assert len(timed) == 3
    assert [0 < line["spent_loops"] - line["loops"] <= 50 for line in timed] == [True, False, False]
    for line in timed:
        assert line["elapsed_ns"] >= 10 * PERIOD_NS
        assert line["loops"] * MS / line["elapsed_ns"] == pytest.approx(0.5, rel=0.005)


def test_a_window_of_long_operations_is_at_most_half_as_long_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Operations that take longer than a period end at a whole budget by chance: 68 ms of CPU time never do here."""
    group = Group(monkeypatch, 0.5)
    under = quota.Windows(
        lambda loops: group.run(loops * 68 * MS), 8, 1, counters=group.counters, quota=0.5, period_ns=PERIOD_NS
    )
    for _ in range(3):
        under.warm_up()
        elapsed, loops = under.window(8)
        elapsed_ns = primary(elapsed)
        assert 10 * PERIOD_NS <= elapsed_ns <= 17 * PERIOD_NS  # and the operation that passes the limit
        assert loops * 68 * MS / elapsed_ns == pytest.approx(0.5, rel=0.05)
    under.verify()
