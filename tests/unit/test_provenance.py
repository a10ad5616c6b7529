"""What differs between two runs is listed, by what kind of thing it is, and what is the same is not."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from lab.comparisons.differences import NOT_RECORDED, OF_RUN, OF_TARGET, Difference, at, differences
from lab.model import Manifest

QUICK_RUN = Path(__file__).resolve().parents[1] / "data" / "quick-run" / "manifest.json"


@pytest.fixture(scope="module")
def captured() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(QUICK_RUN.read_text(encoding="utf-8"))
    return found


@pytest.fixture
def changed(captured: dict[str, Any]) -> dict[str, Any]:
    return copy.deepcopy(captured)


def differing(base: dict[str, Any], new: dict[str, Any], **targets: str) -> tuple[Difference, ...]:
    return differences(Manifest.from_plain(base), Manifest.from_plain(new), **targets)


def test_a_run_does_not_differ_from_itself(captured: dict[str, Any]) -> None:
    assert differing(captured, captured) == ()


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        (("agent_hash",), "other", ("agent", True)),
        (("schema_version",), 99, ("agent", True)),
        (("host", "label"), "elsewhere", ("machine", True)),
        (("engine", "runtime"), "crun", ("machine", True)),
        (("profile",), "full", ("plan", True)),
        (("seed",), 99, ("plan", False)),
        (("created",), "2030-01-01", ("time", False)),
    ],
)
def test_what_changes_of_a_run_has_its_kind(
    captured: dict[str, Any], changed: dict[str, Any], path: tuple[str, ...], value: object, expected: tuple[str, bool]
) -> None:
    inner = changed
    for part in path[:-1]:
        inner = inner[part]
    inner[path[-1]] = value
    (found,) = differing(captured, changed)
    assert (found.name, found.new) == (".".join(path), str(value))
    assert (found.kind, found.matters) == expected


def test_what_all_targets_share_is_stated_once(captured: dict[str, Any], changed: dict[str, Any]) -> None:
    for target in changed["targets"]:
        target["facts"]["kernel"] = "9.9"
    before = captured["targets"][0]["facts"]["kernel"]
    assert differing(captured, changed) == (Difference("kernel", before, "9.9", "machine"),)


def test_what_one_target_has_alone_stands_behind_its_id(captured: dict[str, Any], changed: dict[str, Any]) -> None:
    target = changed["targets"][0]
    target["facts"]["build_class"]["pgo"] = True
    (found,) = differing(captured, changed)
    assert (found.name, found.base, found.new) == (f"{target['id']}: build_class.pgo", "no", "yes")
    assert found.kind == "image"
    (named,) = differing(captured, changed, base_target=target["id"])
    assert named.name == "build_class.pgo"


def test_two_targets_of_one_run_differ_in_their_limit_and_not_in_the_machine(captured: dict[str, Any]) -> None:
    found = differing(captured, captured, base_target="py39-linux-c1", new_target="py39-linux-c2")
    assert {difference.name for difference in found} == {"cpus_requested", "cpus_visible", "cells"}
    assert {difference.kind for difference in found} == {"plan"}


def test_two_versions_of_one_run_differ_in_their_image(captured: dict[str, Any]) -> None:
    found = differing(captured, captured, base_target="py39-linux-c1", new_target="py313-linux-c1")
    assert ("python", "image") in {(difference.name, difference.kind) for difference in found}
    assert not [difference for difference in found if difference.kind == "machine"]


def test_a_target_that_one_run_lacks_is_a_difference_of_the_plans(
    captured: dict[str, Any], changed: dict[str, Any]
) -> None:
    gone = changed["targets"].pop(0)
    (found,) = [difference for difference in differing(captured, changed) if difference.name == "targets"]
    assert gone["id"] in found.base
    assert gone["id"] not in found.new


def test_what_an_older_lab_did_not_record_is_said_to_be_unknown(
    captured: dict[str, Any], changed: dict[str, Any]
) -> None:
    del changed["agent_hash"]
    (found,) = differing(captured, changed)
    assert found.new == NOT_RECORDED


def test_those_that_matter_come_first(captured: dict[str, Any], changed: dict[str, Any]) -> None:
    changed |= {"created": "later", "seed": 5, "agent_hash": "other"}
    assert [difference.matters for difference in differing(captured, changed)] == [True, False, False]


def test_a_target_that_does_not_exist_is_refused(captured: dict[str, Any]) -> None:
    with pytest.raises(KeyError):
        differing(captured, captured, base_target="py27-linux-c1")


def test_every_path_that_is_compared_leads_to_something_that_manifests_record(captured: dict[str, Any]) -> None:
    recorded = Manifest.from_plain(captured)
    for path in OF_RUN:
        at(recorded, path)
    for path in OF_TARGET:
        at(recorded.targets[0], path)
    with pytest.raises(AttributeError):
        at(recorded, "host.nothing")
