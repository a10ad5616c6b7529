"""Every engine that a target can have stands in RUNNERS, and what runs it is made there."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast, get_args

import pytest

from lab.model import Limit, Target
from lab.planning.baseline import Baseline
from lab.planning.budget import Layout
from lab.planning.plan import Planned
from lab.planning.profiles import profile
from lab.planning.survey import EngineChoice, Matrix
from lab.running.runners import runners_for, with_run_details
from lab.targets import RUNNERS, Equipment
from lab.targets.docker import DockerRunner
from lab.targets.images.model import Image
from lab.targets.native import NativeRunner
from lab.targets.stage import PACKAGE, agent_hash
from tests.manifests import manifest


def planned_on(matrix: Matrix, targets: tuple[Target, ...]) -> Planned:
    layout = Layout(rounds=1)
    return Planned(profile=profile("smoke"), matrix=matrix, targets=targets, cells=(), layout=layout, budget_s=60)


class FakeImages:
    """Images that are there; those of before a change are of another package."""

    def __init__(self, obtained: list[str], prefix: str = "now") -> None:
        self._obtained, self._prefix = obtained, prefix

    def before(self, *_: object) -> FakeImages:
        return FakeImages(self._obtained, "before")

    def obtain(self, keys: Sequence[str], _progress: object) -> dict[str, Image]:
        self._obtained += [f"{self._prefix}:{key}" for key in keys]
        return {
            key: Image(
                key=key, reference=f"{self._prefix}:{key}", image_id="sha256:1", base_reference="python",
                base_digest="sha256:2", source="host", size_bytes=1, built=False, seconds=0.0,
            )
            for key in keys
        }  # fmt: skip


def target(name: str, engine: str, key: str = "3.13", *, before: bool = False) -> Target:
    limit = Limit(mode="affinity" if engine == "none" else "cpuset", cpus=1)
    return Target(
        id=name, key=key, engine=engine, os="linux", arch="x86_64", limit=limit, cpus_visible=1, is_baseline=before
    )


@pytest.fixture
def matrix(monkeypatch: pytest.MonkeyPatch) -> tuple[Matrix, list[str]]:
    monkeypatch.setattr(DockerRunner, "remove_leftovers", lambda *_: 0)
    monkeypatch.setattr(DockerRunner, "examine", lambda *_: None)
    obtained: list[str] = []
    engine: Any = SimpleNamespace(is_local=False, cpus=2, memory_bytes=0)
    images: Any = FakeImages(obtained)
    interpreters: Any = {"3.13": SimpleNamespace(executable=Path("/opt/python"))}
    before = Baseline(arguments=("/base",), package=Path("/base/lab"))
    return (
        Matrix(targets=(), engine=engine, images=images, interpreters=interpreters, baseline=before),
        obtained,
    )


def test_every_engine_that_can_be_chosen_has_a_runner() -> None:
    assert set(RUNNERS) == set(get_args(EngineChoice)) - {"auto"}


def test_natively_no_engine_and_no_image_is_needed(tmp_path: Path) -> None:
    equipment = Equipment(
        run_id="r", keys=("3.13",), package=tmp_path, interpreters={}, engine=None, images=None, say=print
    )
    assert isinstance(RUNNERS["none"](equipment), NativeRunner)


def test_a_plan_gets_one_runner_for_each_engine_and_side_of_a_change(
    matrix: tuple[Matrix, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Baseline, "agent_hash", "other")
    have, obtained = matrix
    targets = (
        target("a", "docker", "3.9"), target("b", "docker"), target("was", "docker", before=True), target("n", "none"),
    )  # fmt: skip
    planned = planned_on(have, targets)
    runners = runners_for("r", planned, lambda _: None)
    assert {name: type(runner) for name, runner in runners.items()} == {
        "docker": DockerRunner, "docker-before": DockerRunner, "none": NativeRunner,
    }  # fmt: skip
    assert obtained == ["now:3.9", "now:3.13", "before:3.13"]
    found = with_run_details(manifest(targets=[{"id": each.id} for each in targets]), planned, runners).by_id
    references = {name: record.image.reference for name, record in found.items() if record.image}
    assert references == {"a": "now:3.9", "b": "now:3.13", "was": "before:3.13"}
    assert found["n"].executable == "/opt/python"
    assert {name: record.agent_hash for name, record in found.items()} == {
        "a": agent_hash(), "b": agent_hash(), "was": "other", "n": agent_hash(),
    }  # fmt: skip


def test_only_the_state_before_a_change_is_run_by_the_other_checkout(
    matrix: tuple[Matrix, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    packages: dict[str, Path] = {}

    def made(equipment: Equipment) -> Any:
        packages.update(dict.fromkeys(equipment.keys, equipment.package))
        return SimpleNamespace(remove_leftovers=lambda _run_id: 0)

    monkeypatch.setitem(RUNNERS, "none", made)
    targets = (target("now", "none", "3.9"), target("was", "none", "3.13", before=True))
    runners_for(
        "r",
        planned_on(matrix[0], targets),
        print,
    )
    assert packages == {"3.9": PACKAGE, "3.13": Path("/base/lab")}


def test_where_nothing_changed_no_target_names_its_agent(matrix: tuple[Matrix, list[str]]) -> None:
    have = matrix[0]
    alone = Matrix(targets=(), engine=have.engine, images=have.images, interpreters=have.interpreters)
    planned = planned_on(alone, (target("b", "docker"),))
    (record,) = with_run_details(manifest(targets=[{"id": "b"}]), planned, runners_for("r", planned, print)).targets
    assert not record.agent_hash
    assert cast("Any", record.image).source == "host"
