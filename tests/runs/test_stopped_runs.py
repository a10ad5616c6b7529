"""A run that was stopped at any moment: what it keeps, what it says, and with what it is resumed."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lab.errors import Interrupted
from lab.planning.limits import parse_limit
from lab.planning.plan import Options
from lab.planning.survey import Wanted
from lab.running.job import resume, run
from tests.fake_machines import FakeMachine, quiet_console, signals_kept
from tests.fake_runs import FACTS, Answer, FakeRunner

kept = pytest.fixture(autouse=True)(signals_kept)


def begin(out: Path, **fields: Any) -> None:
    wanted = Wanted(user_images={}, engine="none", cpus=(parse_limit("2"),), pythons=("3.13",))
    usual: dict[str, Any] = {"profile": "quick", "scenarios": ("pool.scaling/*pure_python*",), "seed": 3}
    run(Options(wanted=wanted, out=out, **{**usual, **fields}), quiet_console()[0])


def manifest(out: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((out / "manifest.json").read_text(encoding="utf-8"))
    return found


def stopped_after(count: int, stop: Callable[[], None], answer: Answer | None = None) -> FakeRunner:
    """An agent that ends so many cells, and is stopped in the next one."""
    left = [count]

    def script(_number: int, _cell: str) -> Answer:
        left[0] -= 1
        if left[0] < 0:
            stop()
        return answer or Answer()

    return FakeRunner(script=script)


def interrupt() -> None:
    raise KeyboardInterrupt


def terminate() -> None:
    assert signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL, "it would end pytest"
    signal.raise_signal(signal.SIGTERM)


@pytest.mark.parametrize("stop", [interrupt, terminate])
def test_a_stopped_run_keeps_what_it_knows_and_names_the_command_that_resumes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stop: Callable[[], None]
) -> None:
    machine = FakeMachine(runner=stopped_after(2, stop)).becomes(monkeypatch)
    with pytest.raises(Interrupted, match=f"finished cells are kept; continue with: .* --resume {tmp_path / 'run'}"):
        begin(tmp_path / "run")
    found = manifest(tmp_path / "run")
    assert sum(len(start.cells) for start in machine.runner.starts) > 2, "it was stopped within a start"
    assert len(found["loops"]) == 2
    assert [target["facts"]["python"] for target in found["targets"]] == [FACTS["python"]]
    assert found["split"]["timed_s"] > 0
    assert found["finished"]
    assert not (tmp_path / "run" / "samples.csv").exists()


def test_a_resumed_run_has_the_loops_and_the_slowdown_that_it_began_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = FakeMachine(runner=stopped_after(2, interrupt, Answer(loops=17))).becomes(monkeypatch)
    with pytest.raises(Interrupted):
        begin(tmp_path / "run", slowdown_percent=5.0)
    known = manifest(tmp_path / "run")["loops"]
    machine.runner = FakeRunner()
    resume(tmp_path / "run", quiet_console()[0], quiet=True)
    assert {start.request.target.inject_slowdown_percent for start in machine.runner.starts} == {5.0}
    first = {
        f"{cell.id}@{start.target.id}": cell.loops
        for start in reversed(machine.runner.starts)
        for cell in start.request.cells
    }
    assert {cell: loops for cell, loops in first.items() if cell in known} == {name: {"job": 17} for name in known}
    assert {str(loops) for cell, loops in first.items() if cell not in known} == {"{}"}
    assert manifest(tmp_path / "run")["loops"] == {cell: known.get(cell, {"job": 10}) for cell in first}


def test_a_resumed_run_has_the_budget_that_it_began_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    machine = FakeMachine(runner=stopped_after(1, interrupt)).becomes(monkeypatch)
    with pytest.raises(Interrupted):
        begin(tmp_path / "run")
    changed = {**manifest(tmp_path / "run"), "budget_s": 1e-9}
    (tmp_path / "run" / "manifest.json").write_text(json.dumps(changed), encoding="utf-8")
    machine.runner = FakeRunner()
    resume(tmp_path / "run", quiet_console()[0], quiet=True)
    assert machine.runner.asked() == []


def test_a_cell_that_failed_before_the_stop_is_named_after_the_resumption(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing = stopped_after(1, interrupt, Answer(status="timeout", reason="too slow"))
    machine = FakeMachine(runner=failing).becomes(monkeypatch)
    with pytest.raises(Interrupted):
        begin(tmp_path / "run")
    machine.runner = FakeRunner()
    outcome = resume(tmp_path / "run", quiet_console()[0], quiet=True)
    assert outcome.failed == (failing.asked()[0],)


def test_a_stop_while_the_report_is_made_names_the_command_that_makes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = FakeMachine().becomes(monkeypatch)
    monkeypatch.setattr("lab.pipeline.derive_all", lambda *_: interrupt())
    with pytest.raises(Interrupted, match=f"all cells have ended; make it with: .* report {tmp_path / 'run'}"):
        begin(tmp_path / "run")
    found = manifest(tmp_path / "run")
    assert found["rounds_done"] > 0
    assert found["unfinished_attempts"] == 0
    asked = len(machine.runner.asked())
    machine.becomes(monkeypatch)
    machine.runner = FakeRunner()
    resume(tmp_path / "run", quiet_console()[0], quiet=True)
    assert asked > 0
    assert machine.runner.asked() == [], "no cell was left to measure"
    assert manifest(tmp_path / "run")["findings"]
