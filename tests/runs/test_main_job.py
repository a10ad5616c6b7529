"""The main job from the plan to the manifest: run, interrupt, resume, and run again what another machine ran."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lab.claims import claimed_cells
from lab.errors import BadFiles, Interrupted, NothingToRunOn, UsageError
from lab.planning.limits import parse_limit
from lab.planning.plan import Options, make_plan
from lab.planning.profiles import profile
from lab.planning.survey import Wanted
from lab.running.job import Outcome, resume, run
from tests.fake_machines import FakeMachine, engine, quiet_console, signals_kept, unheard
from tests.fake_runs import FACTS, Answer, FakeRunner

SCALING = "pool.scaling/*pure_python*"
kept = pytest.fixture(autouse=True)(signals_kept)


def options(out: Path, **fields: Any) -> Options:
    wanted = Wanted(user_images={}, engine=fields.pop("engine", "none"), cpus=(parse_limit("2"),), pythons=("3.13",))
    usual: dict[str, Any] = {"profile": "quick", "scenarios": (SCALING,), "command": "python -m lab run", "seed": 3}
    return Options(wanted=wanted, out=out, **{**usual, **fields})


def manifest(run: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((run / "manifest.json").read_text())
    return found


def carried_out(out: Path, **fields: Any) -> tuple[Outcome, str]:
    console, text = quiet_console()
    return run(options(out, **fields), console), text.getvalue()


def stopped_after(count: int) -> FakeRunner:
    left = [count]

    def script(_number: int, _cell: str) -> Answer:
        left[0] -= 1
        if left[0] < 0:
            raise KeyboardInterrupt
        return Answer()

    return FakeRunner(script=script)


def test_a_run_leaves_a_manifest_that_says_what_became_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    machine = FakeMachine().becomes(monkeypatch)
    outcome, text = carried_out(tmp_path / "run", slowdown_percent=5.0)
    found = manifest(tmp_path / "run")
    assert (outcome.folder.path, outcome.failed) == (tmp_path / "run", ())
    assert (found["rounds_done"], found["seed"], found["profile"]) == (profile("quick").max_rounds, 3, "quick")
    assert found["rounds"]["rounds"] == profile("quick").rounds
    assert found["budget_s"] == profile("quick").budget_s
    assert found["inject_slowdown_percent"] == 5.0
    assert {start.request.target.inject_slowdown_percent for start in machine.runner.starts} == {5.0}
    assert found["unfinished_attempts"] == 0
    (target,) = found["targets"]
    assert target["facts"] == {**dict.fromkeys(target["facts"]), **FACTS}, "and null for what this agent did not say"
    assert target["executable"] == "~/python3.13"
    assert found["loops"] == {cell["id"]: {"job": 10} for cell in found["cells"]}
    assert found["finished"] >= found["created"]
    assert found["split"]["timed_s"] > 0
    assert found["split"]["wall_s"] > 0
    assert found["findings"]
    assert found["elsewhere"] is None
    asked = Counter(machine.runner.asked())
    assert asked.keys() == {cell["id"] for cell in found["cells"]}
    assert set(asked.values()) == {profile("quick").rounds * profile("quick").processes}, "a small plan repeats cells"
    assert machine.runner.cleaned == [found["run_id"]], "what an interrupt may have left is removed at the end"
    assert "round 1 block 1/" in text
    assert all(not path.name.endswith(".partial") for path in (tmp_path / "run").rglob("*"))


def test_without_out_a_run_is_below_reports_under_its_id(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    FakeMachine().becomes(monkeypatch)
    monkeypatch.chdir(tmp_path)
    console, _ = quiet_console()
    outcome = run(replace(options(tmp_path), out=None), console)
    assert outcome.folder.path.parent == Path("reports", "runs")
    assert outcome.folder.path.name == manifest(outcome.folder.path)["run_id"]


def test_a_budget_that_was_given_is_kept_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    machine = FakeMachine().becomes(monkeypatch)
    carried_out(tmp_path / "run", budget_s=60.0)
    assert manifest(tmp_path / "run")["budget_s"] == 60.0
    machine.runner = FakeRunner()
    carried_out(tmp_path / "short", budget_s=1e-9, rounds=1)
    assert machine.runner.asked() == []


def test_cells_that_failed_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runner = FakeRunner(script=lambda _, cell: Answer(status="failed" if "serial" in cell else "ok", reason="why"))
    FakeMachine(runner=runner).becomes(monkeypatch)
    outcome, text = carried_out(tmp_path / "run")
    assert len(outcome.failed) == 1
    assert "serial" in outcome.failed[0]
    assert f"failed: {outcome.failed[0]}: why" in text


def test_quiet_says_nothing_where_all_is_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    FakeMachine().becomes(monkeypatch)
    assert carried_out(tmp_path / "run", quiet=True, engine="auto")[1] == ""
    assert manifest(tmp_path / "run")["notes"] == ["native mode, pinned by CPU affinity: no container engine answers"]


@pytest.mark.parametrize("stopped", [0, 1, 7])
def test_an_interrupted_run_names_the_command_that_resumes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stopped: int
) -> None:
    out = tmp_path / "run"
    machine = FakeMachine(runner=stopped_after(stopped)).becomes(monkeypatch)
    with pytest.raises(Interrupted, match=f"--resume {out}"):
        carried_out(out)
    first = manifest(out)
    assert len(first["loops"]) == min(stopped, len(first["cells"]))
    assert first["finished"]
    assert machine.runner.cleaned == [first["run_id"]]
    machine.runner = FakeRunner()
    console, _ = quiet_console()
    resume(out, console, quiet=False)
    found = manifest(out)
    processes = found["rounds"]["rounds"] * profile("quick").processes
    assert len(machine.runner.asked()) + stopped == len(found["cells"]) * processes
    same = ("run_id", "seed", "cells", "plan_hash", "created", "budget_s")
    assert {name: found[name] for name in same} == {name: first[name] for name in same}
    assert found["findings"]


def test_a_resumed_run_keeps_the_order_of_its_seed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    machine = FakeMachine().becomes(monkeypatch)
    carried_out(tmp_path / "whole")
    whole = machine.runner.asked(2)
    machine.runner = stopped_after(2 * len(whole))
    with pytest.raises(Interrupted):
        carried_out(tmp_path / "cut")
    machine.runner = FakeRunner()
    resume(tmp_path / "cut", quiet_console()[0], quiet=True)
    assert machine.runner.asked(2) == whole


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"agent_hash": "another"}, BadFiles, "another agent"),
        ({"merged_from": []}, UsageError, "was merged"),
        ({"budget_s": ...}, BadFiles, "its manifest has no budget_s; start a new run"),
    ],
)
def test_a_run_that_cannot_be_resumed_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: dict[str, Any], error: type[Exception], words: str
) -> None:
    machine = FakeMachine().becomes(monkeypatch)
    carried_out(tmp_path / "run")
    machine.runner = FakeRunner()
    changed = {name: value for name, value in (manifest(tmp_path / "run") | change).items() if value is not ...}
    (tmp_path / "run" / "manifest.json").write_text(json.dumps(changed))
    with pytest.raises(error, match=words):
        resume(tmp_path / "run", quiet_console()[0], quiet=True)
    assert machine.runner.starts == []


def test_a_run_that_never_began_leaves_nothing_to_resume(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    machine = FakeMachine(no_runner=NothingToRunOn("no image")).becomes(monkeypatch)
    with pytest.raises(NothingToRunOn, match="no image"):
        carried_out(tmp_path / "run")
    assert not (tmp_path / "run" / "manifest.json").exists()
    machine.no_runner = None
    carried_out(tmp_path / "run")


def test_a_plan_has_only_the_targets_that_have_cells(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    FakeMachine(engine=engine()).becomes(monkeypatch)
    plan = make_plan(options(tmp_path, engine="auto", scenarios=("*@py313-linux-c2",)), unheard, claimed_cells)
    assert [target.id for target in plan.targets] == ["py313-linux-c2"]
    assert {cell.target for cell in plan.cells} == {"py313-linux-c2"}
    assert plan.layout.rounds == plan.profile.rounds
    assert plan.layout.expected_s >= plan.profile.rounds * sum(cell.estimate_s for cell in plan.kept)
    assert plan.elsewhere == ()


def test_a_shard_knows_what_the_others_have(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    FakeMachine().becomes(monkeypatch)
    whole = make_plan(options(tmp_path, scenarios=()), unheard, claimed_cells)
    shards = [
        make_plan(options(tmp_path, scenarios=(), shard=(number, 3)), unheard, claimed_cells) for number in (1, 2, 3)
    ]
    ids = [{cell.id for cell in shard.cells} for shard in shards]
    assert sorted(name for part in ids for name in part) == sorted(cell.id for cell in whole.cells)
    for number, shard in enumerate(shards, 1):
        found = {(other.shard, other.cell.id) for other in shard.elsewhere}
        assert found == {(at, name) for at, part in enumerate(ids, 1) for name in part if at != number}
        assert {other.target.id for other in shard.elsewhere} == {other.cell.target for other in shard.elsewhere}
    with pytest.raises(UsageError, match="choose fewer shards"):
        make_plan(options(tmp_path, shard=(2, 2)), unheard, claimed_cells)
