"""Going on with a run: finished cells are not measured again, and what was known of them is known again."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from lab.model import Limit, Target
from lab.running.state import batches, remembered_loops, round_centre
from lab.runs.raw import Sample, SampleColumns, Spent, StreamSample, read_raw
from tests.fake_runs import FACTS, ONE, Answer, FakeLab, FakeRunner, Script, all_well, cells, rounds
from tests.manifests import manifest

A, B, C = (f"pool.api/{case}@{ONE.id}" for case in "abc")


def interrupted_after(count: int, script: Script = all_well) -> Script:
    """A script that Ctrl-C stops once so many cells have been answered."""
    left = [count]

    def answers(number: int, cell: str) -> Answer:
        if not left[0]:
            raise KeyboardInterrupt
        left[0] -= 1
        return script(number, cell)

    return answers


def resumed(path: Path, stopped: int, script: Script = all_well, **fields: Any) -> tuple[FakeLab, FakeLab]:
    """The interrupted run and the one that has gone on with it."""
    first = FakeLab(path=path / "run", runner=FakeRunner(script=interrupted_after(stopped, script)), **fields)
    with pytest.raises(KeyboardInterrupt):
        first.run()
    second = FakeLab(path=path / "run", runner=FakeRunner(script=script), **fields)
    second.run()
    return first, second


@pytest.mark.parametrize("stopped", range(6))
def test_finished_cells_are_not_measured_again_and_none_is_left_out(tmp_path: Path, stopped: int) -> None:
    first, second = resumed(tmp_path, stopped, plan=cells("a", "b", "c"), profile=rounds(2))
    told = [(number, cell) for number, cell, _, _ in (*first.told.cells, *second.told.cells)]
    assert sorted(told) == [(number, cell) for number in range(2) for cell in (A, B, C)]
    assert len(second.runner.asked()) == 6 - stopped


def test_a_finished_run_has_nothing_left_to_measure(tmp_path: Path) -> None:
    fields: dict[str, Any] = {"path": tmp_path / "run", "plan": cells("a", "b"), "profile": rounds(2)}
    FakeLab(**fields).run()
    again = FakeLab(**fields)
    again.run()
    assert again.runner.starts == []
    assert again.state.facts == {ONE.id: FACTS}, "by its raw files, for no agent reports them once more"


def test_only_the_finished_attempt_of_a_cell_counts(tmp_path: Path) -> None:
    """The agent is cut off within a cell: the start record stays, and the next attempt has its number."""
    first = FakeLab(path=tmp_path / "run", plan=cells("a"))
    first.runner.script = lambda *_: Answer(noise="stop")

    def note(text: str) -> None:
        raise KeyboardInterrupt(text)

    first.told.note = note  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        first.run()
    second = FakeLab(path=tmp_path / "run", plan=cells("a"))
    second.run()
    assert second.runner.asked() == [A]
    (path,) = (tmp_path / "run" / "raw").iterdir()
    assert [attempt.end is not None for attempt in read_raw(path).attempts["pool.api/a"]] == [False, True]


def test_loops_durations_and_facts_are_known_again(tmp_path: Path) -> None:
    def script(_: int, cell: str) -> Answer:
        return Answer(loops=7, takes_s=6.0 if cell == A else 5.0)

    _, second = resumed(tmp_path, 2, script, plan=cells("a", "b"), profile=rounds(2))
    assert {tuple(cell.loops.items()) for start in second.runner.starts for cell in start.request.cells} == {
        (("job", 7),)
    }
    assert second.state.durations_s == {A: 6.0, B: 5.0}
    assert second.told.blocks[0][2] == 2, "eleven seconds are two blocks, though the plan guessed two seconds"
    assert second.state.facts == {ONE.id: FACTS}


def test_every_target_does_the_steps_that_the_first_measured_also_after_an_interruption(tmp_path: Path) -> None:
    """A Python that is half as fast would otherwise do half the work, and compare as equal."""
    speeds = iter([2000, 900, 900, 900])

    def script(_: int, __: str) -> Answer:
        return Answer(steps_per_ms=next(speeds))

    first, second = resumed(tmp_path, 1, script, plan=cells("a", "b"), profile=rounds(2))
    asked = [start.request.target.steps_per_ms for lab in (first, second) for start in lab.runner.starts]
    assert asked[0] is None
    assert set(asked[1:]) == {2000}
    assert second.state.steps_per_ms == 2000


def test_the_loops_of_a_cell_are_those_of_its_first_calibration(tmp_path: Path) -> None:
    """Loops that changed between rounds would make rounds that are not alike."""

    def script(number: int, _: str) -> Answer:
        return Answer(loops=7 + number, status="failed" if number == 0 else "ok")

    _, second = resumed(tmp_path, 1, script, plan=cells("a"), profile=rounds(3))
    assert second.state.loops == {A: {"job": 7}}


def test_a_cell_that_cannot_be_measured_stays_out_and_one_that_failed_stays_failed(tmp_path: Path) -> None:
    def script(number: int, cell: str) -> Answer:
        words = {A: "unsupported", B: "failed" if number == 0 else "ok", C: "ok"}
        return Answer(status=words[cell], reason="why")

    _, second = resumed(tmp_path, 3, script, plan=cells("a", "b", "c"), profile=rounds(2))
    assert sorted(second.runner.asked()) == [B, C]
    assert second.state.failed == {B}
    assert second.state.excluded == {A}


def test_precision_is_judged_by_the_rounds_of_both_halves(tmp_path: Path) -> None:
    _, second = resumed(tmp_path, 5, plan=cells("a"), profile=rounds(8, 32))
    assert len(second.runner.asked()) == 3
    assert len(second.state.centres[A]["job"]) == 8


def test_raw_lines_of_cells_that_the_plan_does_not_have_are_passed_over(tmp_path: Path) -> None:
    FakeLab(path=tmp_path / "run", plan=cells("a", "z")).run()
    again = FakeLab(path=tmp_path / "run", plan=cells("a", "b"))
    again.run()
    assert again.runner.asked() == [B]


def test_a_raw_file_whose_first_line_was_cut_off_does_not_stop_a_resume(tmp_path: Path) -> None:
    fake = FakeLab(path=tmp_path / "run", plan=cells("a"))
    fake.run()
    (path,) = (tmp_path / "run" / "raw").iterdir()
    path.write_text('{"kind":"fi')
    again = FakeLab(path=tmp_path / "run", plan=cells("a"))
    again.run()
    assert again.runner.asked() == [A]
    assert again.told.cells == [(0, A, "ok", "")]


def sample(elapsed_ns: int, loops: int = 1, *, warmup: int = 0, operation: str = "job") -> StreamSample:
    spent = Spent() if operation == "job" else None
    return StreamSample(cell="a/b", operation=operation, warmup=warmup, loops=loops, elapsed_ns=elapsed_ns, spent=spent)


def centre(samples: Sequence[Sample | StreamSample], *, quota: bool) -> float | None:
    """The centre of a cell's first operation."""
    return round_centre(batches(samples).get("", []), quota=quota)


def test_the_centre_of_a_round_is_the_log_of_the_median_time_of_one_iteration() -> None:
    lines = [sample(999, warmup=1), sample(100, 10), sample(200, 10), sample(9000, 10)]
    assert centre(lines, quota=False) == pytest.approx(math.log(20))


def test_under_a_quota_the_centre_is_the_mean_for_a_median_would_pass_over_the_throttled_part() -> None:
    lines = [sample(999, warmup=1), sample(100, 10), sample(200, 10), sample(9000, 30)]
    assert centre(lines, quota=True) == pytest.approx(math.log(9300 / 50))


def test_a_round_without_a_timed_batch_has_no_centre() -> None:
    rate = Sample(
        cell="a/b", operation="o", sample=0, warmup=0, columns=SampleColumns(), metric="throughput", value=1.0
    )
    assert centre([sample(999, warmup=1), rate], quota=False) is None
    passing = StreamSample(cell="a/b", operation="o", warmup=0)  # the same while the run is under way
    assert centre([passing], quota=False) is None
    assert centre([sample(0)], quota=False) is None


def test_a_target_under_a_quota_is_judged_by_its_means_again_after_a_resume(tmp_path: Path) -> None:
    quota = Target(
        id="q", key="3.13", engine="docker", os="linux", arch="x86_64", limit=Limit(mode="quota", cpus=0.5),
        cpus_visible=2,
    )  # fmt: skip

    def script(*_: object) -> Answer:
        return Answer(batches_ns=(1000, 1000, 4000), loops=1)

    first, second = resumed(tmp_path, 1, script, plan=cells("a", on=(quota,)), targets=(quota,), profile=rounds(2))
    expected = pytest.approx(math.log(2000))
    assert first.state.round_means("pool.api/a@q", ["job"]) == [[expected]]
    assert second.state.round_means("pool.api/a@q", ["job"]) == [[expected, expected]]


def test_a_round_that_failed_has_no_centre(tmp_path: Path) -> None:
    fake = FakeLab(path=tmp_path / "run", plan=cells("a"), profile=rounds(3))
    fake.runner.script = lambda number, _: Answer(status="failed" if number == 1 else "ok", reason="why")
    fake.run()
    assert len(fake.records("sample")) == 3 * 4, "what it had measured before it failed is there, and does not count"
    assert len(fake.state.centres[A]["job"]) == 2


def test_loops_are_remembered_of_this_machine_s_newest_runs_and_nothing_else(tmp_path: Path) -> None:
    here, elsewhere = {"label": "one", "cpus": 2}, {"label": "two", "cpus": 2}
    runs = (
        ("old", here, {"cell": {"job": 5}, "gone": {"job": 7}}, None),
        ("new", here, {"cell": {"job": 6}}, None),
        ("other", elsewhere, {"cell": {"job": 99}}, None),
        ("slowed", here, {"cell": {"job": 98}}, 5.0),
    )
    for number, (name, machine, loops, slowed) in enumerate(runs):
        of = manifest(host=machine, loops=loops, inject_slowdown_percent=slowed)
        (tmp_path / name).mkdir()
        (tmp_path / name / "manifest.json").write_text(of.encode(), encoding="utf-8")
        os.utime(tmp_path / name / "manifest.json", (1000 + number, 1000 + number))
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign" / "manifest.json").write_text("{}", encoding="utf-8")
    found = manifest(host=here).host.machine
    assert remembered_loops(tmp_path, found) == {"cell": {"job": 6}, "gone": {"job": 7}}
    assert remembered_loops(tmp_path / "missing", found) == {}
