"""Runs that are carried out again, whole: from the plan of another machine's run to the judged findings."""

from __future__ import annotations

import contextlib
import json
import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from click.testing import CliRunner
from msgspec import UNSET
from msgspec.structs import replace

from lab.commands.reproduce import command
from lab.errors import BadFiles, UsageError
from lab.planning.limits import parse_limits
from lab.planning.plan import Options
from lab.planning.survey import Wanted
from lab.reproduce.job import as_object, findings, judge_existing, run_again
from lab.reproduce.source import Source, open_source
from lab.running.job import run
from lab.runs.archive import pack
from tests.fake_machines import FakeMachine, quiet_console, signals_kept
from tests.fake_runs import Answer, FakeRunner, Script

kept = pytest.fixture(autouse=True)(signals_kept)
SERIAL_NS = 3_000_000


def given(path: Path) -> Source:
    """A run folder as the command gives it."""
    with open_source(path) as source:
        return source


def machine_that(speedup: float, slower: float = 1.0) -> Script:
    """Two workers are so much faster than one process alone; rounds scatter by a percent."""

    def script(number: int, cell: str) -> Answer:
        at = SERIAL_NS * slower * (1 + 0.01 * (number % 2)) * (1 + 0.001 * (number % 3))
        share = 1.0 if "serial" in cell else speedup if "-2" in cell else 0.9
        return Answer(batches_ns=(round(at / share),) * 3, takes_s=0.1)

    return script


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of the scaling of a pool on two targets of some machine; it is read alone."""
    out = tmp_path_factory.mktemp("runs") / "theirs"
    wanted = Wanted(user_images={}, engine="none", cpus=parse_limits("1,2"), pythons=("3.13",))
    options = Options(profile="quick", wanted=wanted, scenarios=("pool.scaling",), out=out, seed=5, command="lab run")
    with pytest.MonkeyPatch.context() as patch, contextlib.contextmanager(signals_kept)():
        FakeMachine(runner=FakeRunner(script=machine_that(1.8))).becomes(patch)
        run(options, quiet_console()[0])
    return out


def verdicts(judged: Any) -> dict[str, str]:
    return {item.theirs.subject: item.verdict for item in judged if item.theirs.kind == "speed-up"}


def test_a_slower_machine_reproduces_the_ratios(theirs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runner = FakeRunner(script=machine_that(1.8, slower=7.0))
    FakeMachine(runner=runner).becomes(monkeypatch)
    found = run_again(given(theirs), quiet_console()[0], out=tmp_path / "ours", budget_s=None, quiet=False)
    assert verdicts(found.judged)
    assert set(verdicts(found.judged).values()) == {"reproduced"}
    assert found.folder == tmp_path / "ours"
    assert (found.skipped, found.failed) == ({}, ())
    there, ours = (json.loads((path / "manifest.json").read_text()) for path in (theirs, found.folder))
    assert ours["reproduces"] == {
        "run_id": there["run_id"],
        "host": there["host"]["label"],
        "targets": {target["id"]: target["id"] for target in there["targets"]},
        "skipped": {},
    }
    same = ("seed", "budget_s", "rounds", "cells", "profile", "loops")
    assert {name: ours[name] for name in same} == {name: there[name] for name in same}
    assert {tuple(cell.loops.items()) for start in runner.starts for cell in start.request.cells} == {(("job", 10),)}, (
        "their loops, nothing is calibrated anew"
    )
    table = pd.read_csv(found.folder / "reproduce.csv")
    assert len(table) == len(found.judged)
    assert "# Reproduced: run" in (found.folder / "reproduce.md").read_text()


def test_a_machine_without_the_speed_up_contradicts_it(
    theirs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    FakeMachine(runner=FakeRunner(script=machine_that(0.6))).becomes(monkeypatch)
    found = run_again(given(theirs), quiet_console()[0], out=tmp_path / "ours", budget_s=50.0, quiet=True)
    assert set(verdicts([item for item in found.judged if "-2" in item.theirs.subject]).values()) == {"contradicted"}
    assert json.loads((found.folder / "manifest.json").read_text())["budget_s"] == 50.0
    said = json.loads(json.dumps(as_object(found)))
    assert said["counts"]["contradicted"] >= 1
    assert said["folder"] == str(found.folder)
    assert len(said["rows"]) == len(found.judged)


def test_what_is_not_available_here_is_left_out_and_a_failure_is_reported(
    theirs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = FakeRunner(script=lambda *_: Answer(status="failed", reason="why"))
    FakeMachine(cpus=1, runner=broken).becomes(monkeypatch)
    found = run_again(given(theirs), quiet_console()[0], out=tmp_path / "ours", budget_s=None, quiet=True)
    assert set(found.skipped) == {"py313-linux-native-c2"}
    assert {start.target.id for start in broken.starts} == {"py313-linux-native-c1"}
    assert found.failed
    reasons = {item.theirs.target: item.reason for item in found.judged if item.theirs.kind == "speed-up"}
    assert reasons["py313-linux-native-c2"] == "it needs 2 CPUs and this machine has 1"


def test_a_run_is_given_as_a_folder_an_archive_or_a_manifest_alone(theirs: Path, tmp_path: Path) -> None:
    archive = pack(theirs, tmp_path / "theirs.zip")
    alone = shutil.copyfile(theirs / "manifest.json", tmp_path / "kept.json")
    folder = findings(given(theirs))
    assert folder
    for other in (archive, alone):
        with open_source(other) as source:
            found = findings(source)
            assert source.manifest == given(theirs).manifest
        assert {finding.key for finding in found} == {finding.key for finding in folder}
    for path in (tmp_path, tmp_path / "none", tmp_path / "none.json"):
        with pytest.raises(BadFiles):
            given(path)
    alone.write_text(replace(given(theirs).manifest, findings=UNSET).encode())
    without = given(alone)
    with pytest.raises(BadFiles, match="no findings"):
        findings(without)


def test_a_run_that_is_there_is_judged_and_nothing_is_measured(
    theirs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    FakeMachine(cpus=1, runner=FakeRunner(script=machine_that(1.8))).becomes(monkeypatch)
    other = run_again(given(theirs), quiet_console()[0], out=tmp_path / "other", budget_s=None, quiet=True).folder
    (other / "reproduce.csv").unlink()
    found = judge_existing(given(theirs), given(other), None)
    assert found.folder == other
    assert (other / "reproduce.csv").is_file()
    assert found.skipped == {"py313-linux-native-c2": "other has no such target"}
    assert found.failed == ()
    assert judge_existing(given(theirs), given(other), tmp_path / "new" / "place").folder == tmp_path / "new" / "place"
    assert (tmp_path / "new" / "place" / "reproduce.md").is_file()
    archive = pack(other, tmp_path / "other.zip")
    with open_source(archive) as packed:
        with pytest.raises(UsageError, match="--out"):
            judge_existing(given(theirs), packed, None)
        assert judge_existing(given(theirs), packed, tmp_path / "third").judged


def test_the_margin_is_an_option_and_stands_in_the_page_and_the_object(
    theirs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    FakeMachine(runner=FakeRunner(script=machine_that(1.85))).becomes(monkeypatch)
    other = run_again(given(theirs), quiet_console()[0], out=tmp_path / "other", budget_s=None, quiet=True).folder
    common = [str(theirs), "--judge", str(other), "--out", str(tmp_path), "--json"]
    words = []
    for margin in ("10%", "1"):
        result = CliRunner().invoke(command, [*common, "--margin", margin], standalone_mode=False)
        assert result.exception is None
        said = json.loads(result.stdout)
        words.append({row["verdict"] for row in said["rows"] if "-2" in row["finding"] and row["kind"] == "speed-up"})
        assert said["margin"] == pytest.approx(float(margin.strip("%")) / 100)
        assert f"margin of {margin.strip('%')}% (--margin)" in (tmp_path / "reproduce.md").read_text(encoding="utf-8")
    assert words == [{"reproduced"}, {"contradicted"}]
    refused = CliRunner().invoke(command, [*common, "--margin", "much"], standalone_mode=False).exception
    assert isinstance(refused, UsageError)
    assert "--margin 'much' is not a percentage" in str(refused)
