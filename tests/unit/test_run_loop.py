"""The run loop: which cells are measured, when it stops, and that every cell ends with a record."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lab.agent.protocol import unpack_request
from lab.errors import EngineError, TargetUnsupported
from lab.model import Limit, Target, WallSplit
from lab.planning.budget import Layout
from lab.planning.contrasts import Role
from lab.running.execution import Split
from lab.running.state import State, record_attempt
from lab.runs.folder import RunFolder
from lab.runs.raw import Attempt, End, Spent, StreamSample
from tests.fake_runs import FACTS, ONE, TWO, Answer, FakeClock, FakeLab, FakeRunner, cells, rounds

A, B, C = (f"pool.api/{case}@{ONE.id}" for case in "abc")


def lab(path: Path, *cases: str, **fields: object) -> FakeLab:
    return FakeLab(path=path / "run", plan=cells(*cases), **fields)  # type: ignore[arg-type]


def dies(cell: str, ends: str, times: int = 1) -> Callable[[int, str], Answer]:
    """The agent dies at one cell the first times that it comes to it."""
    left = [times]

    def script(number: int, name: str) -> Answer:
        del number
        if name == cell and left[0]:
            left[0] -= 1
            return Answer(ends=ends)  # type: ignore[arg-type]
        return Answer()

    return script


def test_every_cell_is_measured_once_in_every_round(tmp_path: Path) -> None:
    fake = lab(tmp_path, "a", "b", profile=rounds(3))
    assert fake.run() == 3
    for number in range(3):
        assert sorted(fake.runner.asked(number)) == [A, B]
    assert sorted(fake.told.cells) == [(number, cell, "ok", "") for number in range(3) for cell in (A, B)]
    ended = [(end["round"], end["cell"], end["status"]) for end in fake.records("end")]
    assert sorted(ended) == [(number, f"pool.api/{case}", "ok") for number in range(3) for case in "ab"]


def test_what_the_agent_says_is_in_the_raw_files_line_by_line(tmp_path: Path) -> None:
    fake = lab(tmp_path, "a")
    fake.run()
    assert len(fake.records("sample")) == 4
    assert [line["facts"] for line in fake.records("facts")] == [FACTS]
    assert [line["cpus"] for line in fake.records("facts")] == [[0]]
    assert fake.state.facts == {ONE.id: FACTS}
    assert fake.records("done") == []


def test_the_cpus_that_a_target_had_in_a_round_stand_beside_its_facts(tmp_path: Path) -> None:
    fake = lab(tmp_path, "a", profile=rounds(2))
    fake.run()
    assert [line["cpus"] for line in fake.records("facts")] == [[0], [1]]


def test_loops_are_calibrated_in_the_first_round_and_kept(tmp_path: Path) -> None:
    fake = lab(tmp_path, "a", profile=rounds(3), runner=FakeRunner(script=lambda *_: Answer(loops=17)))
    fake.run()
    assert [start.request.cells[0].loops for start in fake.runner.starts] == [{}, {"job": 17}, {"job": 17}]
    assert len(fake.records("calibration")) == 1


def test_a_round_is_cut_by_what_its_cells_took_before(tmp_path: Path) -> None:
    slow = FakeRunner(script=lambda *_: Answer(takes_s=6.0))
    fake = lab(tmp_path, "a", "b", "c", profile=rounds(2), runner=slow)
    fake.run()
    counts = [(number, count) for number, _, count, _, _ in fake.told.blocks]
    assert counts == [(0, 1), (1, 3), (1, 3), (1, 3)]
    assert [index for number, index, *_ in fake.told.blocks if number == 1] == [0, 1, 2]


def test_the_order_of_cells_and_targets_changes_with_the_round_and_the_seed_alone(tmp_path: Path) -> None:
    def asked(name: str, seed: int) -> list[list[str]]:
        plan = cells(*"abcdefgh", on=(ONE, TWO), estimate_s=0.01)
        fake = FakeLab(path=tmp_path / name, plan=plan, targets=(ONE, TWO), profile=rounds(2), seed=seed)
        fake.run()
        return [fake.runner.asked(number) for number in range(2)]

    first = asked("first", 0)
    assert asked("again", 0) == first
    assert asked("other", 1) != first
    assert first[0] != first[1]


def test_which_target_comes_first_in_a_block_is_random(tmp_path: Path) -> None:
    """One case alone: nothing but the targets' own order can differ."""
    fake = FakeLab(path=tmp_path / "run", plan=cells("a", on=(ONE, TWO)), targets=(ONE, TWO), profile=rounds(12))
    fake.run()
    firsts = {start.target.id for start in fake.runner.starts[::2]}
    assert firsts == {ONE.id, TWO.id}
    assert {len(fake.runner.asked(number)) for number in range(12)} == {2}


def test_cells_of_a_block_on_one_target_share_one_start(tmp_path: Path) -> None:
    plan = cells("a", "b", "c", on=(ONE, TWO))
    fake = FakeLab(path=tmp_path / "run", plan=plan, targets=(ONE, TWO))
    fake.run()
    assert sorted((start.target.id, len(start.cells)) for start in fake.runner.starts) == [(ONE.id, 3), (TWO.id, 3)]


def test_cells_with_a_sidecar_have_a_start_of_their_own(tmp_path: Path) -> None:
    plan = (*cells("a", "b"), *cells("c", sidecar="manager"))
    fake = FakeLab(path=tmp_path / "run", plan=plan)
    fake.run()
    found = {start.request.sidecar: sorted(start.cells) for start in fake.runner.starts}
    assert found == {None: [A, B], "manager": [C]}


def test_the_request_says_what_is_measured_and_under_which_limit(tmp_path: Path) -> None:
    quota = Target(
        id="q", key="3.13t", engine="docker", os="linux", arch="x86_64", cpus_visible=2, diagnose="seccomp",
        limit=Limit(mode="quota", cpus=0.5, period_us=10_000),
    )  # fmt: skip
    fake = FakeLab(path=tmp_path / "run", plan=cells("a", on=(quota, ONE)), targets=(quota, ONE))
    fake.options = {"slowdown_percent": 5.0, "slowdowns": {ONE.id: 7.0}}
    fake.run()
    by_target = {start.target.id: start.request for start in fake.runner.starts}
    asked = unpack_request(by_target["q"].text())["target"]
    assert asked == {
        "id": "q",
        "build": "free-threaded",
        "diagnose": "seccomp",
        "cpu_mode": "quota",
        "cpus_requested": 0.5,
        "cpu_list": fake.runner.cpus_for(quota, 0),
        "quota": 0.5,
        "period_us": 10_000,
        "own_cgroup": True,
        "round": 0,
        "batches": 3,
        "inject_slowdown_percent": 5.0,
    }
    native = by_target[ONE.id].target
    assert (native.quota, native.own_cgroup, native.inject_slowdown_percent) == (None, False, 7.0)
    (cell,) = by_target["q"].cells
    assert (cell.id, cell.scenario, cell.values) == ("pool.api/a", "pool.api", {"workers": 1})
    assert cell.deadline_s == 60.0


@pytest.mark.parametrize(
    ("engine", "system", "mode", "own"),
    [
        ("docker", "linux", "cpuset", True),
        ("none", "linux", "quota", True),
        ("none", "linux", "affinity", False),
        ("docker", "windows", "cpuset", False),
    ],
)
def test_a_target_has_a_control_group_of_its_own_in_a_container_or_under_a_quota(
    tmp_path: Path, engine: str, system: str, mode: str, *, own: bool
) -> None:
    target = Target(
        id="t", key="3.13", engine=engine, os=system, arch="x86_64", limit=Limit(mode=mode, cpus=1), cpus_visible=1  # type: ignore[arg-type]
    )  # fmt: skip
    fake = FakeLab(path=tmp_path / "run", plan=cells("a", on=(target,)), targets=(target,))
    fake.run()
    assert fake.runner.starts[0].request.target.own_cgroup is own


def test_each_cell_has_a_seed_of_its_own_that_can_be_repeated(tmp_path: Path) -> None:
    def seeds(name: str, seed: int) -> dict[tuple[int, str], int]:
        fake = lab(tmp_path / name, "a", "b", profile=rounds(2), seed=seed)
        fake.run()
        return {(start.number, cell.id): cell.seed for start in fake.runner.starts for cell in start.request.cells}

    first = seeds("first", 0)
    assert len(set(first.values())) == 4
    assert seeds("again", 0) == first
    assert not set(seeds("other", 1).values()) & set(first.values())


def test_an_agent_that_dies_within_a_cell_costs_that_cell_and_the_rest_continues_in_a_fresh_start(
    tmp_path: Path,
) -> None:
    fake = lab(tmp_path, "a", "b", "c", runner=FakeRunner(script=dies(B, "within")))
    fake.run()
    status = {cell: (word, reason) for _, cell, word, reason in fake.told.cells}
    assert status == {A: ("ok", ""), B: ("failed", "the agent's process ended with code -9"), C: ("ok", "")}
    assert len(fake.told.cells) == 3
    assert sorted(fake.runner.asked()).count(B) == 1, "a cell that killed the agent is not tried again in this round"
    assert len(fake.records("start")) == len(fake.records("end")) == 3
    assert fake.state.failed == {B}
    notes = [note for note in fake.told.notes if "fresh start" in note]
    assert len(notes) == len(fake.runner.starts) - 1


def test_an_agent_that_dies_before_its_first_cell_is_not_started_for_ever(tmp_path: Path) -> None:
    fake = lab(tmp_path, "a", "b", runner=FakeRunner(script=lambda *_: Answer(ends="before")))
    fake.run()
    assert len(fake.runner.starts) == 1
    assert sorted(fake.told.cells) == [(0, cell, "failed", "the agent's process ended with code -9") for cell in (A, B)]


def test_end_records_that_the_host_writes_have_their_start(tmp_path: Path) -> None:
    """Whoever reads a raw file finds each attempt by its start record."""
    fake = lab(tmp_path, "a", "b", runner=FakeRunner(script=lambda *_: Answer(ends="before")))
    fake.run()
    kinds = [(line["kind"], line["cell"]) for kind in ("start", "end") for line in fake.records(kind)]
    assert sorted(kinds) == [(kind, f"pool.api/{case}") for kind in ("end", "start") for case in "ab"]
    assert {line["attempt"] for kind in ("start", "end") for line in fake.records(kind)} == {0}
    assert sorted(fake.state.failed) == [A, B]


def test_an_agent_that_leaves_out_cells_without_a_word_is_found_out(tmp_path: Path) -> None:
    fake = lab(tmp_path, "a", "b", runner=FakeRunner(script=lambda *_: Answer(ends="early")))
    fake.run()
    assert {(status, reason) for _, _, status, reason in fake.told.cells} == {
        ("failed", "the agent ended without running every cell of its request")
    }


def test_an_engine_that_fails_to_start_is_the_reason_of_its_cells(tmp_path: Path) -> None:
    def refuses(_target: Target, number: int) -> None:
        if number == 0:
            raise EngineError("no space left on the engine")

    fake = lab(tmp_path, "a", profile=rounds(2), runner=FakeRunner(refuses=refuses))
    assert fake.run() == 2
    assert fake.told.cells == [(0, A, "failed", "no space left on the engine"), (1, A, "ok", "")]


def test_what_a_target_cannot_do_is_unsupported_and_not_tried_in_later_rounds(tmp_path: Path) -> None:
    def refuses(target: Target, _number: int) -> None:
        if target is ONE:
            raise TargetUnsupported("this user cannot set a quota")

    plan = cells("a", "b", on=(ONE, TWO))
    fake = FakeLab(
        path=tmp_path / "run", plan=plan, targets=(ONE, TWO), profile=rounds(3), runner=FakeRunner(refuses=refuses)
    )
    fake.run()
    assert sorted(cell for cell in fake.told.cells if cell[1] in (A, B)) == [
        (0, cell, "unsupported", "this user cannot set a quota") for cell in (A, B)
    ]
    assert len(fake.runner.asked()) == 6
    assert fake.state.failed == set()


@pytest.mark.parametrize("status", ["failed", "timeout"])
def test_a_cell_that_failed_is_tried_again_in_the_next_round(tmp_path: Path, status: str) -> None:
    script = FakeRunner(script=lambda number, _: Answer(status=status if number == 0 else "ok", reason="why"))
    fake = lab(tmp_path, "a", profile=rounds(2), runner=script)
    fake.run()
    assert [(number, word) for number, _, word, _ in fake.told.cells] == [(0, status), (1, "ok")]
    assert fake.state.failed == {A}


def test_a_cell_that_is_unsupported_is_asked_for_once(tmp_path: Path) -> None:
    script = FakeRunner(script=lambda _, cell: Answer(status="unsupported" if cell == A else "ok", reason="no fork"))
    fake = lab(tmp_path, "a", "b", profile=rounds(3), runner=script)
    fake.run()
    assert fake.runner.asked().count(A) == 1
    assert fake.runner.asked().count(B) == 3


def test_a_line_outside_the_protocol_is_reported_and_kept_out_of_the_raw_files(tmp_path: Path) -> None:
    fake = lab(tmp_path, "a", runner=FakeRunner(script=lambda *_: Answer(noise="Segmentation fault\n")))
    fake.run()
    assert len(fake.told.notes) == 1
    assert fake.told.notes[0].startswith(f"{ONE.id}: ")
    assert fake.told.cells == [(0, A, "ok", "")]
    assert "Segmentation" not in next((fake.path / "raw").iterdir()).read_text()


def test_a_budget_ends_within_the_first_round_and_says_so_in_rows(tmp_path: Path) -> None:
    """Cells of ten seconds have a block each: after the second one the budget is used up."""
    slow = FakeRunner(script=lambda *_: Answer(takes_s=10.0))
    fake = FakeLab(path=tmp_path / "run", plan=cells(*"abcde", estimate_s=10.0), profile=rounds(3), runner=slow)
    fake.budget_s = 15.0
    fake.run()
    assert len(fake.runner.asked()) == 2
    skipped = [(number, reason) for number, _, status, reason in fake.told.cells if status == "skipped"]
    assert skipped == [(0, "the budget of 15 s was used up before it")] * 3
    assert len(fake.records("start")) == len(fake.records("end")) == 5
    assert fake.state.failed == set()


def test_cells_that_the_budget_has_skipped_are_left_alone_in_later_rounds(tmp_path: Path) -> None:
    slow = FakeRunner(script=lambda number, _: Answer(takes_s=10.0 if number == 0 else 0.0))
    fake = FakeLab(path=tmp_path / "run", plan=cells(*"abc", estimate_s=10.0), profile=rounds(3), runner=slow)
    fake.budget_s = 10.5
    fake.run()
    assert len(fake.told.cells) == 3
    assert [status for _, _, status, _ in fake.told.cells].count("skipped") == 1


def test_no_round_begins_that_would_not_fit_into_the_budget(tmp_path: Path) -> None:
    slow = FakeRunner(script=lambda *_: Answer(takes_s=2.0))
    fake = lab(tmp_path, "a", profile=rounds(10), runner=slow, budget_s=7.0)
    assert fake.run() == 3
    assert len(fake.runner.asked()) == 3
    assert fake.told.notes == ["stopped after 3 rounds, for another one may exceed the budget of 7 s"]


def test_a_round_that_just_fits_into_the_budget_is_measured(tmp_path: Path) -> None:
    slow = FakeRunner(script=lambda *_: Answer(takes_s=2.0))
    fake = lab(tmp_path, "a", profile=rounds(3), runner=slow, budget_s=6.0)
    assert fake.run() == 3
    assert fake.told.notes == []


def test_the_longest_round_decides_what_fits(tmp_path: Path) -> None:
    slow = FakeRunner(script=lambda number, _: Answer(takes_s=(5.0, 1.0, 1.0, 1.0)[number]))
    fake = lab(tmp_path, "a", profile=rounds(4), runner=slow, budget_s=10.0)
    assert fake.run() == 2


def test_the_budget_is_that_of_this_run_not_of_the_clock(tmp_path: Path) -> None:
    clock = FakeClock(1e6)
    fake = lab(tmp_path, "a", profile=rounds(2), runner=FakeRunner(clock=clock), budget_s=60.0)
    assert fake.run() == 2
    assert len(fake.told.cells) == 2


def scattered(spread: float) -> Callable[[int, str], Answer]:
    """Rounds that go up and down by a share of their value."""
    return lambda number, _: Answer(batches_ns=(round(1e6 * (1 + spread * (number % 2))),) * 3)


def test_a_cell_that_is_precise_stops_at_the_first_look(tmp_path: Path) -> None:
    fake = lab(tmp_path, "a", profile=rounds(8, 32), runner=FakeRunner(script=scattered(0.001)))
    fake.run()
    assert len(fake.runner.asked()) == 8


def test_a_cell_that_is_not_precise_continues_to_the_last_round(tmp_path: Path) -> None:
    fake = lab(tmp_path, "a", profile=rounds(8, 20), runner=FakeRunner(script=scattered(0.5)))
    fake.run()
    assert len(fake.runner.asked()) == 20


def test_each_cell_stops_by_itself(tmp_path: Path) -> None:
    def script(number: int, cell: str) -> Answer:
        return scattered(0.5 if cell == B else 0.001)(number, cell)

    fake = lab(tmp_path, "a", "b", profile=rounds(8, 14), runner=FakeRunner(script=script))
    assert fake.run() == 14
    assert fake.runner.asked().count(A) == 8
    assert fake.runner.asked().count(B) == 14


def test_planned_rounds_are_measured_however_precise_a_cell_is(tmp_path: Path) -> None:
    fake = lab(tmp_path, "a", profile=rounds(10, 20))
    fake.run()
    assert len(fake.runner.asked()) == 10


def test_the_rounds_time_is_shared_out_between_what_it_went_into(tmp_path: Path) -> None:
    runner = FakeRunner(start_s=0.5, end_s=0.25, script=lambda *_: Answer(takes_s=4.0))
    fake = lab(tmp_path, "a", profile=rounds(2), runner=runner)
    fake.run()
    assert fake.split == Split(
        timed_ns=4_000_000_000,
        warmup_ns=2_000_000_000,
        interpreter_ns=2_000_000_000,
        container_ns=1_000_000_000,
        teardown_ns=500_000_000,
        warmup_parts_ns={"calibration": 1_000_000_000},
    )
    assert fake.split.seconds(10.0) == WallSplit(
        wall_s=10.0,
        timed_s=4.0,
        warmup_s=2.0,
        warmup_parts_s={"calibration": 1.0},
        interpreter_s=2.0,
        container_s=1.5,
        host_s=0.5,
    )
    assert fake.split.seconds(9.0).host_s == 0.0


def unit_roles(*cases: str, baseline: str = "", **fields: Any) -> dict[str, Role]:
    """Roles of one unit of the first rank."""
    return {
        each.id: Role(
            rank=1, unit="unit", is_compared=True, **fields,
            baselines=(f"pool.api/{baseline}@{ONE.id}",) if baseline and each.case != baseline else (),
        )
        for each in cells(*cases)
    }  # fmt: skip


def test_several_processes_of_a_round_are_measured_and_numbered(tmp_path: Path) -> None:
    fake = lab(tmp_path, "a", "b", profile=rounds(2))
    fake.options = {"roles": unit_roles("a", "b"), "processes": {"unit": 3}}
    fake.run()
    assert Counter(fake.runner.asked()) == {A: 6, B: 6}
    starts = [(line["round"], line["cell"], line.get("process", 0)) for line in fake.records("start")]
    assert sorted(starts) == [(number, f"pool.api/{case}", at) for number in (0, 1) for case in "ab" for at in range(3)]
    assert len({cell.seed for start in fake.runner.starts for cell in start.request.cells}) == 12
    with RunFolder.existing(fake.path) as folder:
        assert [len(each.attempts["pool.api/a"]) for each in folder.raw()] == [3, 3]
        assert {process.process for each in folder.raw() for process in each.attempts["pool.api/b"]} == {0, 1, 2}


def test_the_starts_of_one_block_share_its_number_and_a_resumed_round_continues_with_new_ones(tmp_path: Path) -> None:
    left = [3]

    def script(_number: int, _cell: str) -> Answer:
        left[0] -= 1
        if left[0] < 0:
            raise KeyboardInterrupt
        return Answer()

    fake = lab(tmp_path, "a", "b", profile=rounds(1), runner=FakeRunner(script=script))
    fake.options = {"roles": unit_roles("a", "b"), "processes": {"unit": 4}, "block_s": 2.5}
    with pytest.raises(KeyboardInterrupt):
        fake.run()
    before = {line["block"] for line in fake.records("start")}
    fake.runner = FakeRunner()
    fake.run()
    with RunFolder.existing(fake.path) as folder:
        (found,) = (each.attempts for each in folder.raw())
    a, b = ([attempt.block or 0 for attempt in found[f"pool.api/{case}"] if attempt.end] for case in "ab")
    assert before == set(range(len(before)))
    assert sorted(set(a) | set(b)) == list(range(len(set(a) | set(b))))
    assert len(set(a) & set(b)) >= 2, "both were measured in these blocks"
    assert max(b) not in before


@pytest.mark.parametrize("stopped", [1, 2, 5, 6, 9])
def test_a_resumed_run_measures_only_the_processes_that_are_missing(tmp_path: Path, stopped: int) -> None:
    left = [stopped]

    def script(_number: int, _cell: str) -> Answer:
        left[0] -= 1
        if left[0] < 0:
            raise KeyboardInterrupt
        return Answer()

    fake = lab(tmp_path, "a", "b", profile=rounds(2), runner=FakeRunner(script=script))
    fake.options = {"roles": unit_roles("a", "b"), "processes": {"unit": 3}}
    with pytest.raises(KeyboardInterrupt):
        fake.run()
    fake.runner = FakeRunner()
    fake.run()
    assert len(fake.runner.asked()) == 12 - stopped
    processes = Counter((line["round"], line["cell"], line.get("process", 0)) for line in fake.records("end"))
    assert sum(processes.values()) == 12


def test_a_round_counts_once_for_precision_however_many_processes_it_has(tmp_path: Path) -> None:
    fake = lab(tmp_path, "a", profile=rounds(8, 32), runner=FakeRunner(script=scattered(0.001)))
    fake.options = {"roles": unit_roles("a"), "processes": {"unit": 3}}
    fake.run()
    assert Counter(start.number for start in fake.runner.starts for _ in start.cells) == dict.fromkeys(range(8), 3)
    (means,) = fake.state.round_means(A, ())
    assert len(means) == 8


def test_precision_is_judged_by_the_operation_that_is_concluded_from(tmp_path: Path) -> None:
    """The scripted agent times `job`; a cell that is judged by another operation falls back to its first one."""
    fake = lab(tmp_path, "a", "b", profile=rounds(8, 16), runner=FakeRunner(script=scattered(0.5)))
    fake.options = {"roles": unit_roles("a", "b", operations=("job",))}
    fake.run()
    assert fake.runner.asked().count(A) == 16
    state = State()
    for number in range(3):
        fast = [
            StreamSample(cell="c", operation="fast", warmup=0, loops=1, elapsed_ns=14_000 + number, spent=Spent()),
            StreamSample(cell="c", operation="slow", warmup=0, loops=1, elapsed_ns=123_000, spent=Spent()),
        ]
        record_attempt(state, number, "c", Attempt(samples=fast, end=End(cell="c", status="ok")), quota=False)
    (slow,) = state.round_means("c", ["slow"])
    assert slow == pytest.approx([math.log(123_000)] * 3)
    assert len(state.round_means("c", ["fast", "slow"])) == 2


def test_the_worker_counts_of_a_law_continue_together_until_the_law_has_its_rounds(tmp_path: Path) -> None:
    def script(number: int, cell: str) -> Answer:
        return scattered(0.5 if cell == B and number < 20 else 0.001)(number, cell)

    fake = lab(tmp_path, "a", "b", "c", profile=rounds(8, 14), runner=FakeRunner(script=script))
    fake.options = {"roles": unit_roles("a", "b", law=True)}
    fake.run()
    assert Counter(fake.runner.asked()) == {A: 14, B: 14, C: 8}
    precise = lab(tmp_path / "precise", "a", "b", profile=rounds(8, 14), runner=FakeRunner(script=scattered(0.001)))
    precise.options = {"roles": unit_roles("a", "b", law=True)}
    precise.run()
    assert Counter(precise.runner.asked()) == {A: 10, B: 10}, "a law is fitted to ten rounds at least"


def test_a_baseline_is_measured_again_as_long_as_a_cell_that_is_divided_by_it_continues(tmp_path: Path) -> None:
    def script(number: int, cell: str) -> Answer:
        return scattered(0.5 if cell == B else 0.001)(number, cell)

    fake = lab(tmp_path, "a", "b", "c", profile=rounds(8, 14), runner=FakeRunner(script=script))
    fake.options = {"roles": unit_roles("a", "b", "c", baseline="a")}
    fake.run()
    assert Counter(fake.runner.asked()) == {A: 14, B: 14, C: 8}


def ranked_roles() -> dict[str, Role]:
    return {A: Role(rank=1, unit="a"), B: Role(rank=2, unit="b"), C: Role(rank=3, unit="c")}


def test_cells_slower_than_planned_leave_out_the_end_of_the_ranking_before_the_second_round(tmp_path: Path) -> None:
    slow = FakeRunner(script=lambda *_: Answer(takes_s=4.0))
    fake = lab(tmp_path, "a", "b", "c", profile=rounds(5), runner=slow, budget_s=46.0)
    corrected: list[Layout] = []
    fake.options = {"roles": ranked_roles(), "layout": Layout(rounds=5), "corrected": corrected.append}
    assert fake.run() == 5
    assert Counter(fake.runner.asked()) == {A: 5, B: 5, C: 1}
    skipped = [(number, cell, reason) for number, cell, status, reason in fake.told.cells if status == "skipped"]
    assert [(number, cell) for number, cell, _ in skipped] == [(1, C)]
    assert skipped[0][2].startswith("left out: ")
    assert fake.told.notes == [
        "by the durations of the first round 1 cell more is left out, and 0 cells are taken back"
    ]
    assert set(corrected[0].dropped) == {C}


def test_a_run_resumed_after_its_first_round_corrects_the_plan_by_it(tmp_path: Path) -> None:
    def script(number: int, _cell: str) -> Answer:
        if number:
            raise KeyboardInterrupt
        return Answer(takes_s=4.0)

    fake = lab(tmp_path, "a", "b", "c", profile=rounds(5), runner=FakeRunner(script=script), budget_s=1000.0)
    fake.options = {"roles": ranked_roles(), "layout": Layout(rounds=5)}
    with pytest.raises(KeyboardInterrupt):
        fake.run()
    fake.runner, fake.budget_s = FakeRunner(script=lambda *_: Answer(takes_s=4.0)), 36.0
    fake.run()
    assert Counter(fake.runner.asked()) == {A: 4, B: 4}


def test_cells_faster_than_planned_take_back_what_was_left_out_and_give_it_its_rounds(tmp_path: Path) -> None:
    fast = FakeRunner(script=lambda *_: Answer(takes_s=0.5))
    fake = lab(tmp_path, "a", "b", "c", profile=rounds(5), runner=fast, budget_s=6.0)
    layout = Layout(rounds=5, dropped={B: "too long", C: "too long"})  # A and B take 5.5 s, all three 8
    fake.options = {"roles": ranked_roles(), "layout": layout}
    fake.run()
    assert Counter(fake.runner.asked()) == {A: 5, B: 5}
    assert {start.number for start in fake.runner.starts if B in start.cells} == {1, 2, 3, 4, 5}


def test_a_promised_round_is_measured_even_if_it_ends_a_little_after_the_budget(tmp_path: Path) -> None:
    drifting = FakeRunner(script=lambda number, _: Answer(takes_s=2.0 + 0.05 * number))
    fake = lab(tmp_path, "a", profile=rounds(5), runner=drifting, budget_s=10.2)
    fake.options = {"roles": ranked_roles(), "layout": Layout(rounds=5)}
    assert fake.run() == 5
    assert len(fake.runner.asked()) == 5
