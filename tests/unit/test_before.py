"""What a run measures beside itself: which targets have a state before a change, and with which they are held."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from lab.errors import BadFiles, UsageError
from lab.model import Cell, CellRecord, Limit, Manifest, Target, TargetRecord
from lab.planning.baseline import Baseline, baseline_targets, parse_baseline, with_baselines
from lab.targets.images.build import image_tag
from lab.targets.images.model import Base
from lab.targets.stage import PACKAGE, agent_hash
from tests.manifests import plain

CONTAINER = Target(
    id="py313-linux-c1", key="3.13", engine="docker", os="linux", arch="x86_64",
    limit=Limit(mode="cpuset", cpus=1), cpus_visible=1,
)  # fmt: skip
OLDER = replace(CONTAINER, id="py312-linux-c1", key="3.12")
NATIVE = replace(CONTAINER, id="py313-linux-native-c1", engine="none", limit=Limit(mode="affinity", cpus=1))
CELL = Cell(
    target=CONTAINER.id, scenario="ipc.round_trip", case="pipe", values={"n": 1}, deadline_s=60, estimate_s=1
)  # fmt: skip


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Another checkout of the lab, with a change in its agent."""
    for name in ("lab/agent", "docker"):
        shutil.copytree(PACKAGE.parent / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__", "wine"))
    shutil.copy(PACKAGE / "__init__.py", tmp_path / "lab")
    with (tmp_path / "lab" / "agent" / "scenario.py").open("a") as file:
        file.write("# other\n")
    return tmp_path


def test_what_manifests_of_older_labs_lack_has_its_default_and_what_nothing_stands_for_is_named() -> None:
    target, cell = (
        msgspec.to_builtins(TargetRecord.from_target(CONTAINER)),
        msgspec.to_builtins(CellRecord.from_cell(CELL)),
    )
    for name in ("period_us", "diagnose", "before"):
        del target[name]
    del cell["companion"]
    older = plain(targets=[target], cells=[cell])
    read = Manifest.decode(json.dumps(older), "manifest.json")
    assert [record.target for record in read.targets] == [CONTAINER]
    assert [record.cell for record in read.cells] == [CELL]
    del older["targets"][0]["arch"]
    with pytest.raises(BadFiles, match=r"^manifest\.json is damaged, at targets\[0\]: .* field `arch`; restore"):
        Manifest.decode(json.dumps(older), "manifest.json")


def test_an_images_change_meets_the_containers_of_its_version_a_checkouts_change_meets_all(checkout: Path) -> None:
    targets = (CONTAINER, OLDER, NATIVE)
    assert [target.id for target in baseline_targets(targets, parse_baseline(["3.13=mine:old"]))] == [
        "py313-linux-c1-before"
    ]
    everywhere = baseline_targets(targets, parse_baseline([str(checkout)]))
    assert [target.id for target in everywhere] == [f"{target.id}-before" for target in targets]
    assert {target.runner for target in everywhere} == {"docker-before", "none-before"}
    assert all(TargetRecord.from_target(target).target == target for target in everywhere), "resume finds them again"


def test_every_cell_is_planned_once_more_but_those_of_scenarios_that_are_new(checkout: Path) -> None:
    (checkout / "lab" / "agent" / "scenarios" / "ipc" / "fan.py").unlink()
    told: list[str] = []
    plan = (CELL, replace(CELL, scenario="ipc.fan"))
    targets, cells = with_baselines((CONTAINER,), plan, parse_baseline([str(checkout)]), told.append)
    assert [target.id for target in targets] == ["py313-linux-c1", "py313-linux-c1-before"]
    assert [cell.id for cell in cells[2:]] == ["ipc.round_trip/pipe@py313-linux-c1-before"]
    assert "ipc.fan" in told[0]


def test_the_agents_and_images_of_both_sides_have_different_names(checkout: Path) -> None:
    before = parse_baseline([str(checkout)])
    assert before.package is not None
    assert before.agent_hash == agent_hash(before.package) != agent_hash()
    base = Base(key="3.13", reference="python:3.13-slim", digest="sha256:aa", source="registry")
    tag = image_tag(base, before.package)
    assert tag != image_tag(base)
    (checkout / "docker" / "Dockerfile").write_text("ARG BASE\nFROM ${BASE}\nUSER 1:1\n")
    assert image_tag(base, parse_baseline([str(checkout)]).package or PACKAGE) not in {tag, image_tag(base)}


def test_an_invalid_baseline_is_refused_with_what_to_write(checkout: Path, tmp_path: Path) -> None:
    assert not Baseline()
    for words, told in (
        (["nowhere"], "neither a checkout of the lab nor VERSION=REF"),
        (["3.13=a", "3.13=b"], "has an image already"),
        ([str(checkout), str(PACKAGE.parent)], "one checkout"),
    ):
        with pytest.raises(UsageError, match=told):
            parse_baseline(words)
    with pytest.raises(UsageError, match=r"no container of this run has Python 3\.9"):
        baseline_targets((CONTAINER, NATIVE), parse_baseline(["3.9=mine:old"]))
    protocol = tmp_path / "lab" / "agent" / "protocol.py"
    ours = protocol.read_text()
    protocol.write_text(ours.replace("STREAM_VERSION = 1\n", "SCHEMA_VERSION = 1\n"))
    assert parse_baseline([str(checkout)]), "the constant's name in agents of before"
    protocol.write_text(ours.replace("STREAM_VERSION = 1\n", "STREAM_VERSION = 0\n"))
    with pytest.raises(UsageError, match="uses version 0 of the stream"):
        parse_baseline([str(checkout)])
