"""A run carried out again elsewhere: what of its plan can be had there, and what is judged by it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from lab.errors import BadFiles, NothingToRunOn
from lab.model import (
    CellRecord,
    Facts,
    ImageRecord,
    Limit,
    Manifest,
    RoundsRecord,
    RunOptions,
    Target,
    TargetRecord,
)
from lab.planning.profiles import profile
from lab.planning.survey import Wanted, survey
from lab.reproduce.replan import Replan, exclusion_reason, recorded_profile, recorded_wanted, replan
from lab.reproduce.source import Source, open_source
from lab.runs.archive import pack
from tests.fake_machines import FakeMachine, engine, signals_kept, unheard
from tests.fake_runs import ONE, TWO, cells
from tests.manifests import manifest

kept = pytest.fixture(autouse=True)(signals_kept)
CONTAINER = replace(ONE, id="py313-linux-c1", engine="docker", limit=Limit(mode="cpuset", cpus=1))
SHARE = replace(ONE, id="py313-linux-q0.5", engine="docker", limit=Limit(mode="quota", cpus=0.5), cpus_visible=4)


def recorded(*targets: Target, **fields: Any) -> Manifest:
    """A manifest of two cells a target, as far as a plan is read from one."""
    found = replace(
        manifest(),
        targets=tuple(map(TargetRecord.from_target, targets)),
        cells=tuple(map(CellRecord.from_cell, cells("a", "b", on=targets))),
        profile="quick",
        rounds=RoundsRecord(rounds=5, max_rounds=7, precision=0.5),
        budget_s=60.0,
        options=RunOptions(registry="mirror/"),
    )
    return replace(found, **fields)


def given(path: Path) -> Source:
    """A run folder as the command gives it."""
    with open_source(path) as source:
        return source


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Replan]:
    def plan(manifest: Manifest, machine: FakeMachine, said: list[str] | None = None) -> Replan:
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


def test_where_nothing_of_a_plan_is_available_every_reason_is_given_once(here: Callable[..., Replan]) -> None:
    with pytest.raises(
        NothingToRunOn, match=r"^[^;]*Python 3\.13 was not found on this machine; provide one of them and retry$"
    ):
        here(recorded(ONE, TWO), FakeMachine(pythons=("3.9",)))


def test_a_merged_runs_target_is_run_under_its_plain_id_and_each_cell_once(here: Callable[..., Replan]) -> None:
    plain = recorded(ONE)
    hosts = ("alpha", "beta")
    targets = tuple(replace(plain.targets[0], id=f"{ONE.id}-{host}", plain_id=ONE.id) for host in hosts)
    merged = tuple(
        replace(cell, target=f"{ONE.id}-{host}", id=f"{cell.id}-{host}") for host in hosts for cell in plain.cells
    )
    loops = {f"pool.api/a@{ONE.id}-alpha": {"job": 7}, f"pool.api/a@{ONE.id}-beta": {"job": 9}}
    found = here(replace(plain, targets=targets, cells=merged, loops=loops), FakeMachine())
    assert found.planned.targets == (ONE,)
    assert found.planned.cells == cells("a", "b")
    assert found.targets == {f"{ONE.id}-alpha": ONE.id, f"{ONE.id}-beta": ONE.id}
    assert found.loops == {f"pool.api/a@{ONE.id}": {"job": 7}}, "those of the first, with its cell"


def test_cells_that_a_merged_run_has_nothing_of_are_not_run(here: Callable[..., Replan]) -> None:
    first, second = recorded(ONE).cells
    merged = recorded(ONE, cells=(first, replace(second, missing="shard 2/3 was not merged")))
    assert here(merged, FakeMachine()).planned.cells == cells("a")


def test_a_container_runs_on_the_engine_that_is_here(here: Callable[..., Replan]) -> None:
    found = here(recorded(CONTAINER), FakeMachine(engine=engine(name="podman")))
    assert found.planned.targets == (replace(CONTAINER, engine="podman"),)
    assert found.wanted.engine == "auto"
    assert found.wanted.registry == "mirror/"


def entry(target: Target, **fields: Any) -> TargetRecord:
    return replace(TargetRecord.from_target(target), **fields)


NATIVE_QUOTA = replace(ONE, limit=Limit(mode="quota", cpus=0.5), cpus_visible=2)
UNPINNED = replace(ONE, limit=Limit(mode="none", cpus=2), cpus_visible=2)


@pytest.mark.parametrize(
    ("target", "machine", "reason"),
    [
        (entry(ONE), {}, ""),
        (entry(TWO), {}, ""),
        (entry(ONE, is_baseline=True), {}, "before a change"),
        (entry(ONE, facts=Facts(wine=True)), {}, "under Wine"),
        (entry(ONE, facts=Facts(wine=None)), {}, ""),
        (entry(ONE, facts=Facts(wine=False)), {}, ""),
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
    monkeypatch: pytest.MonkeyPatch, target: TargetRecord, machine: dict[str, Any], reason: str
) -> None:
    FakeMachine(**machine).becomes(monkeypatch)
    matrix = survey(Wanted(user_images={}), profile("quick"), unheard)
    found = exclusion_reason(target, matrix)
    assert reason in found
    assert bool(found) == bool(reason)


def test_images_of_a_registry_are_taken_by_their_digest_and_packed_ones_are_reported() -> None:
    image = ImageRecord(source="registry", base_reference="python:3.13-slim", base_digest="sha256:aa")
    pulled = entry(CONTAINER, image=image)
    packed = entry(CONTAINER, key="3.9", image=ImageRecord(source="host"))
    native = entry(ONE, image=image)
    theirs = recorded(options=RunOptions(user_images={"3.12": "mine"}))
    said: list[str] = []
    found = recorded_wanted(replace(theirs, targets=(pulled, packed, native)), said.append)
    assert found.user_images == {"3.12": "mine", "3.13": "python@sha256:aa"}
    assert found.engine == "auto"
    assert len(said) == 1
    assert "the images of Python 3.9 were packed" in said[0]
    alone = replace(theirs, targets=(native,))
    assert recorded_wanted(alone, said.append).engine == "none"
    assert recorded_wanted(alone, said.append).user_images == {"3.12": "mine"}
    unknown = replace(theirs, targets=(entry(CONTAINER, image=None),))
    assert recorded_wanted(unknown, said.append).user_images == {"3.12": "mine"}
    assert len(said) == 1


def test_a_manifest_without_its_rounds_has_those_of_its_profile() -> None:
    assert recorded_profile(manifest(profile="smoke")) == profile("smoke")
    assert recorded_profile(recorded(profile=None)).name == "several"


def test_what_is_no_run_is_refused_before_anything_slow_is_imported(
    tmp_path: Path, make_run: Callable[..., Path]
) -> None:
    run = make_run("a")
    archive = pack(run, tmp_path / "a.zip")
    alone = shutil.copyfile(run / "manifest.json", tmp_path / "alone.json")
    for path in (run, archive, alone):
        given(path)
    archive.write_bytes(b"no archive")
    alone.write_text("{}")
    (run / "manifest.json").write_text("{}")
    for path in (run, archive, alone, tmp_path / "none"):
        with pytest.raises(BadFiles, match=path.name):
            given(path)
