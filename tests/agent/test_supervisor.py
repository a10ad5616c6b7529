"""A cell's process may hang, die, shout or lie: each is a row, and nothing outlives its cell."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from lab.agent.protocol import STREAM_VERSION

if TYPE_CHECKING:
    from pathlib import Path

    from tests.agent.conftest import Result, Stage

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="process groups; Windows has a test of its own")


@pytest.fixture
def probed(stage: Stage) -> Stage:
    stage.add_probes()
    return stage


def run(stage: Stage, python: Path, scenario: str, /, deadline_s: float = 30.0, **values: str) -> Result:
    identity = {"id": f"probe.{scenario}/x", "scenario": f"probe.{scenario}", "case": "x", "seed": 1}
    return stage.run(python, {**identity, "values": values, "deadline_s": deadline_s})


@pytest.mark.parametrize("signals", ["heard", "ignored"])
def test_a_cell_that_hangs_is_a_timeout_and_leaves_nothing_behind(probed: Stage, newest: Path, signals: str) -> None:
    result = run(probed, newest, "hang", deadline_s=2.0, signals=signals)
    assert result.end["status"] == "timeout"
    assert result.end["reason"].startswith("not finished after 2 s")
    if sys.platform == "linux":
        assert result.end["reason"].endswith(
            "s of CPU time and none at the end, so they were waiting (a hang, or one very long wait)"
        )
    assert result.exit_code == 0
    result.assert_nothing_left()


@pytest.mark.skipif(sys.platform != "linux", reason="CPU time of a process group is read from /proc")
@pytest.mark.parametrize(
    ("policy", "doing"), [("normal", "were still working at the end"), ("idle", "none at the end")]
)
def test_a_cell_that_is_too_slow_is_distinguished_from_one_that_hangs(
    probed: Stage, newest: Path, policy: str, doing: str
) -> None:
    """What only keeps a CPU awake, as cross_cpu_awake has it, does not make a cell that hangs look busy."""
    result = run(probed, newest, "busy", deadline_s=1.0, policy=policy)
    assert result.end["status"] == "timeout"
    assert f"s of CPU time and {doing}" in result.end["reason"]
    result.assert_nothing_left()


@pytest.mark.parametrize(("by", "code"), [("exit", 7), ("kill", -9)])
def test_a_cell_that_dies_fails_with_its_code_and_its_last_words(
    probed: Stage, newest: Path, by: str, code: int
) -> None:
    result = run(probed, newest, "die", by=by)
    assert result.end["status"] == "failed"
    assert result.end["reason"].startswith(f"its process ended with code {code}: ")
    assert result.end["reason"].endswith("these are my last words")
    assert result.of("sample") == []
    result.assert_nothing_left()


@pytest.mark.parametrize("start_method", ["fork", "spawn"])
def test_output_of_a_scenario_and_its_children_never_reaches_the_channel(
    probed: Stage, newest: Path, start_method: str
) -> None:
    result = run(probed, newest, "noisy", start_method=start_method)
    kinds = ["facts", "canary", "start", "sample", "end", "canary", "done"]
    assert [line["kind"] for line in result.lines] == kinds
    assert result.end["status"] == "ok"


def test_a_wrong_result_has_no_time(probed: Stage, newest: Path) -> None:
    result = run(probed, newest, "wrong")
    assert (result.end["status"], result.end["reason"]) == ("failed", "wrong result: two and two are not five")
    assert result.of("sample") == []


def test_what_cannot_run_is_a_row_with_its_reason(probed: Stage, newest: Path) -> None:
    result = run(probed, newest, "missing")
    assert (result.end["status"], result.end["reason"]) == ("unsupported", "this system has no telepathy (round 0)")


def test_an_unknown_scenario_fails_its_own_cell_only(probed: Stage, newest: Path) -> None:
    lost = {"id": "a/x", "scenario": "nowhere.a", "case": "x", "values": {}, "seed": 1, "deadline_s": 9.0}
    found = {**lost, "id": "probe.wrong/x", "scenario": "probe.wrong"}
    result = probed.run(newest, lost, found)
    reasons = [line["reason"] for line in result.of("end")]
    assert reasons[0].startswith("LookupError: the scenario 'nowhere.a'")
    assert reasons[1].startswith("wrong result")


def test_a_target_that_is_not_as_requested_measures_nothing(probed: Stage, newest: Path) -> None:
    cell = {"id": "probe.wrong/x", "scenario": "probe.wrong", "case": "x", "values": {}, "seed": 1, "deadline_s": 9.0}
    result = probed.run(newest, cell, cpu_mode="affinity", cpus_requested=999.0)
    assert result.end["status"] == "failed"
    assert result.end["reason"].startswith("999 CPUs were requested (affinity)")
    assert result.of("facts")[0]["mismatch"] == result.end["reason"]


def test_facts_come_first_and_say_which_schema_they_are_of(probed: Stage, newest: Path) -> None:
    first = run(probed, newest, "missing").lines[0]
    assert (first["kind"], first["schema_version"], first["mismatch"]) == ("facts", STREAM_VERSION, "")


def test_where_the_time_went_adds_up(probed: Stage, newest: Path) -> None:
    split = run(probed, newest, "noisy", start_method="fork").end["split"]
    assert 0 < split["interpreter_ns"] < split["total_ns"]
    assert 0 <= split["timed_ns"] + split["warmup_ns"] < split["total_ns"]
