"""A run carried out again elsewhere: what of its plan can be had there, and what is judged by it."""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from lab.errors import BadFiles, NothingToRunOn, UsageError
from lab.model import Limit, Target
from lab.planning.plan import Options
from lab.planning.profiles import profile
from lab.planning.survey import Wanted, survey
from lab.reproduce.job import as_json, given_run, judge_existing, run_again
from lab.reproduce.replan import Replan, exclusion_reason, recorded_profile, recorded_wanted, replan
from lab.reproduce.source import refuse_what_is_no_run
from lab.running.job import run
from lab.runs.archive import pack
from lab.runs.manifest import cell_entry, target_entry
from tests.fake_machines import FakeMachine, engine, quiet_console, signals_kept, unheard
from tests.fake_runs import ONE, TWO, Answer, FakeRunner, Script, cells

kept = pytest.fixture(autouse=True)(signals_kept)
CONTAINER = replace(ONE, id="py313-linux-c1", engine="docker", limit=Limit(mode="cpuset", cpus=1))
SHARE = replace(ONE, id="py313-linux-q0.5", engine="docker", limit=Limit(mode="quota", cpus=0.5), cpus_visible=4)


def recorded(*targets: Target, **fields: Any) -> dict[str, Any]:
    """A manifest of two cells a target, as far as a plan is read from one."""
    return {
        "targets": [target_entry(target) for target in targets],
        "cells": [cell_entry(cell) for cell in cells("a", "b", on=targets)],
        "profile": "quick",
        "rounds": {"rounds": 5, "max_rounds": 7, "precision": 0.5},
        "budget_s": 60.0,
        "options": {"images": "auto", "given": {}, "registry": "mirror/"},
        **fields,
    }


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Replan]:
    def plan(manifest: dict[str, Any], machine: FakeMachine, said: list[str] | None = None) -> Replan:
        machine.becomes(monkeypatch)
        return replan(manifest, unheard if said is None else said.append)

    return plan


def test_the_plan_of_a_manifest_is_laid_out_as_it_was(here: Callable[..., Replan]) -> None:
    loops = {"pool.api/a@" + ONE.id: {"job": 7}}
    found = here(recorded(ONE, TWO, loops=loops), FakeMachine())
    assert found.planned.targets == (ONE, TWO)
    assert found.planned.cells == cells("a", "b", on=(ONE, TWO))
    assert found.targets == {ONE.id: ONE.id, TWO.id: TWO.id}
    assert (found.loops, found.skipped) == (loops, {})
    chosen = found.planned.profile
    assert (chosen.name, chosen.rounds, chosen.max_rounds, chosen.precision, chosen.budget_s) == (
        "quick",
        5,
        7,
        0.5,
        60,
    )


def test_what_this_machine_does_not_have_is_left_out_with_its_reason(here: Callable[..., Replan]) -> None:
    said: list[str] = []
    found = here(recorded(ONE, TWO), FakeMachine(cpus=1), said)
    assert found.planned.targets == (ONE,)
    assert found.planned.cells == cells("a", "b")
    assert found.skipped == {TWO.id: "it needs 2 CPUs and this machine has 1"}
    assert found.targets == {ONE.id: ONE.id}
    assert f"{TWO.id} is left out: it needs 2 CPUs and this machine has 1" in said


def test_where_nothing_of_a_plan_can_be_had_every_reason_is_told_once(here: Callable[..., Replan]) -> None:
    with pytest.raises(
        NothingToRunOn, match=r"^[^;]*Python 3\.13 was not found on this machine; provide one of them and retry$"
    ):
        here(recorded(ONE, TWO), FakeMachine(pythons=("3.9",)))


def test_a_merged_runs_target_is_run_under_its_plain_id_and_each_cell_once(here: Callable[..., Replan]) -> None:
    manifest = recorded(ONE, loops={})
    entries = [{**manifest["targets"][0], "id": f"{ONE.id}-{host}", "plain_id": ONE.id} for host in ("alpha", "beta")]
    merged = [
        {**cell, "target": f"{ONE.id}-{host}", "id": f"{cell['id']}-{host}"}
        for host in ("alpha", "beta")
        for cell in manifest["cells"]
    ]
    loops = {f"pool.api/a@{ONE.id}-alpha": {"job": 7}, f"pool.api/a@{ONE.id}-beta": {"job": 9}}
    found = here({**manifest, "targets": entries, "cells": merged, "loops": loops}, FakeMachine())
    assert found.planned.targets == (ONE,)
    assert found.planned.cells == cells("a", "b")
    assert found.targets == {f"{ONE.id}-alpha": ONE.id, f"{ONE.id}-beta": ONE.id}
    assert found.loops == {f"pool.api/a@{ONE.id}": {"job": 7}}, "those of the first, with its cell"


def test_cells_that_a_merged_run_has_nothing_of_are_not_run(here: Callable[..., Replan]) -> None:
    manifest = recorded(ONE)
    manifest["cells"][1]["missing"] = "shard 2/3 was not merged"
    assert here(manifest, FakeMachine()).planned.cells == cells("a")


def test_a_container_runs_on_the_engine_that_is_here(here: Callable[..., Replan]) -> None:
    found = here(recorded(CONTAINER), FakeMachine(engine=engine(name="podman")))
    assert found.planned.targets == (replace(CONTAINER, engine="podman"),)
    assert found.wanted.engine == "auto"
    assert found.wanted.registry == "mirror/"


def entry(target: Target, **fields: Any) -> dict[str, Any]:
    return {**target_entry(target), **fields}


NATIVE_QUOTA = replace(ONE, limit=Limit(mode="quota", cpus=0.5), cpus_visible=2)
UNPINNED = replace(ONE, limit=Limit(mode="none", cpus=2), cpus_visible=2)


@pytest.mark.parametrize(
    ("target", "machine", "reason"),
    [
        (entry(ONE), {}, ""),
        (entry(TWO), {}, ""),
        (entry(ONE, before=True), {}, "before a change"),
        (entry(ONE, facts={"wine": "10.0"}), {}, "under Wine"),
        (entry(ONE, facts={"wine": None}), {}, ""),
        (entry(ONE, os="windows"), {}, "it runs natively on windows and this machine has linux"),
        (entry(ONE), {"system": "macos"}, "it runs natively on linux and this machine has macos"),
        (entry(ONE, key="3.14"), {}, "Python 3.14 was not found"),
        (entry(ONE), {"pins": False}, "cannot pin a process"),
        (entry(UNPINNED), {"pins": False}, ""),
        (entry(UNPINNED), {"pins": False, "cpus": 4}, "its programs saw 2 CPUs and would see 4 here"),
        (entry(NATIVE_QUOTA), {}, ""),
        (entry(NATIVE_QUOTA), {"no_quota": "no group"}, "it had a quota: no group"),
        (entry(NATIVE_QUOTA, cpus_visible=1), {}, "its programs saw 1 CPU and would see 2 here"),
        (entry(TWO), {"cpus": 1}, "it needs 2 CPUs and this machine has 1"),
        (entry(CONTAINER), {}, "no container engine answers here"),
        (entry(CONTAINER), {"engine": engine()}, ""),
        (entry(CONTAINER), {"engine": engine(os="")}, ""),
        (entry(CONTAINER, os="windows"), {"engine": engine()}, "it is a container of windows"),
        (entry(CONTAINER, key="3.14"), {"engine": engine()}, "an image of Python 3.14 is not available"),
        (entry(CONTAINER, cpus_requested=4), {"engine": engine()}, ""),
        (entry(CONTAINER, cpus_requested=8), {"engine": engine()}, "it needs 8 CPUs and the engine has 4"),
        (entry(SHARE), {"engine": engine()}, ""),
        (entry(SHARE), {"engine": engine(cpus=8)}, "its quota was on 4 CPUs and the engine has 8"),
    ],
)
def test_why_this_machine_has_no_such_target(
    monkeypatch: pytest.MonkeyPatch, target: dict[str, Any], machine: dict[str, Any], reason: str
) -> None:
    FakeMachine(**machine).becomes(monkeypatch)
    matrix = survey(Wanted(user_images={}), profile("quick"), unheard)
    found = exclusion_reason(target, matrix)
    assert reason in found
    assert bool(found) == bool(reason)


def test_images_of_a_registry_are_taken_by_their_digest_and_packed_ones_are_told() -> None:
    image = {"source": "registry", "base_reference": "python:3.13-slim", "base_digest": "sha256:aa"}
    packed = {**CONTAINER_ENTRY, "key": "3.9", "image": {"source": "host"}}
    native = {**target_entry(ONE), "image": image}
    manifest = recorded(options={"images": "auto", "given": {"3.12": "mine"}, "registry": None})
    said: list[str] = []
    manifest["targets"] = [{**CONTAINER_ENTRY, "image": image}, packed, native]
    found = recorded_wanted(manifest, said.append)
    assert found.user_images == {"3.12": "mine", "3.13": "python@sha256:aa"}
    assert found.engine == "auto"
    assert len(said) == 1
    assert "the images of Python 3.9 were packed" in said[0]
    manifest["targets"] = [native]
    assert recorded_wanted(manifest, said.append).engine == "none"
    assert recorded_wanted(manifest, said.append).user_images == {"3.12": "mine"}
    manifest["targets"] = [{**CONTAINER_ENTRY, "image": None}]
    assert recorded_wanted(manifest, said.append).user_images == {"3.12": "mine"}
    assert len(said) == 1


CONTAINER_ENTRY = target_entry(CONTAINER)


def test_a_manifest_without_its_rounds_has_those_of_its_profile() -> None:
    assert recorded_profile({"profile": "smoke"}) == profile("smoke")
    assert recorded_profile(recorded(profile=None)).name == "several"


# --- from one machine to another -------------------------------------------------------------------------------------

SERIAL_NS = 3_000_000


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
    wanted = Wanted(user_images={}, engine="none", cpus=("1", "2"), pythons=("3.13",))
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
    found = run_again(theirs, quiet_console()[0], out=tmp_path / "ours", budget_s=None, quiet=False)
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
    assert {tuple(cell["loops"].items()) for start in runner.starts for cell in start.request["cells"]} == {
        (("job", 10),)
    }, "their loops, nothing is calibrated anew"
    table = pd.read_csv(found.folder / "reproduce.csv")
    assert len(table) == len(found.judged)
    assert "# Reproduced: run" in (found.folder / "reproduce.md").read_text()


def test_a_machine_without_the_speed_up_contradicts_it(
    theirs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    FakeMachine(runner=FakeRunner(script=machine_that(0.6))).becomes(monkeypatch)
    found = run_again(theirs, quiet_console()[0], out=tmp_path / "ours", budget_s=50.0, quiet=True)
    assert set(verdicts([item for item in found.judged if "-2" in item.theirs.subject]).values()) == {"contradicted"}
    assert json.loads((found.folder / "manifest.json").read_text())["budget_s"] == 50.0
    said = json.loads(as_json(found))
    assert said["counts"]["contradicted"] >= 1
    assert said["folder"] == str(found.folder)
    assert len(said["rows"]) == len(found.judged)


def test_what_cannot_be_had_here_is_left_out_and_a_failure_is_told(
    theirs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = FakeRunner(script=lambda *_: Answer(status="failed", reason="why"))
    FakeMachine(cpus=1, runner=broken).becomes(monkeypatch)
    found = run_again(theirs, quiet_console()[0], out=tmp_path / "ours", budget_s=None, quiet=True)
    assert set(found.skipped) == {"py313-linux-native-c2"}
    assert {start.target.id for start in broken.starts} == {"py313-linux-native-c1"}
    assert found.failed
    reasons = {item.theirs.target: item.reason for item in found.judged if item.theirs.kind == "speed-up"}
    assert reasons["py313-linux-native-c2"] == "it needs 2 CPUs and this machine has 1"


def test_a_run_is_given_as_a_folder_an_archive_or_a_manifest_alone(theirs: Path, tmp_path: Path) -> None:
    archive = pack(theirs, tmp_path / "theirs.zip")
    alone = shutil.copyfile(theirs / "manifest.json", tmp_path / "kept.json")
    folder = given_run(theirs)
    assert folder.findings
    for other in (archive, alone):
        found = given_run(other)
        assert found.manifest == folder.manifest
        assert {finding.key for finding in found.findings} == {finding.key for finding in folder.findings}
    for path in (tmp_path, tmp_path / "none", tmp_path / "none.json"):
        with pytest.raises(BadFiles):
            given_run(path)
    changed = {name: value for name, value in folder.manifest.items() if name != "findings"}
    alone.write_text(json.dumps(changed))
    with pytest.raises(BadFiles, match="no findings"):
        given_run(alone)


def test_what_is_no_run_is_refused_before_anything_slow_is_imported(
    tmp_path: Path, make_run: Callable[..., Path]
) -> None:
    run = make_run("a")
    archive = pack(run, tmp_path / "a.zip")
    alone = shutil.copyfile(run / "manifest.json", tmp_path / "alone.json")
    for path in (run, archive, alone):
        refuse_what_is_no_run(path)
    archive.write_bytes(b"no archive")
    alone.write_text("{}")
    (run / "manifest.json").write_text("{}")
    for path in (run, archive, alone, tmp_path / "none"):
        with pytest.raises(BadFiles, match=path.name):
            refuse_what_is_no_run(path)


def test_a_run_that_is_there_is_judged_and_nothing_is_measured(
    theirs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    FakeMachine(cpus=1, runner=FakeRunner(script=machine_that(1.8))).becomes(monkeypatch)
    other = run_again(theirs, quiet_console()[0], out=tmp_path / "other", budget_s=None, quiet=True).folder
    (other / "reproduce.csv").unlink()
    found = judge_existing(theirs, other, None)
    assert found.folder == other
    assert (other / "reproduce.csv").is_file()
    assert found.skipped == {"py313-linux-native-c2": "other has no such target"}
    assert found.failed == ()
    assert judge_existing(theirs, other, tmp_path / "new" / "place").folder == tmp_path / "new" / "place"
    assert (tmp_path / "new" / "place" / "reproduce.md").is_file()
    archive = pack(other, tmp_path / "other.zip")
    with pytest.raises(UsageError, match="--out"):
        judge_existing(theirs, archive, None)
    assert judge_existing(theirs, archive, tmp_path / "third").judged
