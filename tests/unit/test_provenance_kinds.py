"""What is compared of two manifests: every field with its kind, the words of each value, and what all targets share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from lab.comparisons.differences import NOT_RECORDED, Difference, differences

# Kind -> what differs; behind a star what no number depends on.
OF_RUN = {
    "agent": "agent_hash schema_version *lab_version",
    "machine": "host.label host.cpus engine.version",
    "plan": "profile *seed *budget_s inject_slowdown_percent *rounds_done",
    "time": "*created",
}
OF_TARGET = {
    "machine": (
        "engine facts.os facts.arch facts.wine facts.kernel facts.cpu_model facts.cpu_count facts.cgroup_version "
        "facts.clock facts.clock_source facts.frequency.governor facts.mitigations.spectre facts.memory_limit_bytes "
        "facts.seccomp facts.speculation_store_bypass"
    ),
    "agent": "agent_hash",
    "image": (
        "image.source image.base_reference image.base_digest *image.image_id executable facts.implementation "
        "facts.python facts.build facts.gil_enabled facts.build_class.pgo facts.compiler facts.configure facts.libc "
        "facts.default_start_method facts.flags.optimize facts.gc_enabled"
    ),
    "plan": "cpu_mode cpus_requested period_us cpus_visible diagnose",
}


def paths(table: Mapping[str, str]) -> list[tuple[str, str, bool]]:
    """Path, kind, and whether it matters."""
    return [(path.lstrip("*"), kind, path[0] != "*") for kind, row in table.items() for path in row.split()]


def at(path: str, value: object) -> dict[str, Any]:
    """An object with this value at a path."""
    name, _, below = path.partition(".")
    return {name: at(below, value) if below else value}


def with_targets(**entries: Mapping[str, Any]) -> dict[str, Any]:
    return {"targets": [{"id": name, **entry} for name, entry in entries.items()]}


@pytest.mark.parametrize(("path", "kind", "matters"), paths(OF_RUN))
def test_each_field_of_a_run_has_its_kind(path: str, kind: str, *, matters: bool) -> None:
    (found,) = differences(at(path, "x"), at(path, "y"))
    assert found == Difference(path, "x", "y", kind)  # type: ignore[arg-type]
    assert found.matters == matters
    assert differences(at(path, "x"), at(path, "x")) == ()


@pytest.mark.parametrize(("path", "kind", "matters"), paths(OF_TARGET))
def test_each_field_of_a_target_has_its_kind(path: str, kind: str, *, matters: bool) -> None:
    one, other = (with_targets(a=at(path, value), b={}) for value in "xy")
    shown = path.removeprefix("facts.")
    expected = Difference(shown, "x", "y", kind)  # type: ignore[arg-type]
    assert differences(one, other, base_target="a") == (expected,)
    assert expected.matters == matters
    (behind,) = differences(one, other)
    assert (behind.name, behind.matters) == (f"a: {shown}", matters)
    assert differences(one, other, base_target="b") == ()


def test_what_changes_from_block_to_block_is_no_difference() -> None:
    one, other = (
        with_targets(a={"cpus": value, "facts": {"affinity": value, "clock_cost_ns": value}}) for value in (1, 2)
    )
    assert differences(one | {"loops": 1}, other | {"loops": 2}) == ()


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (True, "yes"),
        (False, "no"),
        (0, "0"),
        ([], "none"),
        ([1, True, "x"], "1, yes, x"),
        ((1, [2, 3]), "1, 2, 3"),
        (None, NOT_RECORDED),
        (1.5, "1.5"),
    ],
)
def test_values_are_told_in_words(value: object, words: str) -> None:
    assert differences({"profile": value}, {"profile": "other"}) == (Difference("profile", words, "other", "plan"),)
    assert differences({"profile": "other"}, {"profile": value}) == (Difference("profile", "other", words, "plan"),)


def test_of_an_object_each_leaf_is_told_and_what_one_side_lacks_is_not_recorded() -> None:
    base = {"host": {"label": "x", "cache": {"l2": 1, "l3": 2}}, "engine": "docker"}
    new = {"host": {"label": "x", "cache": {"l2": 9}, "new": None}, "engine": {"name": "docker"}}
    assert differences(base, new) == (
        Difference("host.cache.l2", "1", "9", "machine"),
        Difference("host.cache.l3", "2", NOT_RECORDED, "machine"),
        Difference("engine", "docker", NOT_RECORDED, "machine"),
        Difference("engine.name", NOT_RECORDED, "docker", "machine"),
    )
    assert differences(with_targets(a={"facts": None}), with_targets(a={"facts": {"os": "linux"}})) == (
        Difference("os", NOT_RECORDED, "linux", "machine"),
    )


def test_a_difference_of_all_shared_targets_is_told_once_and_that_of_some_behind_each() -> None:
    old, new = {"executable": "/a", "cpu_mode": "cpuset"}, {"executable": "/b", "cpu_mode": "quota"}
    one = with_targets(a=old, b=old, c=old, gone=old)
    other = with_targets(a=new, b=new, c={**old, "executable": "/b"}, added=new)
    assert differences(one, other) == (
        Difference("targets", "a, b, c, gone", "a, added, b, c", "plan"),
        Difference("executable", "/a", "/b", "image"),
        Difference("a: cpu_mode", "cpuset", "quota", "plan"),
        Difference("b: cpu_mode", "cpuset", "quota", "plan"),
    )
    assert differences(with_targets(a={}), {}) == (Difference("targets", "a", "none", "plan"),)


def cells(*names: str) -> dict[str, Any]:
    """A manifest with these cells, each ``target/scenario/case``."""
    found = [dict(zip(("target", "scenario", "case"), name.split("/"), strict=True)) for name in names]
    return {**with_targets(a={}, b={}), "cells": found}


def test_other_cells_of_the_shared_targets_are_counted() -> None:
    one, other = cells("a/s/1", "a/s/2", "b/s/1", "x/s/9"), cells("a/s/1", "b/s/2")
    assert differences(one, other) == (Difference("cells", "3 cells, 2 only here", "2 cells, 1 only here", "plan"),)
    assert differences(one, other, base_target="a") == (
        Difference("cells", "2 cells, 1 only here", "1 cell, 0 only here", "plan"),
    )
    assert differences(one, other, base_target="b", new_target="a") == ()
    assert differences(cells("a/s/1"), cells("a/s/1", "y/s/1")) == ()
    assert differences(cells("a/s/1"), cells("a/t/1"))[0].base == "1 cell, 1 only here"


def test_two_targets_of_one_run_are_held_against_each_other() -> None:
    both = with_targets(a={"executable": "/a"}, b={"executable": "/b"})
    assert differences(both, both, base_target="a", new_target="b") == (Difference("executable", "/a", "/b", "image"),)
    assert differences(both, both, base_target="a") == ()
    for names in ({"base_target": "c"}, {"base_target": "a", "new_target": "c"}):
        with pytest.raises(KeyError, match="c"):
            differences(both, both, **names)


def test_what_has_no_weight_comes_last_in_both() -> None:
    one = {"seed": 1, "created": "x", **with_targets(a={"image": {"image_id": 1}, "cpu_mode": "cpuset"})}
    other = {"seed": 2, "created": "y", **with_targets(a={"image": {"image_id": 2}, "cpu_mode": "quota"})}
    for options in ({}, {"base_target": "a"}):
        found = [difference.name for difference in differences(one, other, **options)]
        assert found == ["cpu_mode", "seed", "created", "image.image_id"]
